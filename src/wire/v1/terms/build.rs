//! Builders of small schemas, and the macro that makes a type of each.

use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};

use super::CODES;

/// Texts of a form.
pub(super) fn text(pattern: &str, code: &'static str, example: &str) -> ObjectBuilder {
    refused(ObjectBuilder::new().schema_type(Type::String).pattern(Some(pattern)), &[code])
        .examples([example])
}

/// Control characters, and what changes the direction of text.
const UNSAFE: &str = r"\u0000-\u001F\u007F-\u009F\u061C\u200E\u200F\u2028-\u202E\u2066-\u2069";
/// White space that is not among them.
const SPACES: &str = r" \u00A0\u1680\u2000-\u200A\u202F\u205F\u3000";

/// Texts of a length that take no control characters.
pub(super) fn line(example: &str) -> ObjectBuilder {
    safe(&format!("^[^{UNSAFE}]+$"), example)
}

/// The same, of which something is left when the padding is gone.
pub(super) fn padded(example: &str) -> ObjectBuilder {
    safe(&format!("^[^{UNSAFE}]*[^{UNSAFE}{SPACES}][^{UNSAFE}]*$"), example)
}

fn safe(pattern: &str, example: &str) -> ObjectBuilder {
    let object = ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some(pattern))
        .min_length(Some(1))
        .max_length(Some(crate::wire::v1::text::CHARS_MAX));
    refused(object, &["empty_text", "too_long", "invalid_characters"]).examples([example])
}

/// Whole numbers.
pub(super) fn whole(least: i64, most: i64, code: &'static str, example: i64) -> ObjectBuilder {
    let object = ObjectBuilder::new()
        .schema_type(Type::Integer)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
        .minimum(Some(least))
        .maximum(Some(most));
    refused(object, &[code]).examples([example])
}

/// One word of a closed list. A list without a code is only ever answered.
pub(super) fn words<'a>(
    words: impl IntoIterator<Item = &'a str>,
    code: Option<&'static str>,
) -> ObjectBuilder {
    let words: Vec<&str> = words.into_iter().collect();
    let object = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words));
    refused(object, code.as_slice())
}

/// The same, and the codes that other values are refused by.
pub(super) fn refused(object: ObjectBuilder, codes: &[&str]) -> ObjectBuilder {
    if codes.is_empty() {
        return object;
    }
    object.extensions(Some(ExtensionsBuilder::new().add(CODES, codes).build()))
}

/// Declares types that stand for schemas: their comment is the description, their name the name.
macro_rules! terms {
    ($($(#[doc = $doc:literal])+ $name:ident = $object:expr;)+) => {$(
        $(#[doc = $doc])+
        pub enum $name {}

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                let description = concat!($($doc),+).trim();
                utoipa::openapi::schema::Schema::from($object.description(Some(description)).build()).into()
            }
        }

        impl utoipa::ToSchema for $name {
            fn name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
        }
    )+};
}

pub(super) use terms;
