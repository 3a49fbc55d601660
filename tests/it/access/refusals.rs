//! What is refused is told in the log, by the request that it was.

use std::path::Path;
use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::support::client::Client;
use crate::support::instance::Instance;
use crate::support::program::{created, text};

/// The line about a request, once it is written.
async fn line_about(log: &Path, request: &str) -> Value {
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        let text = std::fs::read_to_string(log).unwrap();
        let mut lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        if let Some(line) = lines.find(|line| line["request.id"] == request) {
            return line;
        }
        assert!(Instant::now() < until, "nothing about {request}: {text}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn call(client: &mut Client, key: &str, method: Method, path: &str, id: &str) -> u16 {
    let request = client.request(method, path).header("authorization", format!("Bearer {key}"));
    let request = request.header("if-match", "\"1\"").header("x-request-id", id);
    let body = json!({"status": "SUSPENDED"}).to_string();
    client.send(request, body.into()).await.expect("an answer").status.as_u16()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_caller_may_not_do_and_from_where_nobody_may_call_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let networks = ("TOLLGATE__WEBHOOKS__ADDRESS__ALLOWED", "203.0.113.0/24");
    let environment = [(networks.0.to_owned(), networks.1.to_owned())];
    let instance = Instance::spawn_logged(&folder.path().join("data"), &environment, &log);
    assert!(instance.is_ready_within(Duration::from_secs(60)).await, "not ready");
    let mut client = instance.client();
    let body = json!({"name": "own", "currency": "EUR"});
    let company = text(&created(client.post("/api/v1/companies", body).await)["id"]);
    let body = json!({"name": "own", "scopes": ["admin"], "company_id": company});
    let issued = created(client.post("/api/v1/api-keys", body).await);
    let key = text(&issued["key"]);

    let own = format!("/api/v1/companies/{company}");
    for (method, path, route, id) in [
        (Method::PATCH, own.as_str(), "/api/v1/companies/{id}", "by-the-handler"),
        (Method::GET, "/api/v1/audit", "/api/v1/audit", "at-the-gate"),
    ] {
        assert_eq!(call(&mut client, &key, method.clone(), path, id).await, 403, "{id}");
        let line = line_about(&log, id).await;
        assert_eq!(line["message"], "refused a call that its caller may not make");
        assert_eq!((&line["caller.key"], &line["route"]), (&issued["id"], &json!(route)));
        assert_eq!(line["method"], method.as_str());
    }
    let refused = client.notify_with(&[("x-request-id", "from-there")], "{}").await;
    assert_eq!(refused.status, 403, "{refused:?}");
    let line = line_about(&log, "from-there").await;
    assert_eq!(line["message"], "refused a notification from an address that may not notify");
    assert_eq!(line["address"], "127.0.0.1");
}
