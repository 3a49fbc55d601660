//! One operation on the page: what it takes, what it answers, and a call to copy.

use serde_json::Value;

use super::field::{kind, row, table};
use super::markdown::{escaped, html, inline};

/// The whole of it.
pub(super) fn article(method: &str, path: &str, operation: &Value) -> String {
    let id = operation["operationId"].as_str().unwrap_or_default();
    let upper = method.to_uppercase();
    let mut page = format!(
        "<article id=\"{id}\">\n<h3><span class=\"method {method}\">{upper}</span> <code>{}</code></h3>\n",
        escaped(path)
    );
    for key in ["summary", "description"] {
        page += &html(operation[key].as_str().unwrap_or_default());
    }
    page += &access(operation);
    page += &parameters(&operation["parameters"]);
    page += &body(&operation["requestBody"]);
    page += &format!("<pre>{}</pre>\n", escaped(&call(&upper, path, operation)));
    page += "<h4>Answers</h4>\n";
    for (status, response) in operation["responses"].as_object().into_iter().flatten() {
        page += &answer(status, response);
    }
    page + "</article>\n"
}

fn access(operation: &Value) -> String {
    let any = operation["security"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_object)
        .flatten();
    let words: Vec<String> = any
        .map(|(scheme, scopes)| match scopes.get(0).and_then(Value::as_str) {
            Some(scope) => format!("<code>{}</code>", escaped(scope)),
            None => format!("<code>{}</code> credentials", escaped(scheme)),
        })
        .collect();
    if words.is_empty() {
        return "<p class=\"access\">No key is needed.</p>\n".to_owned();
    }
    let whose = if operation["x-program-only"] == true { "; keys of companies do not" } else { "" };
    format!("<p class=\"access\">Opens with {}{whose}.</p>\n", words.join(" or "))
}

fn parameters(parameters: &Value) -> String {
    let rows = parameters.as_array().into_iter().flatten().map(|parameter| {
        let mut field = parameter["schema"].clone();
        if let (Value::Object(field), Some(told)) = (&mut field, parameter.get("description")) {
            field.insert("description".to_owned(), told.clone());
        }
        let name = parameter["name"].as_str().unwrap_or_default();
        let place = parameter["in"].as_str().unwrap_or_default();
        let row = row(name, &field, parameter["required"] == true);
        row.replacen("</code>", &format!("</code> <i>{place}</i>"), 1)
    });
    let rows: String = rows.collect();
    if rows.is_empty() { rows } else { format!("<h4>Parameters</h4>\n<table>\n{rows}</table>\n") }
}

fn body(body: &Value) -> String {
    let schema = &body["content"]["application/json"]["schema"];
    if schema.is_null() {
        return String::new();
    }
    format!("<h4>Body: {}</h4>\n{}", kind(schema), table(schema))
}

/// With curl, the key in `$KEY`.
fn call(method: &str, path: &str, operation: &Value) -> String {
    let mut call = format!("curl -X {method} \"$URL{path}\"");
    let security = &operation["security"][0];
    if security["bearer"].is_array() {
        call += " \\\n  -H \"Authorization: Bearer $KEY\"";
    }
    if security["platform"].is_array() {
        call += " \\\n  -u \"$USERNAME:$PASSWORD\"";
    }
    for (name, value) in [("If-Match", "\"1\""), ("Idempotency-Key", "top-up-2026-01-31")] {
        let mut parameters = operation["parameters"].as_array().into_iter().flatten();
        if parameters.any(|parameter| parameter["name"] == name) {
            call += &format!(" \\\n  -H '{name}: {value}'");
        }
    }
    let example = &operation["requestBody"]["content"]["application/json"]["example"];
    if !example.is_null() {
        let text = serde_json::to_string_pretty(example).unwrap_or_default().replace('\'', "'\\''");
        call += &format!(" \\\n  -H 'Content-Type: application/json' \\\n  -d '{text}'");
    }
    call
}

fn answer(status: &str, response: &Value) -> String {
    let told = response["description"].as_str().unwrap_or_default();
    let problem = &response["content"]["application/problem+json"];
    if !problem.is_null() {
        let codes = problem["schema"]["allOf"][1]["properties"]["code"]["enum"].as_array();
        let codes = codes.into_iter().flatten().filter_map(Value::as_str);
        let links = codes.map(|code| {
            format!("<a href=\"/docs/errors/{0}\"><code>{0}</code></a>", escaped(code))
        });
        let links = links.collect::<Vec<_>>().join(" ");
        return format!("<p class=\"answer\"><b>{status}</b> {links}</p>\n");
    }
    let media = &response["content"]["application/json"];
    if media.is_null() {
        return format!("<p class=\"answer\"><b>{status}</b> {}</p>\n", inline(told));
    }
    let example = serde_json::to_string_pretty(&media["example"]).unwrap_or_default();
    format!(
        "<details class=\"answer\"><summary><b>{status}</b> {} {}</summary>\n<pre>{}</pre>\n</details>\n",
        inline(told),
        kind(&media["schema"]),
        escaped(&example),
    )
}
