//! Links: what can be done with what an answer has just made or found.

use serde_json::{Map, Value, json};

/// Answers that name the object of another route: whose answer, where in it, and which routes.
const ALSO: [(&str, &str, &str, &str); 3] = [
    ("/api/v1/companies", "post", "$response.body#/account_id", "/api/v1/accounts/{id}"),
    ("/api/v1/dead-letters", "get", "$response.body#/items/0/id", "/api/v1/dead-letters/{id}"),
    ("/api/v1/transactions", "get", "$response.body#/items/0/id", "/api/v1/transactions/{id}"),
];

/// Adds them: from each creation to every route below the object that it makes, and a few more.
pub(super) fn add(document: &mut Value) {
    let Some(paths) = document["paths"].as_object_mut() else { return };
    let known: Vec<(String, String, Value)> = operations(paths).collect();
    for (path, item) in paths {
        if let Some(creation) = item.get_mut("post") {
            link(creation, "$response.body#/id", &format!("{path}/{{id}}"), &known);
        }
    }
    for (path, method, id, target) in ALSO {
        link(&mut document["paths"][path][method], id, target, &known);
    }
}

/// Every operation by its path, with its id and parameters.
fn operations(paths: &Map<String, Value>) -> impl Iterator<Item = (String, String, Value)> {
    let of_path = |(path, item): (&String, &Value)| {
        let path = path.clone();
        let operations = item.as_object().cloned().unwrap_or_default().into_iter();
        operations.map(move |(_, operation)| {
            let id = operation["operationId"].as_str().unwrap_or_default().to_owned();
            (path.clone(), id, operation["parameters"].clone())
        })
    };
    let found: Vec<_> = paths.iter().flat_map(of_path).collect();
    found.into_iter()
}

fn link(operation: &mut Value, id: &str, target: &str, known: &[(String, String, Value)]) {
    let below = format!("{target}/");
    let targets = known.iter().filter(|(path, ..)| path == target || path.starts_with(&below));
    let links: Map<String, Value> = targets
        .map(|(_, name, parameters)| {
            let mut given = json!({ "path.id": id });
            let mut parameters = parameters.as_array().into_iter().flatten();
            if parameters.any(|parameter| parameter["name"] == "If-Match") && id.ends_with("#/id") {
                given["header.If-Match"] = json!("{$response.body#/version}");
            }
            (name.clone(), json!({ "operationId": name, "parameters": given }))
        })
        .collect();
    if links.is_empty() {
        return;
    }
    for (status, response) in operation["responses"].as_object_mut().into_iter().flatten() {
        if status.starts_with('2') {
            let mut all = response["links"].as_object().cloned().unwrap_or_default();
            all.extend(links.clone());
            response["links"] = Value::Object(all);
        }
    }
}
