//! Readers of JSON values that are not text: amounts, counts, flags, lists, objects.

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::field::{Invalid, Read};
use crate::domain::money::AMOUNT_MAX_MINOR;

/// The most items a list may have.
pub const ITEMS_MAX: usize = 256;

/// An amount in minor units, 1 to 10^12; anything else is `invalid_amount`.
pub fn amount(raw: &RawValue) -> Read<i64> {
    const DETAIL: &str = "an amount is a whole number of minor units from 1 to 1000000000000";
    whole(raw)
        .filter(|minor| (1..=AMOUNT_MAX_MINOR).contains(minor))
        .ok_or_else(|| Invalid::new("invalid_amount", DETAIL))
}

/// An amount in minor units that may be 0; anything else is `invalid_amount`.
pub fn amount_or_zero(raw: &RawValue) -> Read<i64> {
    const DETAIL: &str = "an amount is a whole number of minor units from 0 to 1000000000000";
    whole(raw)
        .filter(|minor| *minor <= AMOUNT_MAX_MINOR)
        .ok_or_else(|| Invalid::new("invalid_amount", DETAIL))
}

/// Credit granted, in minor units, 0 to 10^12; anything else is `invalid_limit`.
pub fn credit(raw: &RawValue) -> Read<i64> {
    const DETAIL: &str = "credit is a whole number of minor units from 0 to 1000000000000";
    amount_or_zero(raw).map_err(|_| Invalid::new("invalid_limit", DETAIL))
}

/// How often something may happen, 0 to 10^12; anything else is `invalid_count`.
pub fn count(raw: &RawValue) -> Read<i64> {
    const DETAIL: &str = "a count is a whole number from 0 to 1000000000000";
    amount_or_zero(raw).map_err(|_| Invalid::new("invalid_count", DETAIL))
}

/// `true` or `false`; anything else is `invalid_type`.
pub fn flag(raw: &RawValue) -> Read<bool> {
    match raw.get() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(Invalid::new("invalid_type", "expected true or false")),
    }
}

/// A list of at most [`ITEMS_MAX`] values, each read by `read` and blamed by its place.
pub fn list<T>(raw: &RawValue, read: impl Fn(&RawValue) -> Read<T>) -> Read<Vec<T>> {
    let items: Vec<Box<RawValue>> = serde_json::from_str(raw.get())
        .map_err(|_| Invalid::new("invalid_type", "expected a list"))?;
    if items.len() > ITEMS_MAX {
        return Err(Invalid::new("too_long", "a list has at most 256 items"));
    }
    let place =
        |(at, item): (usize, &RawValue)| read(item).map_err(|fault| fault.under(&at.to_string()));
    items.iter().map(AsRef::as_ref).enumerate().map(place).collect()
}

/// A nested object whose fields are [`super::field::Field`]s; an array is no object.
pub fn object<T: DeserializeOwned>(raw: &RawValue) -> Read<T> {
    if !raw.get().starts_with('{') {
        return Err(Invalid::new("invalid_type", "expected an object"));
    }
    // Fields take any value, so the only thing that can go wrong is a name.
    serde_json::from_str(raw.get())
        .map_err(|_| Invalid::new("unknown_field", "this object has a field that is not known"))
}

/// Plain digits only: no sign, point or exponent, however the number would round.
fn whole(raw: &RawValue) -> Option<i64> {
    let text = raw.get();
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(json: &str) -> Box<RawValue> {
        RawValue::from_string(json.to_owned()).unwrap()
    }

    #[test]
    fn amounts_are_whole_numbers_in_range() {
        assert_eq!(amount(&raw("1")), Ok(1));
        assert_eq!(amount(&raw("1000000000000")), Ok(AMOUNT_MAX_MINOR));
        assert_eq!(amount_or_zero(&raw("0")), Ok(0));
        for json in [
            "0",
            "-0",
            "-1",
            "1.0",
            "1e2",
            "1e309",
            "\"1\"",
            "null",
            "true",
            "[1]",
            "{}",
            "1000000000001",
            "9223372036854775807",
            "9223372036854775808",
            "18446744073709551616",
        ] {
            assert_eq!(amount(&raw(json)).unwrap_err().code, "invalid_amount", "{json}");
        }
        assert_eq!(credit(&raw("-5")).unwrap_err().code, "invalid_limit");
        assert_eq!(count(&raw("1.5")).unwrap_err().code, "invalid_count");
    }

    #[test]
    fn lists_blame_the_item_and_objects_are_not_arrays() {
        let fault = list(&raw("[true,1]"), flag).unwrap_err();
        assert_eq!((fault.code, fault.pointer.as_str()), ("invalid_type", "/1"));
        assert_eq!(list(&raw("{}"), flag).unwrap_err().code, "invalid_type");
        let long = format!("[{}true]", "true,".repeat(ITEMS_MAX));
        assert_eq!(list(&raw(&long), flag).unwrap_err().code, "too_long");
        let object = object::<crate::wire::v1::merchant::Merchant>;
        assert_eq!(object(&raw("[]")).err().map(|fault| fault.code), Some("invalid_type"));
        assert_eq!(object(&raw(r#"{"x":1}"#)).err().map(|fault| fault.code), Some("unknown_field"));
    }
}
