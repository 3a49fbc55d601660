//! How fast requests are decided through the queue, also those that come again after a restart. A debug build on a shared machine proves no bound:
//! the figures are printed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tollgate::broker::topology::{Exchange, Queue};
use tollgate::broker::{Outgoing, Settlement, Target};

use super::world::{ask, embedded, rabbitmq, request, take};
use crate::broker::world as brokers;
use crate::store::postgres_database::Database;
use crate::support::{Program, TestApp, marqeta, servers};

const REQUESTS: usize = 4_000;

async fn figures(app: Arc<TestApp>) {
    let (mut client, broker) = (app.client(), app.broker());
    let program = Program::set_up(&mut client, 100_000_000, 20).await;
    let name = servers::unique();
    let mut answers = broker.replies(name.clone()).await.unwrap();
    let outgoing = |n: usize| {
        let token = format!("speed-{n}");
        let body = marqeta::purchase(&token, &program.cards[n % 20], "1.00");
        let key = Queue::JitFunding.binding().to_owned();
        let target = Target::Topic(Exchange::Transactions, key);
        Outgoing { target, message: request(&token, body, Some(&name)) }
    };
    let all: Vec<_> = (0..REQUESTS).map(outgoing).collect();
    let started = Instant::now();
    let publishing = {
        let broker = broker.clone();
        tokio::spawn(async move {
            for some in all.chunks(200) {
                for result in broker.publish(some.to_vec()).await.unwrap() {
                    result.unwrap();
                }
            }
        })
    };
    for _ in 0..REQUESTS {
        let answer = answers.next().await.unwrap();
        tokio::spawn(answer.settle(Settlement::Done));
    }
    let rate = REQUESTS as f64 / started.elapsed().as_secs_f64();
    publishing.await.unwrap();
    eprintln!("{rate:.0} requests/s decided and answered through the queue");
    assert!(rate > 50.0, "{rate}");

    // One every 10 ms, from its publishing to its answer.
    let mut took = Vec::new();
    let mut asked = BTreeMap::new();
    let mut every = tokio::time::interval(Duration::from_millis(10));
    for n in 0..200 {
        every.tick().await;
        let token = format!("one-{n}");
        let body = marqeta::purchase(&token, &program.cards[n % 20], "1.00");
        asked.insert(format!("c-{token}"), Instant::now());
        ask(&broker, request(&token, body, Some(&name))).await;
        let answer = take(&mut answers).await;
        took.push(asked[&answer.correlation_id.unwrap()].elapsed());
    }
    took.sort();
    eprintln!("publish to decision at 100/s: p50 {:?}, p99 {:?}", took[100], took[197]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn on_rabbitmq() {
    rabbitmq(figures).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn on_embedded() {
    embedded(figures).await;
}

/// As many as consumers of requests may have at work.
const AGAIN: usize = 512;

/// Requests that a service has taken and not answered, and its successor finds.
async fn figures_of_a_restart(on: &str, change: impl Fn(&mut tollgate::config::Settings)) {
    let folder = tempfile::tempdir().unwrap();
    let first = TestApp::start_in(folder.path(), |settings| {
        change(settings);
        settings.broker.consumers.jit.count = 0;
    });
    let first = first.await;
    let program = Program::set_up(&mut first.client(), 100_000_000, 20).await;
    let broker = first.broker();
    for n in 0..AGAIN {
        let body = marqeta::purchase(&format!("again-{n}"), &program.cards[n % 20], "1.00");
        ask(&broker, request(&format!("again-{n}"), body, None)).await;
    }
    let mut lost = broker.consume(Queue::JitFunding, u16::MAX).await.unwrap();
    let mut held = Vec::new();
    for _ in 0..AGAIN {
        held.push(brokers::next(&mut lost).await);
    }
    drop((held, lost, broker));
    first.stop().await;

    let started = Instant::now();
    let second = TestApp::start_in(folder.path(), |settings| {
        change(settings);
        settings.jit.queue_deadline_ms = 600_000;
    });
    let second = second.await;
    let mut answers = second.broker().consume(Queue::JitResponses, u16::MAX).await.unwrap();
    for _ in 0..AGAIN {
        let answer = take(&mut answers).await;
        assert_eq!(answer.headers["x-tollgate-status"], "200");
    }
    let took = started.elapsed();
    eprintln!("{on}: {AGAIN} requests that came again were answered {took:?} after the start");
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_again_after_a_restart_on_embedded() {
    figures_of_a_restart("embedded", |_| {}).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn what_comes_again_after_a_restart_on_servers() {
    let (url, prefix) = (servers::url("RABBITMQ_URL"), format!("{}.", servers::unique()));
    let database = Database::migrated().await;
    figures_of_a_restart("servers", |settings| {
        settings.broker.rabbitmq.url = Some(url.as_str().into());
        settings.broker.rabbitmq.prefix.clone_from(&prefix);
        settings.store.postgres.url = Some(database.service_url().into());
    })
    .await;
    brokers::clear(&url, &prefix).await;
}
