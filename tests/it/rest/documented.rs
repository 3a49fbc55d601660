//! The document against the router, over HTTP: what one knows, the other knows.

use std::process::Command;

use http::Method;
use serde_json::Value;

use crate::support::TestApp;

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
