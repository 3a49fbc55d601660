//! The whole service with a broker: what it decides is published, and what it does not do it leaves to
//! others.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::Value;
use tollgate::app::roles::Roles;
use tollgate::app::{self, Running};
use tollgate::config::Settings;

use super::broker::Subscriber;
use crate::support::app::{ADMIN_KEY, JIT_PASSWORD, JIT_USER};
use crate::support::{Client, Program};
use crate::webhooks::events::{authorization, envelope};

async fn start(folder: &tempfile::TempDir, roles: Roles, broker: &Arc<Subscriber>) -> Running {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let mut settings = Settings::embedded(folder.path().to_owned(), any);
    settings.admin.key = Some(ADMIN_KEY.into());
    settings.jit.username = Some(JIT_USER.into());
    settings.jit.password = Some(JIT_PASSWORD.into());
    settings.jit.deadline_ms = 7_000;
    settings.lane.stall_ms = 5_000;
    let broker: Arc<dyn tollgate::broker::Broker> = broker.clone();
    app::start_as(settings, roles, Some(broker)).await.unwrap()
}

fn client(running: &Running) -> Client {
    Client::new(running.addr, ADMIN_KEY, JIT_USER, JIT_PASSWORD)
}

async fn until(broker: &Subscriber, count: usize) -> Vec<String> {
    let arrived = async {
        while broker.seen().len() < count {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let arrived = tokio::time::timeout(Duration::from_secs(20), arrived).await;
    let kinds: Vec<String> = broker.seen().into_iter().map(|(kind, _)| kind).collect();
    assert!(arrived.is_ok(), "only {kinds:?}");
    kinds
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_decided_is_published_without_personal_data() {
    let (folder, broker) = (tempfile::tempdir().unwrap(), Arc::new(Subscriber::default()));
    let running = start(&folder, Roles::ALL, &broker).await;
    let mut client = client(&running);
    let program = Program::set_up(&mut client, 100_00, 1).await;
    let kinds = until(&broker, 2).await;
    assert_eq!(kinds[..2], ["user.created", "card.issued"]);
    let body = serde_json::json!({
        "token": "t-1", "card": program.cards[0], "amount": 1_00, "currency": "USD",
    });
    let answer = client.post("/api/v1/authorizations", body).await;
    assert_eq!(answer.status, 201);
    let seen = broker.seen().len();
    let kinds = until(&broker, seen.max(3)).await;
    assert!(kinds.contains(&"authorization.approved".to_owned()), "{kinds:?}");
    running.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_without_the_relay_leaves_events_to_one_that_has_it() {
    let (folder, broker) = (tempfile::tempdir().unwrap(), Arc::new(Subscriber::default()));
    let api = Roles { relay: false, ..Roles::ALL };
    let running = start(&folder, api, &broker).await;
    let mut client_of_api = client(&running);
    Program::set_up(&mut client_of_api, 100_00, 1).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(broker.seen().is_empty());
    running.shutdown().await;
    let relay = Roles { api: false, worker: false, relay: true };
    let running = start(&folder, relay, &broker).await;
    until(&broker, 2).await;
    let mut client_of_relay = client(&running);
    assert_eq!(client_of_relay.get("/live").await.status, 200);
    assert_eq!(client_of_relay.get("/api/v1/profile").await.status, 404, "no door but probes");
    running.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_is_down_keeps_nobody_from_deciding() {
    let (folder, broker) = (tempfile::tempdir().unwrap(), Arc::new(Subscriber::default()));
    broker.down.store(true, Ordering::SeqCst);
    let running = start(&folder, Roles::ALL, &broker).await;
    let mut client = client(&running);
    let program = Program::set_up(&mut client, 100_00, 1).await;
    for number in 0..20 {
        let body = serde_json::json!({
            "token": format!("t-{number}"), "card": program.cards[0], "amount": 1_00,
            "currency": "USD",
        });
        let answer = client.post("/api/v1/authorizations", body).await;
        let decided: Value = answer.json();
        assert_eq!((answer.status.as_u16(), decided["decision"].as_str()), (201, Some("approved")));
    }
    broker.down.store(false, Ordering::SeqCst);
    let kinds = until(&broker, 22).await;
    let approved = kinds.iter().filter(|kind| *kind == "authorization.approved");
    assert_eq!(approved.count(), 20, "{kinds:?}");
    running.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_for_a_person_is_told() {
    let (folder, broker) = (tempfile::tempdir().unwrap(), Arc::new(Subscriber::default()));
    let running = start(&folder, Roles::ALL, &broker).await;
    let mut client = client(&running);
    let program = Program::set_up(&mut client, 100_00, 1).await;
    let notice = |amount: &str| authorization("a", program.card(), amount, "PENDING");
    let answer = client.notify(envelope("transactions", &[notice("1.00")])).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let unreadable = serde_json::json!({"type": "authorization"});
    let answer = client.notify(envelope("transactions", &[notice("2.00"), unreadable])).await;
    assert_eq!(answer.status, 200, "of a conflict that is not alone the answer tells: {answer:?}");
    let report = serde_json::json!({
        "transaction_id": "r-1", "card": program.card(), "amount": 1_00, "currency": "GBP",
        "type": "purchase", "occurred_at": "2026-11-20T12:00:00Z",
    });
    assert_eq!(client.post("/api/v1/transactions", report).await.status, 202);
    let told = async {
        for kind in ["webhook.error", "alert.webhook_conflict", "transaction.error"] {
            while !broker.seen().iter().any(|(seen, _)| seen == kind) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    };
    let told = tokio::time::timeout(Duration::from_secs(20), told).await;
    let kinds: Vec<String> = broker.seen().into_iter().map(|(kind, _)| kind).collect();
    assert!(told.is_ok(), "only {kinds:?}");
    running.shutdown().await;
}

/// Alerts of card testing that were told.
fn card_testing(broker: &Subscriber) -> Vec<Value> {
    let alerts = broker.seen().into_iter().filter(|(kind, _)| kind == "alert.raised");
    let payloads = alerts.map(|(_, message)| {
        let event: Value = serde_json::from_slice(&message.body).unwrap();
        event["payload"].clone()
    });
    payloads.filter(|payload| payload["kind"] == "card_testing").collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_declines_at_one_merchant_are_told_once() {
    let (folder, broker) = (tempfile::tempdir().unwrap(), Arc::new(Subscriber::default()));
    let running = start(&folder, Roles::ALL, &broker).await;
    let mut client = client(&running);
    let program = Program::set_up(&mut client, 100_00, 1).await;
    let mut purchases = 0;
    let mut ask = async |merchant: Value, amount: i64, decision: &str| {
        purchases += 1;
        let body = serde_json::json!({
            "token": format!("t-{purchases}"), "card": program.cards[0], "amount": amount,
            "currency": "USD", "merchant": merchant,
        });
        let answer = client.post("/api/v1/authorizations", body).await;
        assert_eq!(
            (answer.status.as_u16(), answer.json()["decision"].as_str()),
            (201, Some(decision))
        );
    };
    let tested = serde_json::json!({"mid": "m-tested"});
    for _ in 0..49 {
        ask(tested.clone(), 1_000_00, "declined").await;
        ask(serde_json::json!({"mid": "m-other"}), 1_000_00, "declined").await;
        ask(serde_json::json!({"name": "Without an id"}), 1_000_00, "declined").await;
    }
    ask(tested.clone(), 1, "approved").await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(card_testing(&broker), [] as [Value; 0]);
    for _ in 0..10 {
        ask(tested.clone(), 1_000_00, "declined").await;
    }
    let told = async {
        while card_testing(&broker).is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), told).await.expect("it was told");
    tokio::time::sleep(Duration::from_millis(300)).await;
    let expected = serde_json::json!({
        "kind": "card_testing", "level": "critical", "merchant": "m-tested", "declines": 50,
        "window_s": 600,
    });
    assert_eq!(card_testing(&broker), [expected]);
    running.shutdown().await;
}
