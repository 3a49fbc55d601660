//! Tests: the document is whole, and says what the code does.

use std::collections::BTreeSet;

use super::*;
use crate::ingress::http::error_pages::{codes_of_answers, pages};

/// Every operation, by method and path.
fn operations() -> Vec<(String, &'static Value)> {
    let paths = DOCUMENT["paths"].as_object().unwrap();
    let of_path = |(path, item): (&String, &'static Value)| {
        let operations = item.as_object().unwrap().iter();
        operations.map(|(method, operation)| (format!("{method} {path}"), operation)).collect()
    };
    paths.iter().flat_map(|entry| -> Vec<_> { of_path(entry) }).collect()
}

/// The codes that answers carry, by the document.
fn codes() -> BTreeSet<String> {
    let mut codes = BTreeSet::new();
    for (_, operation) in operations() {
        for (_, response) in operation["responses"].as_object().unwrap() {
            let schema = &response["content"]["application/problem+json"]["schema"];
            let listed = schema["allOf"][1]["properties"]["code"]["enum"].as_array();
            codes
                .extend(listed.into_iter().flatten().map(|code| code.as_str().unwrap().to_owned()));
        }
    }
    codes
}

#[test]
fn every_code_of_the_document_has_a_page() {
    let (codes, pages) = (codes(), pages());
    let missing: Vec<_> = codes.difference(&pages).collect();
    assert!(missing.is_empty(), "no page in docs/errors for {missing:?}");
}

#[test]
fn every_code_that_an_answer_can_carry_is_in_the_document() {
    // In the report of a load, and where there is no operation.
    let nowhere = ["invalid_line", "method_not_allowed"].map(str::to_owned);
    let mut missing = codes_of_answers();
    missing.retain(|code| !codes().contains(code) && !nowhere.contains(code));
    assert!(missing.is_empty(), "no operation answers {missing:?}");
}

#[test]
fn every_operation_says_what_it_is() {
    let mut ids = BTreeSet::new();
    let tags: Vec<&Value> =
        DOCUMENT["tags"].as_array().unwrap().iter().map(|tag| &tag["name"]).collect();
    for (name, operation) in operations() {
        assert!(operation["summary"].as_str().unwrap().ends_with('.'), "{name}");
        assert!(tags.contains(&&operation["tags"][0]), "{name}");
        assert!(ids.insert(operation["operationId"].as_str().unwrap()), "{name}");
        let open = operation["security"].as_array().unwrap().is_empty();
        assert_eq!(open, !name.contains(" /api/"), "{name}: it has no row in the table of scopes");
        for (status, response) in operation["responses"].as_object().unwrap() {
            let empty = status == "204";
            assert_eq!(response["content"].is_null(), empty, "{name} {status}");
            for (kind, media) in response["content"].as_object().into_iter().flatten() {
                assert!(!media["example"].is_null(), "{name} {status} {kind}");
            }
        }
    }
}

#[test]
fn every_operation_can_refuse_what_is_no_proper_request() {
    for (name, operation) in operations() {
        for (status, code) in [
            ("400", "invalid_host"),
            ("400", "malformed_request"),
            ("414", "target_too_long"),
            ("431", "headers_too_large"),
        ] {
            let schema = &operation["responses"][status]["content"]["application/problem+json"];
            let listed = &schema["schema"]["allOf"][1]["properties"]["code"]["enum"];
            assert!(listed.as_array().unwrap().contains(&code.into()), "{name} {code}");
        }
    }
}

/// Routes that are not in the document would have to be made in another way.
#[test]
fn every_route_is_made_with_its_description() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/ingress/http");
    let own = ["admin.rs", "tests.rs", "yardstick.rs"].map(|name| folder.join(name));
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() && !own.contains(&path) {
            let text = std::fs::read_to_string(&path).unwrap();
            assert!(!text.contains(".route(\""), "{path:?} makes a route by hand: use routes!");
        }
    }
}

#[test]
fn every_reference_leads_somewhere() {
    fn walk(value: &Value, seen: &mut BTreeSet<String>) {
        if let Some(place) = value["$ref"].as_str() {
            seen.insert(place.to_owned());
        }
        match value {
            Value::Object(members) => members.values().for_each(|member| walk(member, seen)),
            Value::Array(items) => items.iter().for_each(|item| walk(item, seen)),
            _ => {}
        }
    }
    let mut places = BTreeSet::new();
    walk(&DOCUMENT, &mut places);
    places.retain(|place| DOCUMENT.pointer(place.trim_start_matches('#')).is_none());
    assert!(places.is_empty(), "{places:?}");
}

#[test]
fn bodies_of_our_own_take_no_unknown_fields() {
    for (name, operation) in operations() {
        let body = &operation["requestBody"]["content"]["application/json"]["schema"];
        if !body.is_null() && !name.contains("/marqeta/") {
            let schema = resolved(body, DOCUMENT["components"]["schemas"].as_object().unwrap());
            assert_eq!(schema["additionalProperties"], Value::Bool(false), "{name}");
        }
    }
}

#[test]
fn no_parameter_is_null() {
    for (name, operation) in operations() {
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let schema = parameter["schema"].to_string();
            assert!(!schema.contains("null"), "{name}: {} {schema}", parameter["name"]);
        }
    }
}

#[test]
fn answers_to_callers_with_a_key_tell_their_quota() {
    for (name, operation) in operations() {
        let keyed = operation["security"][0]["bearer"].is_array();
        let responses = operation["responses"].as_object().unwrap();
        for (status, response) in responses {
            for (header, _) in crate::ingress::http::access::rate::HEADERS {
                let told = response["headers"][header].is_object();
                assert_eq!(told, keyed, "{name} {status} {header}");
            }
        }
        assert_eq!(responses.contains_key("429"), keyed, "{name}");
        if keyed {
            assert!(responses["429"]["headers"]["Retry-After"].is_object(), "{name}");
        }
    }
}
