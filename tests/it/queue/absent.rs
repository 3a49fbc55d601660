//! A broker that is not there: the service starts and decides all the same.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::world::until;
use crate::support::{Program, TestApp, marqeta};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_broker_stops_neither_the_start_nor_a_decision() {
    let started = Instant::now();
    let app = TestApp::start_with(|settings| {
        settings.broker.rabbitmq.url = Some("amqp://a:b@127.0.0.1:9/%2f".into());
    });
    let app = app.await;
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    let mut client = app.client();
    let program = Program::set_up(&mut client, 10_000, 1).await;
    let answer = client.jit(marqeta::purchase("a", program.card(), "48.35")).await;
    assert_eq!(answer.status.as_u16(), 200);

    until("health tells", async || {
        let (status, health) = app.get("/health").await;
        status == 200
            && health["status"] == "degraded"
            && health["services"]["messageQueue"] == "unhealthy"
            && health["details"]["queues"] == json!([])
    })
    .await;
    let (status, _) = app.get("/ready").await;
    assert_eq!(status, 200, "a fast answer is an answer");
    let body = json!({"token": "b", "card": program.card(), "amount": 700, "currency": "USD"});
    let prefer = [("prefer", "respond-async")];
    let path = "/api/v1/authorizations";
    let (status, problem) = app.send("POST", path, &prefer, Some(body.to_string())).await;
    assert_eq!((status.as_u16(), &problem["code"]), (503, &json!("unavailable")));
    let (status, _) = app.post(path, body).await;
    assert_eq!(status, 201);
    app.stop_and_verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_tells_how_the_queues_stand() {
    let app = TestApp::start().await;
    until("health tells", async || {
        let (_, health) = app.get("/health").await;
        let queues = health["details"]["queues"].as_array().cloned().unwrap_or_default();
        let jit = queues.iter().find(|queue| queue["queue"] == "jit-funding-queue");
        health["services"]["messageQueue"] == "healthy"
            && jit.is_some_and(|queue| queue["consumers"] == 2 && queue["messages"] == 0)
    })
    .await;
    app.stop_and_verify().await;
}
