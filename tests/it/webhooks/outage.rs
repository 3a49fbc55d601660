//! The store is gone for a while, or slow: nothing is acknowledged that is not kept, nothing is parked, and
//! what was kept is applied when it is back.

use std::time::Duration;

use tokio::time::Instant;
use tollgate::domain::webhook::WebhookStatus;
use tollgate::store::Prepare;
use tollgate::store::postgres::{PostgresOptions, PostgresStore};
use tollgate::store::webhooks::WebhookEvents;

use super::all_applied;
use super::events::{authorization, envelope};
use crate::store::postgres_database::run;
use crate::support::Program;
use crate::support::corners::Corners;
use crate::support::instance::Instance;
use crate::support::own_servers::OwnServers;

const EVENTS: usize = 60;

/// How long the platform would be left without an acknowledgement.
const DOWN: Duration = Duration::from_secs(4);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn an_outage_of_the_store_parks_nothing_and_loses_nothing() {
    let servers = OwnServers::start(&["postgres"]);
    let folder = tempfile::tempdir().unwrap();
    let service = Instance::start_on(folder.path(), &servers.environment()).await;
    let program = Program::set_up(&mut service.client(), 1_000_000_00, 1).await;
    let mut client = service.client();
    let (mut refused, mut back) = (0, None);
    for at in 0..EVENTS {
        if at == EVENTS / 3 {
            servers.kill("postgres");
            back = Some(Instant::now() + DOWN);
        }
        let event = authorization(&format!("o{at}"), program.card(), "1.00", "PENDING");
        let body = envelope("transactions", &[event]);
        let until = Instant::now() + Duration::from_secs(60);
        loop {
            let answer = client.notify(body.clone()).await;
            if answer.status == 200 {
                break;
            }
            assert_eq!(answer.says(), (503, "unavailable".into()));
            assert!(Instant::now() < until, "never kept");
            refused += 1;
            if back.is_some_and(|back| Instant::now() > back) {
                servers.up("postgres");
                back = None;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    assert!(refused > 0, "the outage was seen");
    let expected = i64::try_from(EVENTS).unwrap() * 1_00;
    let until = Instant::now() + Duration::from_secs(60);
    while program.held(&mut client).await != expected {
        assert!(Instant::now() < until, "{} held", program.held(&mut client).await);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let (_, url) = servers.environment().remove(0);
    let store = PostgresStore::new(PostgresOptions::new(&url).unwrap());
    store.prepare().await.unwrap();
    let until = Instant::now() + Duration::from_secs(30);
    let applied = [(WebhookStatus::Applied, EVENTS as u64)];
    while store.counts().await.unwrap() != applied {
        assert!(Instant::now() < until, "{:?}", store.counts().await.unwrap());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    store.close().await;
    service.verify();
}

/// Several times what the consumer may have at work.
const WAITING: usize = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn a_home_that_is_away_holds_up_no_notification_of_the_other() {
    let servers = OwnServers::start(&["postgres", "mongodb"]);
    let folder = tempfile::tempdir().unwrap();
    let mut environment = servers.environment();
    // What is new is left to the queue alone.
    let set =
        [("WEBHOOKS__SWEEP_AFTER_MS", "600000"), ("BROKER__CONSUMERS__WEBHOOKS__PREFETCH", "4")];
    environment.extend(set.map(|(key, value)| (format!("TOLLGATE__{key}"), value.to_owned())));
    let service = Instance::start_on(folder.path(), &environment).await;
    let mut client = service.client();
    let business = Program::set_up(&mut client, 1_000_000_00, 1).await;
    let personal = Program::set_up_personal(&mut client, 1_000_000_00, 1).await;
    let told = |name: String, program: &Program| {
        envelope("transactions", &[authorization(&name, program.card(), "1.00", "PENDING")])
    };
    servers.kill("mongodb");
    for at in 0..WAITING {
        let answer = client.notify(told(format!("p{at}"), &personal)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    assert_eq!(client.notify(told("b".to_owned(), &business)).await.status, 200);
    let until = Instant::now() + Duration::from_secs(60);
    while business.held(&mut client).await != 1_00 {
        assert!(Instant::now() < until, "it waits for the other home");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let parked = client.get("/api/v1/webhook-events?state=parked").await.json();
    assert_eq!(parked["items"].as_array().map(Vec::len), Some(0), "{parked}");
    servers.up("mongodb");
    all_applied(&mut client).await;
    assert_eq!(personal.held(&mut client).await, i64::try_from(WAITING).unwrap() * 1_00);
    service.verify();
}

/// What a notification may wait for its answer: the door gives up after five.
const ANSWERED_WITHIN: Duration = Duration::from_secs(6);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn a_slow_store_is_waited_for_or_told_of_and_loses_nothing() {
    const SENDERS: usize = 4;
    let corners = Corners::new().await;
    let folder = tempfile::tempdir().unwrap();
    let service = Instance::start_on(folder.path(), &corners.environment()).await;
    let mut client = service.client();
    let program = Program::set_up(&mut client, 1_000_000_00, 1).await;
    // Whatever reads or writes notifications waits for this lock, a second each time.
    let mut other = corners.postgres().await;
    let slowing = tokio::spawn(async move {
        let locked = "begin; lock table webhook_events in access exclusive mode; \
            select pg_sleep(1); commit";
        for _ in 0..4 {
            run(&mut other, locked).await;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    let senders = (0..SENDERS).map(|sender| {
        let (mut client, slowing, program) = (client.another(), &slowing, &program);
        async move {
            let (mut kept, mut slowest) = (0, Duration::ZERO);
            while !slowing.is_finished() {
                let token = format!("slow-{sender}-{kept}");
                let event = authorization(&token, program.card(), "1.00", "PENDING");
                let body = envelope("transactions", &[event]);
                loop {
                    let asked = Instant::now();
                    let answer = client.notify(body.clone()).await;
                    slowest = slowest.max(asked.elapsed());
                    if answer.status == 200 {
                        break;
                    }
                    assert_eq!(answer.says(), (503, "unavailable".into()));
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                kept += 1;
            }
            (kept, slowest)
        }
    });
    let sent = futures_util::future::join_all(senders).await;
    slowing.await.unwrap();
    let slowest = sent.iter().map(|(_, slowest)| *slowest).max().unwrap();
    assert!(slowest > Duration::from_millis(500), "the lock was felt: {slowest:?}");
    assert!(slowest < ANSWERED_WITHIN, "{slowest:?}");
    all_applied(&mut client).await;
    let kept: i64 = sent.iter().map(|(kept, _)| kept).sum();
    assert_eq!(program.held(&mut client).await, kept * 1_00, "each is applied once");
    service.verify();
    service.kill();
    corners.clear().await;
}
