//! Lenient readers of single fields. Absent and null are the same; every field is kept as its
//! literal text until someone asks for it, so nothing that is not needed can be at fault.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

/// A field's literal text; `None`: absent or null.
pub(super) type Field<'a> = Option<&'a RawValue>;

/// The field has a type that can not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct WrongType;

/// The literal text, as sent; empty where there is none.
pub(super) fn literal(field: Field<'_>) -> &str {
    field.map_or("", RawValue::get)
}

/// An object. (Serde itself would take an array for a struct.)
pub(super) fn object<'a, T: Deserialize<'a>>(field: Field<'a>) -> Result<Option<T>, WrongType> {
    let Some(raw) = field else { return Ok(None) };
    if !raw.get().starts_with('{') {
        return Err(WrongType);
    }
    serde_json::from_str(raw.get()).map(Some).map_err(|_| WrongType)
}

/// A list of anything.
pub(super) fn list<'a>(field: Field<'a>) -> Result<Vec<Field<'a>>, WrongType> {
    field.map_or(Ok(Vec::new()), |raw| serde_json::from_str(raw.get()).map_err(|_| WrongType))
}

/// A string, exactly as it is.
pub(super) fn string(field: Field<'_>) -> Result<Option<Cow<'_, str>>, WrongType> {
    let Some(raw) = field else { return Ok(None) };
    let quoted = raw.get().strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    match quoted {
        None => Err(WrongType),
        Some(plain) if !plain.contains('\\') => Ok(Some(Cow::Borrowed(plain))),
        Some(_) => serde_json::from_str(raw.get()).map(Some).map_err(|_| WrongType),
    }
}

/// A word: a string or a number, without the padding that fixed-width fields come with. Blank
/// counts as absent.
pub(super) fn word(field: Field<'_>) -> Result<Option<Cow<'_, str>>, WrongType> {
    let number =
        field.filter(|raw| raw.get().starts_with(|c: char| c == '-' || c.is_ascii_digit()));
    let text = match number {
        Some(raw) => Some(Cow::Borrowed(raw.get())),
        None => string(field)?,
    };
    let trimmed = text.map(|text| match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
        Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
    });
    Ok(trimmed.filter(|text| !text.is_empty()))
}
