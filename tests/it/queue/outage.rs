//! A store that is away for a while: nothing is dead-lettered, nothing is judged too late.

use std::time::Duration;

use tollgate::broker::Message;
use tollgate::broker::topology::Queue;

use super::world::{ask, request, take, until};
use crate::support::own_servers::OwnServers;
use crate::support::{Program, TestApp, marqeta, servers};

/// How many requests may be at work.
const AT_WORK: u64 = 8;

const ASKED: usize = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn requests_wait_out_an_outage_and_are_answered_as_late() {
    let own = OwnServers::start(&["postgres"]);
    let url = own.environment().remove(0).1;
    let app = TestApp::start_with(|settings| {
        settings.store.postgres.url = Some(url.into());
        settings.jit.queue_deadline_ms = 2_000;
        settings.jit.deadline_ms = 1_000;
        settings.lane.stall_ms = 500;
    });
    let app = app.await;
    until("it is ready", async || app.get("/ready").await.0 == 200).await;
    let (mut client, broker) = (app.client(), app.broker());
    let program = Program::set_up(&mut client, 1_000_000, 1).await;
    let name = servers::unique();
    let mut answers = broker.replies(name.clone()).await.unwrap();
    let purchase =
        |token: &str| request(token, marqeta::purchase(token, program.card(), "1.00"), Some(&name));
    ask(&broker, purchase("before")).await;
    assert_eq!(take(&mut answers).await.headers["x-tollgate-status"], "200");

    own.kill("postgres");
    for n in 0..ASKED {
        // Clocks of some who ask are years ahead: they wait no longer than others.
        let published_ms = (n % 2 == 0).then_some(4_000_000_000_000);
        ask(&broker, Message { published_ms, ..purchase(&format!("during-{n}")) }).await;
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    own.up("postgres");
    for _ in 0..ASKED {
        let answer = take(&mut answers).await;
        let body = String::from_utf8_lossy(&answer.body).into_owned();
        assert!(body.contains(r#""memo":"unavailable""#), "{body}");
    }
    until("purchases are decided again", async || {
        let token = servers::unique().split_off(20);
        let body = marqeta::purchase(&token[..12], program.card(), "1.00");
        app.client().jit(body).await.status == 200
    })
    .await;
    ask(&broker, purchase("after")).await;
    assert_eq!(take(&mut answers).await.headers["x-tollgate-status"], "200");
    let stats = broker.stats().await.unwrap();
    let waiting = |queue: Queue| {
        stats.iter().find(|stats| stats.queue == queue.name()).map_or(0, |stats| stats.messages)
    };
    assert_eq!((waiting(Queue::JitFunding), waiting(Queue::DeadLetters)), (0, 0), "{stats:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn a_home_that_is_away_holds_up_no_request_of_the_other() {
    let own = OwnServers::start(&["postgres", "mongodb"]);
    let (postgres, mongodb) = (own.url("DATABASE_URL"), own.url("MONGODB_URI"));
    let app = TestApp::start_with(|settings| {
        settings.store.postgres.url = Some(postgres.into());
        settings.store.mongodb.url = Some(mongodb.into());
        settings.jit.queue_deadline_ms = 600_000;
        settings.broker.consumers.jit.count = 1;
        settings.broker.consumers.jit.prefetch = AT_WORK;
    });
    let app = app.await;
    until("it is ready", async || app.get("/ready").await.0 == 200).await;
    let (mut client, broker) = (app.client(), app.broker());
    let business = Program::set_up(&mut client, 1_000_000, 1).await;
    let personal = Program::set_up_personal(&mut client, 1_000_000, 1).await;
    let name = servers::unique();
    let mut answers = broker.replies(name.clone()).await.unwrap();
    let purchase = |token: &str, program: &Program| {
        request(token, marqeta::purchase(token, program.card(), "1.00"), Some(&name))
    };
    own.kill("mongodb");
    let places = usize::try_from(AT_WORK).unwrap();
    for n in 0..2 * places {
        ask(&broker, purchase(&format!("away-{n}"), &personal)).await;
    }
    ask(&broker, purchase("there", &business)).await;
    // Half of what may be at work waits, and the rest is answered without.
    let mut late = 0;
    for _ in 0..=2 * places - places / 2 {
        let answer = take(&mut answers).await;
        if answer.correlation_id.as_deref() == Some("c-there") {
            assert_eq!(answer.headers["x-tollgate-status"], "200");
        } else {
            let body = String::from_utf8_lossy(&answer.body).into_owned();
            assert!(body.contains(r#""memo":"unavailable""#), "{body}");
            late += 1;
        }
    }
    assert_eq!(late, 2 * places - places / 2);
    own.up("mongodb");
    for _ in 0..places / 2 {
        take(&mut answers).await;
    }
    app.stop().await;
}
