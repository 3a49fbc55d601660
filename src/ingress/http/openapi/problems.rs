//! Problems in the document: one schema, narrowed by each answer to the codes that it can carry.

use std::collections::BTreeSet;

use http::StatusCode;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::super::problem::Shape;
use crate::wire::v1::terms;

/// What a body is refused for before its fields are looked at, or wherever in it.
pub(super) const BODY: [&str; 16] = [
    "card_number_found",
    "duplicate_key",
    "empty_body",
    "invalid_characters",
    "invalid_type",
    "invalid_unicode",
    "invalid_utf8",
    "invalid_value",
    "malformed_body",
    "malformed_json",
    "missing_field",
    "not_an_object",
    "string_too_long",
    "too_deep",
    "too_many_fields",
    "unknown_field",
];

/// Numbers that are too long to be any amount.
pub(super) const NUMBER: &str = "invalid_amount";

/// Adds the schema of problems, and those that only parameters and headers name.
pub(super) fn add_schemas(components: &mut Map<String, Value>) {
    add::<Shape<'_>>(components);
    add::<terms::VersionTag>(components);
    add::<terms::IdempotencyKeyText>(components);
    add::<terms::PageSize>(components);
    add::<terms::Minutes>(components);
    add::<terms::AuditNumber>(components);
    add::<terms::FilterText>(components);
    add::<terms::Cursor>(components);
    add::<terms::EventTypes>(components);
}

fn add<T: ToSchema>(components: &mut Map<String, Value>) {
    let schema = serde_json::to_value(T::schema()).unwrap_or_default();
    components.insert(T::name().into_owned(), schema);
}

/// The answer of a status with one of these codes.
pub(super) fn response(status: StatusCode, codes: &BTreeSet<String>) -> Value {
    let title = status.canonical_reason().unwrap_or("Error");
    let first = codes.first().map_or("", String::as_str);
    let mut response = json!({
        "description": title,
        "content": { "application/problem+json": {
            "schema": { "allOf": [
                { "$ref": "#/components/schemas/Problem" },
                { "properties": { "code": { "enum": codes }, "status": { "const": status.as_u16() } } },
            ] },
            "example": {
                "type": format!("/docs/errors/{first}"),
                "title": title,
                "status": status.as_u16(),
                "code": first,
                "detail": "one sentence that says what is wrong",
                "request_id": "5f0e6a52-1",
            },
        } },
    });
    let text = json!({ "schema": { "type": "string" } });
    match status {
        StatusCode::UNAUTHORIZED => response["headers"]["WWW-Authenticate"] = text,
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => {
            response["headers"]["Retry-After"] = json!({
                "description": "Seconds after which the same request may be sent again.",
                "schema": { "type": "integer" },
            });
        }
        _ => {}
    }
    response
}
