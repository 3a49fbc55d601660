//! How fast requests are decided through the queue. A debug build on a shared machine proves no bound:
//! the figures are printed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tollgate::broker::topology::{Exchange, Queue};
use tollgate::broker::{Outgoing, Settlement, Target};

use super::world::{ask, embedded, rabbitmq, request, take};
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
