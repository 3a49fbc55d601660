//! The document against the router, over HTTP: what one knows, the other knows, and what one shows, the
//! other answers.

use std::process::Command;

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};

use crate::support::TestApp;
use crate::support::client::{Answer, Client};
use crate::support::program::created;

const METHODS: [Method; 5] =
    [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_router_knows_every_route_of_the_document_and_no_other_method() {
    let app = TestApp::start().await;
    let mut client = app.client();
    let document = client.get("/openapi.json").await.json();
    let paths = document["paths"].as_object().unwrap();
    assert!(paths.len() > 40, "{}", paths.len());
    for (path, item) in paths {
        let place = path.replace("{id}", "no-such-id").replace("{code}", "unknown_field");
        for method in METHODS {
            let documented = item.get(method.as_str().to_lowercase()).is_some();
            let request = client.admin(method.clone(), &place);
            let answer = client.send(request, Vec::new().into()).await.unwrap();
            let json: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
            assert_ne!(json["detail"], "there is nothing at this path", "{method} {path}");
            assert_eq!(answer.status != 405, documented, "{method} {path}: {json}");
        }
    }
    app.stop_and_verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_are_what_the_document_says() {
    let app = TestApp::start().await;
    let mut client = app.client();
    let document = client.get("/openapi.json").await.json();
    let company = client.post("/api/v1/companies", serde_json::json!({"name": "Wren"})).await;
    assert_eq!(company.says(), (400, "missing_field".to_owned()));
    let codes = document.pointer(
        "/paths/~1api~1v1~1companies/post/responses/400/content/application~1problem+json/schema\
         /allOf/1/properties/code/enum",
    );
    assert!(codes.unwrap().as_array().unwrap().contains(&"missing_field".into()), "{codes:?}");
    let page = client.get("/docs/errors/missing_field").await;
    assert!(String::from_utf8_lossy(&page.body).contains("<h1><code>missing_field</code></h1>"));
    assert_eq!(client.get("/docs/errors/nothing").await.says(), (404, "not_found".to_owned()));
    assert_eq!(client.get("/docs/errors/..%2FARCHITECTURE").await.says().0, 404);
    assert_eq!(client.get("/docs").await.status, 200);
    app.stop_and_verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_prints_the_document_that_is_served() {
    let app = TestApp::start().await;
    let served = app.client().get("/openapi.json").await;
    app.stop().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("openapi.json");
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate"));
        let command = command.args(arguments).current_dir(folder.path()); // it needs no settings
        let output = command.output().expect("the program runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    let printed = run(&["openapi"]);
    let document: Value = serde_json::from_slice(&printed).expect("JSON, and nothing else");
    assert_eq!(document, served.json());
    let version = document["openapi"].as_str().unwrap();
    assert!(version.starts_with("3.1."), "{version}");
    assert!(document["paths"].get("/api/v1/authorizations").is_some());
    assert_eq!(run(&["openapi", "--output", file.to_str().unwrap()]), b"");
    assert_eq!(std::fs::read(&file).unwrap(), printed);
}

/// Where the purchase of the examples is made: a card of a company with this credit, and the limit.
async fn shown(client: &mut Client, document: &Value, credit: i64) {
    let company = json!({"name": "Wren", "currency": "EUR", "credit_limit": credit});
    let company = created(client.post("/api/v1/companies", company).await);
    let user = created(client.post("/api/v1/users", json!({"company_id": company["id"]})).await);
    let card = json!({"user_id": user["id"], "status": "ACTIVE", "marqeta_token": "wren-0042"});
    created(client.post("/api/v1/cards", card).await);
    let limit = example(&document["paths"]["/api/v1/spending-limits"]["post"]["requestBody"]);
    created(client.post("/api/v1/spending-limits", limit.clone()).await);
}

fn example(holder: &Value) -> &Value {
    &holder["content"]["application/json"]["example"]
}

/// The answer is what the example says, but for ids, times and what was measured.
#[track_caller]
fn check(operation: &Value, status: &str, answer: &Answer) {
    assert_eq!(answer.status.as_str(), status, "{answer:?}");
    let (told, found) = (example(&operation["responses"][status]).clone(), answer.json());
    assert_eq!(plain(found.clone()), plain(told), "{found}");
}

fn plain(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let member = |(name, value): (String, Value)| {
                let value = if name.ends_with("_us") { json!("measured") } else { plain(value) };
                (name, value)
            };
            Value::Object(members.into_iter().map(member).collect())
        }
        Value::Array(items) => items.into_iter().map(plain).collect(),
        Value::String(text) => match text.split_once('_') {
            Some((kind, rest)) if kind.len() == 3 && rest.len() >= 32 => json!(kind),
            _ if text.len() == 27 && text.ends_with('Z') => json!("a time"),
            _ => Value::String(text),
        },
        other => other,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_requests_that_are_shown_are_answered_as_it_is_shown() {
    let app = TestApp::start().await;
    let mut client = app.client();
    let document = client.get("/openapi.json").await.json();
    shown(&mut client, &document, 50_000_00).await;
    let path = "/api/v1/authorizations";
    let operation = &document["paths"][path]["post"];
    let body = example(&operation["requestBody"]);
    let tried = client.post(&format!("{path}?dry_run=true"), body.clone()).await;
    check(operation, "200", &tried);
    check(operation, "201", &client.post(path, body.clone()).await);
    let mut parameters = operation["parameters"].as_array().unwrap().iter();
    let prefer = parameters.find(|parameter| parameter["name"] == "Prefer").unwrap();
    let request = client.admin(Method::POST, path);
    let request = request.header("prefer", prefer["example"].as_str().unwrap());
    let queued = client.send(request, Bytes::from(body.to_string())).await.unwrap();
    check(operation, "202", &queued);

    let jit = &document["paths"]["/api/v1/marqeta/jit"]["post"];
    let message = example(&jit["requestBody"]).to_string();
    check(jit, "200", &client.jit(message.clone()).await);
    app.stop().await;

    let poor = TestApp::start().await;
    let mut client = poor.client();
    shown(&mut client, &document, 0).await;
    check(jit, "402", &client.jit(message).await);
    poor.stop().await;
}
