//! Reported transactions while a server is down: 503 without MongoDB, accepted without PostgreSQL.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::support::instance::Instance;
use crate::support::own_servers::OwnServers;
use crate::support::program::{Program, text};

fn report(name: &str, card: &str) -> Value {
    json!({"transaction_id": name, "card": card, "amount": 500, "currency": "USD",
        "type": "purchase", "occurred_at": "2026-11-20T12:00:00Z"})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn reports_outlive_kills_of_a_worker_and_of_each_server() {
    let servers = OwnServers::start(&["postgres", "mongodb"]);
    let folder = tempfile::tempdir().unwrap();
    let mut environment = servers.environment();
    let short = [("INGEST__LEASE_MS", "1500"), ("STORE__MONGODB__SERVER_SELECTION_MS", "1000")];
    environment.extend(short.map(|(name, value)| (format!("TOLLGATE__{name}"), value.into())));
    let [first, second] = [
        Instance::start_on(&folder.path().join("a"), &environment).await,
        Instance::start_on(&folder.path().join("b"), &environment).await,
    ];
    let mut client = second.client();
    let program = Program::set_up(&mut client, 0, 1).await;

    servers.kill("postgres");
    let mut ids = Vec::new();
    for number in 0..200 {
        let door = if number % 2 == 0 { first.client() } else { second.client() };
        let mut door = door;
        let answer =
            door.post("/api/v1/transactions", report(&format!("t-{number}"), program.card()));
        let answer = answer.await;
        assert_eq!(answer.status, 202, "{answer:?}");
        ids.push(text(&answer.json()["id"]));
    }
    servers.up("postgres");
    first.kill(); // with whatever it had claimed
    let began = Instant::now();
    for id in &ids {
        loop {
            let answer = client.get(&format!("/api/v1/transactions/{id}")).await;
            if answer.status == 200 && answer.json()["status"] == "processed" {
                break;
            }
            assert!(began.elapsed() < Duration::from_secs(30), "{answer:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    let parked = client.get("/api/v1/transactions?status=parked").await.json();
    assert_eq!(parked["items"], json!([]));

    servers.kill("mongodb");
    let began = Instant::now();
    let answer = client.post("/api/v1/transactions", report("late", program.card())).await;
    assert_eq!(answer.says(), (503, "unavailable".to_owned()));
    assert!(began.elapsed() < Duration::from_secs(5));
    servers.up("mongodb");
    let began = Instant::now();
    loop {
        let answer = client.post("/api/v1/transactions", report("late", program.card())).await;
        if answer.status.is_success() {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(30), "{answer:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
