//! A call that moves money names itself by an `Idempotency-Key`: whatever happens to it and its repeats,
//! on whichever instance, the money moves once.

use std::time::Duration;

use http::Method;
use serde_json::json;
use tokio::time::Instant;

use crate::support::client::Answer;
use crate::support::instance::Instance;
use crate::support::own_servers::OwnServers;
use crate::support::{Client, Program, TestApp};

async fn fund(client: &mut Client, account: &str, key: &str, amount: i64) -> Answer {
    let request = client.admin(Method::POST, &format!("/api/v1/accounts/{account}/fund"));
    let body = json!({"amount": amount, "currency": "USD"}).to_string();
    client.send(request.header("idempotency-key", key), body.into()).await.expect("an answer")
}

/// Many callers send the same at once: the money moves once, and everyone is told of that one time, or
/// that it is under way.
async fn storm(clients: &[Client], program: &Program, name: &'static str) {
    let before = program.account(&mut clients[0].another()).await["funded"].as_i64();
    let callers: Vec<_> = (0..16)
        .map(|number| {
            let mut client = clients[number % clients.len()].another();
            let account = program.account.clone();
            let key = if number % 2 == 0 { name.to_owned() } else { format!("\"{name}\"") };
            tokio::spawn(async move { fund(&mut client, &account, &key, 700).await })
        })
        .collect();
    let mut moved = Vec::new();
    for caller in callers {
        let answer = caller.await.expect("a caller");
        match answer.says() {
            (201, _) => moved.push(answer.body),
            (409, code) if code == "idempotency_in_progress" => {}
            other => panic!("{other:?}"),
        }
    }
    moved.dedup();
    assert_eq!(moved.len(), 1, "{moved:?}");
    let mut client = clients[0].another();
    let after = program.account(&mut client).await["funded"].as_i64();
    assert_eq!(after, before.map(|before| before + 700));
    let again = fund(&mut clients[clients.len() - 1].another(), &program.account, name, 700).await;
    assert_eq!((again.status.as_u16(), again.body), (201, moved.remove(0)));
    let other = fund(&mut client, &program.account, name, 701).await;
    assert_eq!(other.says(), (422, "idempotency_key_reused".to_owned()));
}

/// What has moved money in one home moves none in the other.
async fn a_key_is_one_in_both_homes(client: &mut Client, business: &Program, personal: &Program) {
    for (key, taken, other) in [("storm-1", business, personal), ("storm-2", personal, business)] {
        let before = other.account(client).await;
        let reused = fund(client, &other.account, key, 700).await;
        assert_eq!(reused.says(), (422, "idempotency_key_reused".to_owned()));
        assert_eq!(other.account(client).await, before);
        assert_eq!(fund(client, &taken.account, key, 700).await.status, 201, "a repeat");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn money_moves_once_however_often_and_at_once_it_is_asked_for() {
    let app = TestApp::start().await;
    let mut client = app.client();
    let business = Program::set_up(&mut client, 1_000, 1).await;
    let personal = Program::set_up_personal(&mut client, 1_000, 1).await;
    storm(&[app.client()], &business, "storm-1").await;
    storm(&[app.client()], &personal, "storm-2").await;
    a_key_is_one_in_both_homes(&mut app.client(), &business, &personal).await;
    app.stop_and_verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn money_moves_once_on_two_instances_in_either_home() {
    let servers = OwnServers::start(&["postgres", "mongodb", "redis"]);
    let folders = [tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder")];
    let mut environment = servers.environment();
    environment.push(("TOLLGATE__JIT__DEADLINE_MS".into(), "7000".into()));
    environment.push(("TOLLGATE__LANE__STALL_MS".into(), "5000".into()));
    let first = Instance::start_on(folders[0].path(), &environment).await;
    let second = Instance::start_on(folders[1].path(), &environment).await;
    let clients = [first.client(), second.client()];
    let business = Program::set_up(&mut first.client(), 1_000, 1).await;
    let personal = Program::set_up_personal(&mut first.client(), 1_000, 1).await;
    storm(&clients, &business, "storm-1").await;
    storm(&clients, &personal, "storm-2").await;
    a_key_is_one_in_both_homes(&mut second.client(), &business, &personal).await;
    first.verify();
}

/// The other home can not say whether it knows the key; that keeps no company from its money.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn a_home_that_stands_still_keeps_the_other_from_no_money() {
    let servers = OwnServers::start(&["postgres", "mongodb"]);
    let folder = tempfile::tempdir().expect("a folder");
    let service = Instance::start_on(folder.path(), &servers.environment()).await;
    let mut client = service.client();
    let business = Program::set_up(&mut client, 1_000, 1).await;
    let personal = Program::set_up_personal(&mut client, 1_000, 1).await;
    servers.stop("mongodb");
    let began = Instant::now();
    let funded = fund(&mut client, &business.account, "still", 700).await;
    let took = began.elapsed();
    servers.go_on("mongodb");
    assert_eq!(funded.status, 201, "{funded:?}");
    assert!(took < Duration::from_secs(5), "{took:?}");
    let reused = fund(&mut client, &personal.account, "still", 700).await;
    assert_eq!(reused.says(), (422, "idempotency_key_reused".to_owned()));
    service.verify();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_caller_has_keys_of_its_own() {
    let app = TestApp::start().await;
    let mut admin = app.client();
    let program = Program::set_up(&mut admin, 1_000, 1).await;
    let issued = admin.post("/api/v1/api-keys", json!({"name": "till", "scopes": ["processor"]}));
    let issued = issued.await.json();
    let mut till = Client::new(app.addr, issued["key"].as_str().expect("a key"), "-", "-");
    assert_eq!(fund(&mut admin, &program.account, "k", 700).await.status, 201);
    assert_eq!(fund(&mut till, &program.account, "k", 300).await.status, 201);
    assert_eq!(fund(&mut till, &program.account, "k", 300).await.status, 201);
    let other = fund(&mut till, &program.account, "k", 301).await;
    assert_eq!(other.says(), (422, "idempotency_key_reused".to_owned()));
    assert_eq!(program.account(&mut admin).await["funded"], 1_000);
    app.stop_and_verify().await;
}
