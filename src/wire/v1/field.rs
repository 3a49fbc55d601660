//! Fields of input objects, kept as literal JSON until they are read, and what can be wrong in them.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

/// What is wrong in an input, and where. Never the value itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{pointer}: {detail}")]
pub struct Invalid {
    /// The stable code: `invalid_amount`.
    pub code: &'static str,
    /// One sentence for a person.
    pub detail: Cow<'static, str>,
    /// A JSON pointer to the field; empty for the value itself.
    pub pointer: String,
}

impl Invalid {
    /// A fault of the value itself; [`Invalid::under`] says where it was found.
    pub fn new(code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { code, detail: detail.into(), pointer: String::new() }
    }

    /// A required field that is not there.
    pub fn missing(name: &str) -> Self {
        Self::new("missing_field", "this field is required").under(name)
    }

    /// The same fault, seen from one level further out.
    #[must_use]
    pub fn under(mut self, name: &str) -> Self {
        self.pointer.insert_str(0, name);
        self.pointer.insert(0, '/');
        self
    }
}

/// What reading a field comes to.
pub type Read<T> = Result<T, Invalid>;

/// One field of an input object: absent, `null`, or a value not read yet.
#[derive(Default)]
pub struct Field(Option<Box<RawValue>>);

impl<'de> Deserialize<'de> for Field {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Box::<RawValue>::deserialize(deserializer).map(|raw| Self(Some(raw)))
    }
}

/// As it came; absent is `null`. The document asks for it, to show what absent fields are.
impl Serialize for Field {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl Field {
    /// Whether the object has the field at all.
    pub const fn is_given(&self) -> bool {
        self.0.is_some()
    }

    /// The value; an absent one is `missing_field`, and `null` is what `read` makes of it.
    pub fn required<T>(&self, name: &str, read: impl Fn(&RawValue) -> Read<T>) -> Read<T> {
        let raw = self.0.as_deref().ok_or_else(|| Invalid::missing(name))?;
        read(raw).map_err(|fault| fault.under(name))
    }

    /// The value; `None` where it is absent or `null`.
    pub fn optional<T>(&self, name: &str, read: impl Fn(&RawValue) -> Read<T>) -> Read<Option<T>> {
        Ok(self.clearable(name, read)?.flatten())
    }

    /// A change: `None` where the field is absent; `null` is what `read` makes of it.
    pub fn change<T>(&self, name: &str, read: impl Fn(&RawValue) -> Read<T>) -> Read<Option<T>> {
        if self.is_given() { self.required(name, read).map(Some) } else { Ok(None) }
    }

    /// A change that may clear: `None` where the field is absent, `Some(None)` where it is `null`.
    pub fn clearable<T>(
        &self,
        name: &str,
        read: impl Fn(&RawValue) -> Read<T>,
    ) -> Read<Option<Option<T>>> {
        match self.0.as_deref() {
            None => Ok(None),
            Some(raw) if raw.get() == "null" => Ok(Some(None)),
            Some(raw) => match read(raw) {
                Ok(value) => Ok(Some(Some(value))),
                Err(fault) => Err(fault.under(name)),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::v1::text;

    #[derive(Deserialize, Default)]
    #[serde(default, deny_unknown_fields)]
    struct Shape {
        name: Field,
    }

    fn shape(json: &str) -> Shape {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn absent_null_and_given_are_told_apart() {
        let absent = shape("{}");
        assert_eq!(absent.name.required("name", text::line).unwrap_err().code, "missing_field");
        assert_eq!(absent.name.clearable("name", text::line), Ok(None));
        let null = shape(r#"{"name":null}"#);
        assert_eq!(null.name.required("name", text::line).unwrap_err().code, "invalid_type");
        assert_eq!(null.name.change("name", text::line).unwrap_err().pointer, "/name");
        assert_eq!(null.name.optional("name", text::line), Ok(None));
        assert_eq!(null.name.clearable("name", text::line), Ok(Some(None)));
        let given = shape(r#"{"name":"Wren"}"#);
        assert_eq!(given.name.clearable("name", text::line), Ok(Some(Some("Wren".into()))));
    }

    #[test]
    fn unknown_fields_are_refused() {
        assert!(serde_json::from_str::<Shape>(r#"{"balance":1}"#).is_err());
    }
}
