//! Card numbers in every field of every body that the document knows of: our own doors refuse them, and do
//! not repeat them. (What the card platform sends is taken as if they were not there: `planted`.)

use http::{Method, header};
use serde_json::{Value, json};

use super::planted::{NUMBERS, hits};
use crate::support::Client;
use crate::support::client::Answer;

const NDJSON: &str = "application/x-ndjson";

/// A body that an operation takes.
struct Body<'a> {
    method: Method,
    path: String,
    media: &'a str,
    example: Value,
    fields: Vec<Field>,
}

/// A field by the names that lead to it, and how a text can stand in it.
struct Field {
    names: Vec<String>,
    holds: fn(&str) -> Value,
}

/// Every field with every number, one at a time.
pub async fn plant(client: &mut Client) {
    let document = client.get("/openapi.json").await.json();
    let bodies = bodies(&document);
    let fields: usize = bodies.iter().map(|body| body.fields.len()).sum();
    assert!(bodies.len() > 30 && fields > 120, "{} bodies, {fields} fields", bodies.len());
    let digits = NUMBERS[0].replace(' ', "");
    for number in NUMBERS.into_iter().chain([digits.as_str()]) {
        for body in &bodies {
            for field in &body.fields {
                let answer = body.send(client, field, number).await;
                let place = format!("{} {} {:?}", body.method, body.path, field.names);
                assert!(hits("an answer", &answer.body).is_empty(), "{place}: {answer:?}");
                let code = body.refused(&answer);
                assert!(codes(field, number).contains(&&*code), "{place}, {number}: {answer:?}");
            }
        }
    }
}

impl Body<'_> {
    /// The example, with the number in this field.
    async fn send(&self, client: &mut Client, field: &Field, number: &str) -> Answer {
        let mut body = self.example.clone();
        let names = field.names.iter();
        *names.fold(&mut body, |value, name| &mut value[name.as_str()]) = (field.holds)(number);
        if self.media == NDJSON {
            let kind = field.names[0].as_str();
            body = json!({kind: body[kind]});
        }
        let request = http::Request::builder()
            .method(self.method.clone())
            .uri(&self.path)
            .header(header::HOST, "tollgate.test")
            .header(header::AUTHORIZATION, client.bearer())
            .header(header::CONTENT_TYPE, self.media)
            .header(header::IF_MATCH, "\"1\"")
            .header("idempotency-key", "planted");
        client.send(request, body.to_string().into()).await.expect("an answer")
    }

    /// The code that it was refused by.
    fn refused(&self, answer: &Answer) -> String {
        if self.media != NDJSON {
            let (status, code) = answer.says();
            assert_eq!(status, 400, "{} {}: {answer:?}", self.method, self.path);
            return code;
        }
        let told = String::from_utf8_lossy(&answer.body);
        let first: Value = serde_json::from_str(told.lines().next().unwrap_or_default()).unwrap();
        first["fault"]["code"].as_str().unwrap_or_default().to_owned()
    }
}

/// By which codes a number is refused there: in a field for one of our own ids it is none of these.
fn codes(field: &Field, number: &str) -> &'static [&'static str] {
    match field.names.last().map_or("", String::as_str) {
        "company_id" | "wallet_id" => &["invalid_id"],
        "scope_id" => &["invalid_scope"], // of the program, which has none
        name if name.ends_with("token") || name.ends_with("_id") => {
            let blanks: &[&str] = &["invalid_token", "invalid_id"];
            if number.contains(' ') { blanks } else { &["card_number_found"] }
        }
        _ => &["card_number_found"],
    }
}

fn bodies(document: &Value) -> Vec<Body<'_>> {
    let mut bodies = Vec::new();
    for (route, item) in document["paths"].as_object().expect("paths") {
        for (method, told) in item.as_object().expect("operations") {
            let content = told["requestBody"]["content"].as_object();
            let Some((media, content)) = content.and_then(|content| content.iter().next()) else {
                continue;
            };
            if route.starts_with("/api/v1/marqeta/") {
                continue;
            }
            let mut fields = Vec::new();
            find(document, &content["schema"], &[], &mut fields);
            let example = match media.as_str() {
                NDJSON => lines(document),
                _ => content["example"].clone(),
            };
            bodies.push(Body {
                method: Method::from_bytes(method.to_uppercase().as_bytes()).expect("a method"),
                path: path(document, route, told),
                media,
                example,
                fields,
            });
        }
    }
    bodies
}

/// A line of each kind, as the route takes it that creates one: none of them is faulty for anything but
/// the number.
fn lines(document: &Value) -> Value {
    let of = |route: &str| {
        let body = &document["paths"][route]["post"]["requestBody"];
        body["content"]["application/json"]["example"].clone()
    };
    json!({
        "user": of("/api/v1/users"),
        "card": of("/api/v1/personal/cards"),
        "limit": of("/api/v1/spending-limits"),
    })
}

/// The route with an id of the right form.
fn path(document: &Value, route: &str, told: &Value) -> String {
    let mut parameters = told["parameters"].as_array().into_iter().flatten();
    let named = parameters.find(|parameter| parameter["in"] == "path");
    let id = named.and_then(|named| resolved(document, &named["schema"])["examples"][0].as_str());
    route.replace("{id}", id.unwrap_or_default())
}

/// The fields of a schema that have none themselves.
fn find(document: &Value, schema: &Value, names: &[String], found: &mut Vec<Field>) {
    let schema = resolved(document, schema);
    if let Some(properties) = schema["properties"].as_object() {
        for (name, property) in properties {
            find(document, property, &[names, std::slice::from_ref(name)].concat(), found);
        }
        return;
    }
    let types = schema["type"].to_string();
    let holds: fn(&str) -> Value = if types.contains("array") {
        |number| json!([number])
    } else if types.contains("object") {
        |number| json!({"deep": [{"note": number}]})
    } else {
        |number| json!(number)
    };
    // Merchants' ids may happen to have the form of a card number: they are counted, and stay.
    let stays = names.last().is_none_or(|name| name == "mid");
    if !stays {
        found.push(Field { names: names.to_vec(), holds });
    }
}

/// What is behind a reference, or the first of several forms.
fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    let mut schema = schema;
    loop {
        let named = schema["$ref"].as_str().map(|name| name.trim_start_matches('#'));
        schema = match (named, schema["oneOf"].get(0)) {
            (Some(name), _) => document.pointer(name).expect("a schema"),
            (None, Some(first)) => first,
            (None, None) => return schema,
        };
    }
}
