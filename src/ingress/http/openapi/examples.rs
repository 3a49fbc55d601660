//! Examples: put together from those of the words that a schema is made of, unless the handler has one
//! of its own.

use serde_json::{Map, Value, json};

use super::resolved;

/// Gives an example to the body and to every answer that has none.
pub(super) fn add(operation: &mut Value, components: &Map<String, Value>) {
    fill(&mut operation["requestBody"], components);
    for (_, response) in operation["responses"].as_object_mut().into_iter().flatten() {
        fill(response, components);
    }
    if operation["requestBody"].is_null()
        && let Value::Object(members) = operation
    {
        members.remove("requestBody");
    }
}

fn fill(holder: &mut Value, components: &Map<String, Value>) {
    let Some(content) = holder.get_mut("content").and_then(Value::as_object_mut) else { return };
    for (_, media) in content {
        if media["example"].is_null() {
            media["example"] = example(&media["schema"], components);
        }
    }
}

/// A value that the schema allows.
fn example(schema: &Value, components: &Map<String, Value>) -> Value {
    let schema = resolved(schema, components);
    for key in ["example", "const"] {
        if !schema[key].is_null() {
            return schema[key].clone();
        }
    }
    for key in ["examples", "enum"] {
        if let Some(first) = schema[key].get(0) {
            return first.clone();
        }
    }
    for key in ["oneOf", "anyOf"] {
        let mut choices = schema[key].as_array().into_iter().flatten();
        let some = choices.find(|choice| choice["type"] != "null");
        if let (Some(choice), true) = (some, schema["properties"].is_null()) {
            return example(choice, components);
        }
    }
    if schema["properties"].is_null() && schema["allOf"].is_array() {
        let parts = schema["allOf"].as_array().into_iter().flatten();
        let parts = parts.filter_map(|part| match example(part, components) {
            Value::Object(members) => Some(members),
            _ => None,
        });
        return Value::Object(parts.flatten().collect());
    }
    by_type(schema, components)
}

fn by_type(schema: &Value, components: &Map<String, Value>) -> Value {
    let kind = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().find(|kind| *kind != "null"),
        kind => Some(kind),
    };
    match kind.and_then(Value::as_str) {
        Some("object") => {
            let properties = schema["properties"].as_object().into_iter().flatten();
            let members =
                properties.map(|(name, field)| (name.clone(), example(field, components)));
            Value::Object(members.collect())
        }
        Some("array") => json!([example(&schema["items"], components)]),
        Some("integer" | "number") => schema.get("minimum").cloned().unwrap_or(json!(0)),
        Some("boolean") => json!(false),
        Some("string") => json!("text"),
        _ => Value::Null,
    }
}
