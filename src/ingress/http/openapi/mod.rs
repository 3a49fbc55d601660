//! The OpenAPI document: it comes out of the same list of routes as the router, so that neither knows a
//! route that the other does not. What all operations share is added here, once.

mod conditions;
mod examples;
mod links;
mod operation;
mod problems;
mod security;
#[cfg(test)]
mod tests;

use std::sync::{Arc, LazyLock};

use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderValue, header};
use serde_json::{Map, Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Doors;

/// `/openapi.json`. No key is needed: it tells what the source tells.
pub(super) fn router() -> OpenApiRouter<Arc<Doors>> {
    OpenApiRouter::new().routes(routes!(openapi))
}

/// Answers this document.
#[utoipa::path(
    get,
    path = "/openapi.json",
    tag = "Documentation",
    operation_id = "openapi",
    responses((status = 200, description = "OpenAPI 3.1.", body = Object)),
)]
async fn openapi() -> Response {
    const JSON: HeaderValue = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, JSON)], TEXT.clone()).into_response()
}

/// The document, as it is served and printed.
pub static TEXT: LazyLock<Bytes> = LazyLock::new(|| {
    let text = serde_json::to_string(&*DOCUMENT);
    Bytes::from(text.expect("a value with texts for keys always becomes JSON"))
});

/// The document.
pub static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    let (open, managed) = super::routes();
    let collected = open.merge(managed).into_openapi();
    let value = serde_json::to_value(collected);
    finished(value.expect("a document with texts for keys always becomes JSON"))
});

/// What the routes do not say themselves: whom it is about, problems, security, examples.
fn finished(mut document: Value) -> Value {
    tidy(&mut document);
    document["openapi"] = json!("3.1.0");
    document["info"] = info();
    document["servers"] = json!([{ "url": "/", "description": "This instance." }]);
    document["tags"] = tags();
    document["components"]["securitySchemes"] = security::schemes();
    conditions::add(&mut document);
    let components = document["components"]["schemas"].take();
    let mut components = members(components);
    problems::add_schemas(&mut components);
    if let Value::Object(paths) = &mut document["paths"] {
        for (path, item) in paths {
            for (method, operation) in item.as_object_mut().into_iter().flatten() {
                operation::complete(operation, method, path, &components);
            }
        }
    }
    document["components"]["schemas"] = Value::Object(components);
    links::add(&mut document);
    document
}

fn members(value: Value) -> Map<String, Value> {
    if let Value::Object(members) = value { members } else { Map::new() }
}

/// Takes out what the derives say of fields that may be absent: that they are `null` by default.
fn tidy(value: &mut Value) {
    match value {
        Value::Object(members) => {
            if members.get("default").is_some_and(Value::is_null) {
                members.remove("default");
            }
            members.values_mut().for_each(tidy);
        }
        Value::Array(items) => items.iter_mut().for_each(tidy),
        _ => {}
    }
}

fn info() -> Value {
    json!({
        "title": "Tollgate",
        "version": env!("CARGO_PKG_VERSION"),
        "summary": "Decides card purchases in real time, holds the money, and follows the purchase.",
        "description": include_str!("introduction.md"),
        "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
    })
}

/// The groups, in the order in which somebody who starts needs them.
fn tags() -> Value {
    const TAGS: [(&str, &str); 17] = [
        ("Companies", "Whose money it is: each company has an account in one currency."),
        ("Users", "Who spends it."),
        ("Cards", "What it is spent with."),
        ("Accounts", "What there is, what is held and what is gone."),
        ("Spending limits", "How much and how often, per purchase, day, week, month, or for ever."),
        (
            "Spending controls",
            "Where and how: categories, merchants, countries, entry modes, channels.",
        ),
        ("Personal", "People on their own: users, wallets and cards."),
        ("Imports", "Many users, cards and limits at once."),
        ("Authorizations", "Purchases: decided, explained, and followed until they are settled."),
        ("Postings", "Money that moves without an authorization before it."),
        ("Transactions", "What programs report for their books and reports."),
        ("Card platform", "Where the card platform asks and notifies."),
        ("Access", "Keys of these routes, and the log of who has done what."),
        ("Dead letters", "Messages that could not be worked."),
        ("Events", "What happens, as it happens."),
        ("Operations", "How the service is doing."),
        ("Health", "For probes."),
    ];
    let mut tags: Vec<Value> = TAGS
        .into_iter()
        .map(|(name, description)| json!({ "name": name, "description": description }))
        .collect();
    tags.push(json!({ "name": "Documentation", "description": "What you are reading." }));
    Value::Array(tags)
}

/// The schema that a reference names, or the schema itself.
pub(super) fn resolved<'a>(schema: &'a Value, components: &'a Map<String, Value>) -> &'a Value {
    const PREFIX: &str = "#/components/schemas/";
    let name = schema["$ref"].as_str().and_then(|place| place.strip_prefix(PREFIX));
    name.and_then(|name| components.get(name)).unwrap_or(schema)
}
