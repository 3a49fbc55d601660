//! Tests: the page shows everything, and nothing of it comes from elsewhere.

use serde_json::Value;

use super::super::openapi::DOCUMENT;
use super::*;

#[test]
fn the_page_shows_every_operation_and_every_link_on_it_leads_somewhere() {
    let page = page::reference();
    for (path, item) in DOCUMENT["paths"].as_object().unwrap() {
        for (_, operation) in item.as_object().unwrap() {
            let id = operation["operationId"].as_str().unwrap();
            assert!(page.contains(&format!("<article id=\"{id}\">")), "{path}: {id}");
        }
    }
    for link in page.split("href=\"").skip(1) {
        let target = link.split('"').next().unwrap();
        let known = match target.strip_prefix('#') {
            Some(place) => page.contains(&format!("id=\"{place}\"")),
            None => match target.strip_prefix("/docs/errors/") {
                Some(code) => Pages::get(&format!("{code}.md")).is_some(),
                None => DOCUMENT["paths"].get(target).is_some(),
            },
        };
        assert!(known, "{target} is nowhere");
    }
}

#[test]
fn nothing_comes_from_another_host_and_nothing_runs() {
    let page = page::reference();
    for forbidden in ["<script", "http://", "https://", "style=", "onclick", "<img", "<iframe"] {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
}

#[test]
fn every_page_of_a_code_is_embedded() {
    let list = String::from_utf8(page_of("README").unwrap().to_vec()).unwrap();
    for file in Pages::iter() {
        let code = file.strip_suffix(".md").unwrap();
        let page = String::from_utf8(page_of(code).unwrap().to_vec()).unwrap();
        assert!(page.contains("<h1>"), "{code}");
        let listed = list.contains(&format!("href=\"/docs/errors/{code}\""));
        assert!(listed || code == "README", "{code} is not in the list");
    }
    assert!(page_of("../ARCHITECTURE").is_none());
    assert_ne!(DOCUMENT["openapi"], Value::Null);
}
