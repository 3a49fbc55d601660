//! Whether a value is one that a schema allows. It knows the words that our schemas are made of, but for
//! patterns and formats, and takes no others.

use serde_json::{Map, Value, json};

use super::resolved;

/// The first place at which it is not, with what is said there; `None`: it is one.
pub(super) fn fault(
    schema: &Value,
    value: &Value,
    components: &Map<String, Value>,
) -> Option<String> {
    let Value::Object(words) = schema else {
        return (*schema == Value::Bool(false)).then(|| ": nothing may be there".to_owned());
    };
    words.iter().find_map(|(word, said)| {
        let inner = |schema: &Value, value: &Value| fault(schema, value, components);
        let at = |name: &str, schema: &Value, value: &Value| {
            inner(schema, value).map(|fault| format!("/{name}{fault}"))
        };
        let members = || value.as_object().into_iter().flatten();
        let fits = match word.as_str() {
            "$ref" => {
                let named = resolved(schema, components);
                assert!(!std::ptr::eq(named, schema), "{said} leads nowhere");
                return inner(named, value);
            }
            "properties" => {
                return members().find_map(|(name, value)| at(name, said.get(name)?, value));
            }
            "additionalProperties" => {
                let named = &schema["properties"];
                return members().find_map(|(name, value)| {
                    if named.get(name).is_none() { at(name, said, value) } else { None }
                });
            }
            "propertyNames" => {
                return members().find_map(|(name, _)| at(name, said, &name.as_str().into()));
            }
            "items" => {
                let mut items = value.as_array().into_iter().flatten().enumerate();
                return items.find_map(|(index, item)| at(&index.to_string(), said, item));
            }
            "allOf" => return each(said).find_map(|schema| inner(schema, value)),
            "anyOf" => each(said).any(|schema| inner(schema, value).is_none()),
            "oneOf" => each(said).filter(|schema| inner(schema, value).is_none()).count() == 1,
            "not" => inner(said, value).is_some(),
            "const" => said == value,
            "enum" => each(said).any(|one| one == value),
            "type" if said.is_array() => each(said).any(|kind| is(kind, value)),
            "type" => is(said, value),
            "required" => value.as_object().is_none_or(|members| {
                each(said).all(|name| members.contains_key(name.as_str().unwrap()))
            }),
            "minimum" => value.as_f64().is_none_or(|number| number >= said.as_f64().unwrap()),
            "maximum" => value.as_f64().is_none_or(|number| number <= said.as_f64().unwrap()),
            "minLength" => value.as_str().is_none_or(|text| text.chars().count() >= count(said)),
            "maxLength" => value.as_str().is_none_or(|text| text.chars().count() <= count(said)),
            "minItems" => value.as_array().is_none_or(|items| items.len() >= count(said)),
            "maxItems" => value.as_array().is_none_or(|items| items.len() <= count(said)),
            "default" | "description" | "example" | "examples" | "format" | "pattern" => true,
            own => {
                assert!(own.starts_with("x-"), "teach this test the word {own}");
                true
            }
        };
        (!fits).then(|| format!(": {word} is {said}"))
    })
}

fn each(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

fn count(said: &Value) -> usize {
    said.as_u64().unwrap().try_into().unwrap()
}

fn is(kind: &Value, value: &Value) -> bool {
    match kind.as_str().unwrap() {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("there is no type {other}"),
    }
}

#[test]
fn it_tells_where_a_value_is_not_as_it_is_said() {
    let said = json!({
        "type": "object",
        "properties": {
            "name": { "$ref": "#/components/schemas/Name" },
            "sums": { "type": "array", "items": { "type": "integer", "minimum": 1 }, "maxItems": 2 },
            "mode": { "oneOf": [{ "type": "null" }, { "enum": ["cap", "pool"] }] },
        },
        "required": ["name"],
        "additionalProperties": false,
    });
    let Value::Object(components) =
        json!({ "Name": { "type": ["string", "null"], "maxLength": 3, "x-a": 1 } })
    else {
        panic!("an object")
    };
    let check = |value: Value, expected: Option<&str>| {
        let found = fault(&said, &value, &components);
        let place = found.as_deref().map(|fault| fault.split(" is ").next().unwrap());
        assert_eq!(place, expected, "{value}");
    };
    check(json!({"name": "Ada", "sums": [1, 2], "mode": "cap"}), None);
    check(json!({"name": null, "mode": null}), None);
    check(json!({}), Some(": required"));
    check(json!([]), Some(": type"));
    check(json!({"name": "Adaé"}), Some("/name: maxLength"));
    check(json!({"name": "Ada", "sums": [1, 0]}), Some("/sums/1: minimum"));
    check(json!({"name": "Ada", "sums": [1, 1.5]}), Some("/sums/1: type"));
    check(json!({"name": "Ada", "sums": [1, 1, 1]}), Some("/sums: maxItems"));
    check(json!({"name": "Ada", "mode": "all"}), Some("/mode: oneOf"));
    check(json!({"name": "Ada", "x": 1}), Some("/x: nothing may be there"));
}
