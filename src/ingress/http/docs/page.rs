//! The page as a whole: what the document is about, its operations by group, its schemas.

use serde_json::Value;

use super::super::openapi::DOCUMENT;
use super::field::{components, kind, rules, table};
use super::markdown::{escaped, html, inline};
use super::operation;

/// The page of the whole document.
pub(super) fn reference() -> String {
    let info = &DOCUMENT["info"];
    let title = info["title"].as_str().unwrap_or_default();
    let version = info["version"].as_str().unwrap_or_default();
    let mut main = format!("<h1>{} <small>{}</small></h1>\n", escaped(title), escaped(version));
    main += &html(info["summary"].as_str().unwrap_or_default());
    main += &html(info["description"].as_str().unwrap_or_default());
    main += "<p>The same for programs: <a href=\"/openapi.json\">openapi.json</a>. \
             Every <a href=\"/docs/errors\">error code</a> has a page.</p>\n";
    let mut menu = String::new();
    for tag in DOCUMENT["tags"].as_array().into_iter().flatten() {
        group(tag, &mut menu, &mut main);
    }
    main += "<h2 id=\"schemas\">Schemas</h2>\n";
    menu += "<h2><a href=\"#schemas\">Schemas</a></h2>\n";
    for (name, schema) in components() {
        main += &described(name, schema);
    }
    whole(title, &menu, &main)
}

/// One page beside it.
pub(super) fn article(title: &str, body: &str) -> String {
    const MENU: &str =
        "<h2><a href=\"/docs\">API</a></h2>\n<h2><a href=\"/docs/errors\">Errors</a></h2>\n";
    whole(title, MENU, body)
}

fn whole(title: &str, menu: &str, main: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{}</title>\n<link rel=\"stylesheet\" href=\"/docs/style.css\">\n</head>\n\
         <body>\n<nav>\n{menu}</nav>\n<main>\n{main}</main>\n</body>\n</html>\n",
        escaped(title)
    )
}

fn group(tag: &Value, menu: &mut String, main: &mut String) {
    let name = tag["name"].as_str().unwrap_or_default();
    let place = name.to_lowercase().replace(' ', "-");
    *menu += &format!("<h2><a href=\"#{place}\">{0}</a></h2>\n<ul>\n", escaped(name));
    *main += &format!("<h2 id=\"{place}\">{}</h2>\n", escaped(name));
    *main += &html(tag["description"].as_str().unwrap_or_default());
    for (path, item) in DOCUMENT["paths"].as_object().into_iter().flatten() {
        for (method, operation) in item.as_object().into_iter().flatten() {
            if operation["tags"][0] == tag["name"] {
                *main += &operation::article(method, path, operation);
                *menu += &entry(method, operation);
            }
        }
    }
    *menu += "</ul>\n";
}

fn entry(method: &str, operation: &Value) -> String {
    let id = operation["operationId"].as_str().unwrap_or_default();
    let words = id.replace('_', " ");
    format!(
        "<li><a href=\"#{id}\"><span class=\"method {method}\">{method}</span> {words}</a></li>\n"
    )
}

fn described(name: &str, schema: &Value) -> String {
    let told = schema["description"].as_str().map(inline).unwrap_or_default();
    format!(
        "<section id=\"schema-{name}\">\n<h3>{} <small>{}</small></h3>\n<p>{told}</p>\n{}{}</section>\n",
        escaped(name),
        kind(schema),
        rules(schema),
        table(schema),
    )
}
