//! One operation: what follows from what it takes. A route that takes a body can refuse one, a route
//! that asks for a key can miss it. Handlers only name the codes that are their own, as the
//! description of a status without a body: `(status = 409, description = "token_taken")`.

use std::collections::{BTreeMap, BTreeSet};

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::super::access::rate;
use super::problems::{BODY, NUMBER};
use super::security::Asks;
use super::{examples, problems, resolved};
use crate::wire::v1::terms::CODES;

/// Codes by status.
type Codes = BTreeMap<StatusCode, BTreeSet<String>>;

/// Adds what every operation of its kind has.
pub(super) fn complete(
    operation: &mut Value,
    method: &str,
    path: &str,
    components: &Map<String, Value>,
) {
    let asks = Asks::of(method, path);
    operation["security"] = asks.requirements();
    if asks.program_only() {
        operation["x-program-only"] = json!(true);
    }
    let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut);
    parameters.into_iter().flatten().for_each(never_null);
    let mut codes = Codes::new();
    own(&operation["responses"], &mut codes);
    common(&asks, path, &mut codes);
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        of_parameter(parameter, components, &mut codes);
    }
    if operation["requestBody"].is_object() {
        // Lines of JSON are refused one by one, in the answer.
        if operation["requestBody"]["content"]["application/json"].is_object() {
            of_body(&operation["requestBody"], &asks, components, &mut codes);
        }
        operation["requestBody"]["required"] = json!(true);
    } else if matches!(method, "post" | "delete") {
        of_any_body(&mut codes); // none is taken, and one that is sent is refused
    }
    for (status, codes) in &codes {
        let response = &mut operation["responses"][status.as_str()];
        let own = response["content"].take();
        *response = problems::response(*status, codes);
        // Where a refusal may have a body of its own, that is one more.
        for (kind, media) in own.as_object().into_iter().flatten() {
            response["content"][kind] = media.clone();
        }
    }
    for (_, response) in operation["responses"].as_object_mut().into_iter().flatten() {
        tag(response, components);
        if matches!(asks, Asks::Key { .. }) {
            tell_quota(response);
        }
    }
    examples::add(operation, components);
}

/// A parameter that may be absent can not be `null`, as the derive says of headers: it is text.
fn never_null(parameter: &mut Value) {
    if let Some(Value::Array(kinds)) = parameter.pointer_mut("/schema/type") {
        kinds.retain(|kind| kind != "null");
    }
    let choices = parameter.pointer("/schema/oneOf").and_then(Value::as_array);
    if let Some(some) = choices.into_iter().flatten().find(|choice| choice["type"] != "null") {
        parameter["schema"] = some.clone();
    }
}

/// An answer with a version carries it as `ETag`.
fn tag(response: &mut Value, components: &Map<String, Value>) {
    if has_version(&response["content"]["application/json"]["schema"], components) {
        response["headers"]["ETag"] = json!({
            "description": "The version, for `If-Match`.",
            "schema": { "$ref": "#/components/schemas/VersionTag" },
        });
    }
}

/// Whatever the answer, it tells what is left of the caller's quota, where there is one.
fn tell_quota(response: &mut Value) {
    for (name, description) in rate::HEADERS {
        response["headers"][name] = json!({
            "description": description,
            "schema": { "type": "integer", "minimum": 0 },
        });
    }
}

fn has_version(schema: &Value, components: &Map<String, Value>) -> bool {
    let schema = resolved(schema, components);
    let mut parts = schema["allOf"].as_array().into_iter().flatten();
    schema["properties"].get("version").is_some() || parts.any(|part| has_version(part, components))
}

fn add(codes: &mut Codes, status: StatusCode, named: impl IntoIterator<Item = impl Into<String>>) {
    codes.entry(status).or_default().extend(named.into_iter().map(Into::into));
}

/// What the handler names itself.
fn own(responses: &Value, codes: &mut Codes) {
    for (status, response) in responses.as_object().into_iter().flatten() {
        let status = StatusCode::from_bytes(status.as_bytes()).unwrap_or_default();
        let named = response["description"].as_str().unwrap_or_default();
        if status.as_u16() >= 400 && response["content"].is_null() {
            add(codes, status, named.split(' '));
        }
    }
}

fn common(asks: &Asks, path: &str, codes: &mut Codes) {
    // What is no proper request is refused before anybody looks for its route.
    add(codes, StatusCode::BAD_REQUEST, ["invalid_host", "malformed_request"]);
    add(codes, StatusCode::URI_TOO_LONG, ["target_too_long"]);
    add(codes, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, ["headers_too_large"]);
    match asks {
        Asks::Nothing => return,
        Asks::Platform => {}
        Asks::Key { .. } => {
            add(codes, StatusCode::FORBIDDEN, ["forbidden"]);
            add(codes, StatusCode::TOO_MANY_REQUESTS, ["rate_limited"]);
        }
    }
    add(codes, StatusCode::UNAUTHORIZED, ["unauthorized"]);
    add(codes, StatusCode::INTERNAL_SERVER_ERROR, ["internal"]);
    add(codes, StatusCode::SERVICE_UNAVAILABLE, ["unavailable"]);
    if path.contains("{id}") {
        add(codes, StatusCode::NOT_FOUND, ["not_found"]);
    }
}

fn of_parameter(parameter: &Value, components: &Map<String, Value>, codes: &mut Codes) {
    let status = StatusCode::BAD_REQUEST;
    gather(&parameter["schema"], components, codes.entry(status).or_default());
    match (parameter["in"].as_str(), parameter["name"].as_str()) {
        (Some("query"), _) => {
            add(codes, status, ["invalid_query", "invalid_parameter", "invalid_type"]);
        }
        (_, Some("If-Match")) => {
            add(codes, StatusCode::PRECONDITION_REQUIRED, ["version_required"]);
            add(codes, StatusCode::PRECONDITION_FAILED, ["version_conflict"]);
        }
        (_, Some("Idempotency-Key")) => {
            add(codes, status, ["idempotency_key_required"]);
            add(codes, StatusCode::CONFLICT, ["idempotency_in_progress"]);
            add(codes, StatusCode::UNPROCESSABLE_ENTITY, ["idempotency_key_reused"]);
        }
        _ => {}
    }
    codes.retain(|_, codes| !codes.is_empty());
}

/// Whatever it should hold.
fn of_any_body(codes: &mut Codes) {
    add(codes, StatusCode::BAD_REQUEST, BODY);
    add(codes, StatusCode::BAD_REQUEST, [NUMBER]);
    add(codes, StatusCode::REQUEST_TIMEOUT, ["body_timeout"]);
    add(codes, StatusCode::PAYLOAD_TOO_LARGE, ["body_too_large"]);
    add(
        codes,
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ["unsupported_media_type", "unsupported_encoding"],
    );
}

fn of_body(body: &Value, asks: &Asks, components: &Map<String, Value>, codes: &mut Codes) {
    of_any_body(codes);
    let schema = &body["content"]["application/json"]["schema"];
    let mut fields = BTreeSet::new();
    gather(schema, components, &mut fields);
    match asks {
        // There, fields that can not be read are declined; only the token must be one.
        Asks::Platform => add(codes, StatusCode::BAD_REQUEST, ["invalid_token"]),
        _ => add(codes, StatusCode::BAD_REQUEST, fields),
    }
}

/// The codes that a schema and everything in it name.
fn gather(schema: &Value, components: &Map<String, Value>, into: &mut BTreeSet<String>) {
    match resolved(schema, components) {
        Value::Object(members) => {
            let named = members.get(CODES).and_then(Value::as_array).into_iter().flatten();
            into.extend(named.filter_map(Value::as_str).map(str::to_owned));
            if members.contains_key("maxItems") {
                into.insert("too_long".to_owned());
            }
            members.values().for_each(|member| gather(member, components, into));
        }
        Value::Array(items) => items.iter().for_each(|item| gather(item, components, into)),
        _ => {}
    }
}
