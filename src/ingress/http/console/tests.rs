//! Tests: the page is whole, keeps to this host and to the API, and makes no HTML of what it is told.

use std::collections::{BTreeMap, BTreeSet};

use super::super::openapi::DOCUMENT;
use super::*;
use crate::domain::money::Currency;

/// Every file of the page by name.
fn files() -> BTreeMap<String, String> {
    Files::iter().map(|name| (name.to_string(), text_of(&name))).collect()
}

/// Every script of the page by name.
fn scripts() -> BTreeMap<String, String> {
    files().into_iter().filter(|(name, _)| script_of(name).is_some()).collect()
}

fn text_of(name: &str) -> String {
    String::from_utf8(file(name).unwrap().into_owned()).unwrap()
}

/// What stands between the two, wherever in the text.
fn between<'a>(text: &'a str, before: &str, after: &str) -> Vec<&'a str> {
    let parts = text.split(before).skip(1);
    parts.filter_map(|part| part.split_once(after)).map(|(found, _)| found).collect()
}

#[test]
fn every_file_of_the_page_is_embedded() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/ingress/http/console/page");
    let names = std::fs::read_dir(folder).unwrap();
    let names: BTreeSet<String> =
        names.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    let embedded: BTreeSet<String> = files().into_keys().collect();
    assert_eq!(embedded, names);
}

#[test]
fn every_link_and_import_leads_to_a_file_and_every_script_is_loaded() {
    let (page, scripts) = (text_of("index.html"), scripts());
    let mut loaded = BTreeSet::new();
    for target in between(&page, "src=\"", "\"").into_iter().chain(between(&page, "href=\"", "\""))
    {
        let name = target.strip_prefix("/console/").expect(target);
        assert!(name == "style.css" || script_of(name).is_some(), "{target} is nowhere");
        loaded.insert(name);
    }
    for (name, text) in &scripts {
        for target in between(text, " from '", "'") {
            let target = target.strip_prefix("./").expect(target);
            assert!(script_of(target).is_some(), "{name}: {target} is nowhere");
            loaded.insert(target);
        }
    }
    for name in scripts.keys() {
        assert!(loaded.contains(name.as_str()), "nobody loads {name}");
    }
    assert!(script_of("../mod.rs").is_none());
}

#[test]
fn nothing_comes_from_another_host_is_kept_or_becomes_html() {
    const FORBIDDEN: [&str; 20] = [
        "://",
        "\"//",
        "'//",
        "`//",
        "url(",
        "@import",
        "style=",
        "onclick=",
        "<iframe",
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "DOMParser",
        "eval(",
        "Function(",
        "import(",
        "localStorage",
        "sessionStorage",
        "cookie",
    ];
    for (name, text) in files() {
        for forbidden in FORBIDDEN {
            assert!(!text.contains(forbidden), "{name}: {forbidden}");
        }
    }
    assert!(
        !text_of("index.html").contains("<script>"),
        "scripts are files: the policy lets no other run"
    );
}

#[test]
fn every_place_that_the_scripts_look_for_is_on_the_page() {
    let page = text_of("index.html");
    for (name, text) in scripts() {
        // A sign alone marks a column of numbers.
        for id in between(&text, "'#", "'").into_iter().filter(|id| !id.is_empty()) {
            assert!(page.contains(&format!("id=\"{id}\"")), "{name}: #{id}");
        }
    }
}

#[test]
fn every_route_that_the_page_asks_is_in_the_document() {
    let named = text_of("routes.js");
    let routes = between(&named, "['", "']");
    assert!(routes.len() > 5, "the search misses most: {routes:?}");
    for route in routes {
        let (method, path) = route.split_once("', '").unwrap();
        let operation = &DOCUMENT["paths"][path][method.to_lowercase()];
        assert!(operation.is_object(), "{method} {path}");
    }
    for (name, text) in scripts() {
        let elsewhere = text.contains("'/api/v1") || text.contains("`/api/v1");
        assert!(!elsewhere || name == "routes.js", "{name} asks what routes.js does not name");
    }
}

#[test]
fn every_filter_on_the_page_is_a_parameter_of_its_list() {
    let page = text_of("index.html");
    for (section, path) in [
        ("profile", "/api/v1/profile"),
        ("authorizations", "/api/v1/authorizations"),
        ("letters", "/api/v1/dead-letters"),
    ] {
        let part = between(&page, &format!("<section id=\"{section}\""), "</section>")[0];
        let known = DOCUMENT["paths"][path]["get"]["parameters"].as_array().unwrap();
        let names = between(part, " name=\"", "\"");
        assert!(!names.is_empty(), "{section}");
        for name in names {
            assert!(known.iter().any(|parameter| parameter["name"] == name), "{section}: {name}");
        }
    }
}

#[test]
fn the_page_knows_the_decimals_of_every_currency() {
    let table = text_of("currencies.js");
    let mut found = 0;
    for code in (b'A'..=b'Z')
        .flat_map(|a| (b'A'..=b'Z').flat_map(move |b| (b'A'..=b'Z').map(move |c| [a, b, c])))
    {
        let code = std::str::from_utf8(&code).unwrap();
        let told = between(&table, &format!("\n  {code}: "), ",");
        let told = told.first().map(|digits| digits.parse().unwrap());
        let Some(currency) = Currency::parse(code) else {
            assert_eq!(told, None, "{code} is no currency");
            continue;
        };
        assert_eq!(told.unwrap_or(2), currency.decimals(), "{code}");
        found += 1;
    }
    assert!(found > 150, "{found}");
}
