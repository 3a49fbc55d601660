//! The state machines over HTTP: a step that there is not is refused, and leaves all as it was. (Which steps
//! there are, each by itself, is tested beside them, in `domain`.)

use serde_json::{Value, json};

use super::{Program, created, expect, text};
use crate::support::TestApp;

/// Takes an object through these states, each from the one before.
async fn takes(app: &TestApp, path: &str, states: &[&str]) {
    for state in states {
        let (status, seen) = app.get(path).await;
        assert_eq!(status, 200, "{path}: {seen}");
        let version = seen["version"].as_i64().unwrap();
        let (status, changed) = app.patch(path, version, json!({"status": state})).await;
        assert_eq!((status.as_u16(), &changed["status"]), (200, &json!(state)), "{path}");
    }
}

/// Refuses these states, and is as it was.
async fn refuses(app: &TestApp, path: &str, states: &[&str]) {
    let (_, before) = app.get(path).await;
    let version = before["version"].as_i64().unwrap();
    for state in states {
        let refused = app.patch(path, version, json!({"status": state})).await;
        expect(refused, 409, "invalid_transition");
        assert_eq!(app.get(path).await.1, before, "{path} to {state}");
    }
}

fn at(folder: &str, object: &Value) -> String {
    format!("/api/v1/{folder}/{}", text(&object["id"]))
}

#[tokio::test]
async fn a_closed_company_stays_closed() {
    let app = TestApp::start().await;
    let program = Program::start(&app, 0).await;
    let path = at("companies", &program.company);
    takes(&app, &path, &["SUSPENDED", "ACTIVE", "CLOSED"]).await;
    refuses(&app, &path, &["ACTIVE", "SUSPENDED"]).await;
    app.stop_and_verify().await;
}

#[tokio::test]
async fn users_of_either_home_take_no_step_that_there_is_not() {
    let app = TestApp::start().await;
    let program = Program::start(&app, 0).await;
    for (folder, body) in
        [("users", json!({"company_id": program.company["id"]})), ("personal/users", json!({}))]
    {
        for (state, none) in [
            ("UNVERIFIED", &["LIMITED", "SUSPENDED"][..]),
            ("LIMITED", &["UNVERIFIED"]),
            ("ACTIVE", &["LIMITED"]),
        ] {
            let mut body = body.clone();
            body["status"] = json!(state);
            let user = created(&app, &format!("/api/v1/{folder}"), body).await;
            let path = at(folder, &user);
            refuses(&app, &path, none).await;
            takes(&app, &path, &["CLOSED"]).await;
            refuses(&app, &path, &["UNVERIFIED", "LIMITED", "ACTIVE", "SUSPENDED"]).await;
        }
    }
    app.stop_and_verify().await;
}

#[tokio::test]
async fn cards_take_no_step_that_there_is_not_and_are_limited_by_the_platform_alone() {
    let app = TestApp::start().await;
    let program = Program::start(&app, 0).await;
    let path = at("cards", &program.card);
    refuses(&app, &path, &["UNACTIVATED"]).await;
    expect(app.patch(&path, 1, json!({"status": "LIMITED"})).await, 400, "invalid_status");
    takes(&app, &path, &["SUSPENDED"]).await;
    refuses(&app, &path, &["UNACTIVATED"]).await;
    takes(&app, &path, &["ACTIVE", "TERMINATED"]).await;
    refuses(&app, &path, &["ACTIVE", "SUSPENDED", "UNACTIVATED"]).await;
    app.stop_and_verify().await;
}
