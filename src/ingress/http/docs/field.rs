//! Schemas as tables of fields, and types in words.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::super::openapi::{DOCUMENT, resolved};
use super::markdown::{escaped, inline};

/// The schemas of the document.
pub(super) fn components() -> &'static Map<String, Value> {
    const SCHEMAS: &str = "the finished document has schemas";
    DOCUMENT["components"]["schemas"].as_object().expect(SCHEMAS)
}

/// The fields of an object, one row each; nothing where it has none.
pub(super) fn table(schema: &Value) -> String {
    let mut rows = Vec::new();
    collect(schema, &mut rows);
    if rows.is_empty() {
        return String::new();
    }
    format!("<table>\n{}</table>\n", rows.concat())
}

fn collect(schema: &Value, rows: &mut Vec<String>) {
    let schema = resolved(schema, components());
    if let Some(fields) = schema["properties"].as_object() {
        let required: BTreeSet<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        // What must be there comes first.
        for must in [true, false] {
            for (name, field) in
                fields.iter().filter(|(name, _)| required.contains(name.as_str()) == must)
            {
                rows.push(row(name, field, must));
            }
        }
    }
    let parts = schema["allOf"].as_array().into_iter().flatten();
    parts.filter(|part| part["anyOf"].is_null()).for_each(|part| collect(part, rows));
}

/// One field or parameter.
pub(super) fn row(name: &str, field: &Value, required: bool) -> String {
    let must = if required { " <b>required</b>" } else { "" };
    let told = description(field).map(inline).unwrap_or_default();
    format!(
        "<tr><th><code>{}</code>{must}</th><td>{}</td><td>{told}</td></tr>\n",
        escaped(name),
        kind(field)
    )
}

/// Of the field itself, else of one of its choices, else of its type.
fn description(field: &Value) -> Option<&str> {
    let mut choices = field["oneOf"].as_array().into_iter().flatten();
    field["description"]
        .as_str()
        .or_else(|| choices.find_map(description))
        .or_else(|| resolved(field, components())["description"].as_str())
}

/// The type of a value in words; words that the document explains are links to it.
pub(super) fn kind(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|place| place.rsplit('/').next()) {
        return format!("<a href=\"#schema-{name}\">{}</a>", escaped(name));
    }
    for key in ["oneOf", "anyOf"] {
        if let Some(choices) = schema[key].as_array() {
            let words: Vec<String> = choices.iter().map(kind).collect();
            return words.join(" or ");
        }
    }
    if let Some(kinds) = schema["type"].as_array() {
        let words: Vec<String> =
            kinds.iter().filter_map(Value::as_str).map(|word| named(word, schema)).collect();
        return words.join(" or ");
    }
    schema["type"].as_str().map_or_else(|| "anything".to_owned(), |word| named(word, schema))
}

fn named(word: &str, schema: &Value) -> String {
    match word {
        "array" => format!("list of {}", kind(&schema["items"])),
        "object" if schema["additionalProperties"].is_object() => {
            format!("{} by name", kind(&schema["additionalProperties"]))
        }
        word => word.to_owned(),
    }
}

/// What else is to be known of a value: its words, form and range.
pub(super) fn rules(schema: &Value) -> String {
    let mut rules = Vec::new();
    if let Some(words) = schema["enum"].as_array() {
        let words = words
            .iter()
            .filter_map(Value::as_str)
            .map(|word| format!("<code>{}</code>", escaped(word)));
        rules.push(words.collect::<Vec<_>>().join(" "));
    }
    for (key, word) in [
        ("minimum", "at least"),
        ("maximum", "at most"),
        ("minLength", "characters, at least"),
        ("maxLength", "characters, at most"),
        ("pattern", "of the form"),
        ("format", "format"),
    ] {
        match &schema[key] {
            Value::Null => {}
            Value::String(text) => rules.push(format!("{word} <code>{}</code>", escaped(text))),
            other => rules.push(format!("{word} {other}")),
        }
    }
    if let Some(example) = schema["examples"].get(0) {
        rules.push(format!("for example <code>{}</code>", escaped(&example.to_string())));
    }
    if rules.is_empty() { String::new() } else { format!("<p>{}</p>\n", rules.join("; ")) }
}
