//! Decisions over HTTP while the broker is down: as fast as with it, and the outboxes of both homes drain
//! soon after.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use mongodb::bson::{Document, doc};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior};

use super::scene::{Scene, number, until};
use crate::support::{Client, Program, marqeta};

const CALLERS: u64 = 32;

/// The bars.
const WORSE_AT_MOST: f64 = 1.2;
const DRAINED_WITHIN: Duration = Duration::from_secs(30);

/// Purchases at a fixed rate, each timed from when it was due; the times of those that were approved.
async fn steady(client: &Client, cards: &[String], rate: u64, time: Duration) -> Vec<Duration> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let every = Duration::from_secs(1).mul_f64(CALLERS as f64 / rate as f64);
    let end = Instant::now() + time;
    let cards: Arc<[String]> = cards.into();
    let callers: Vec<JoinHandle<Vec<Duration>>> = (0..CALLERS)
        .map(|caller| {
            let (mut client, cards) = (client.another(), Arc::clone(&cards));
            tokio::spawn(async move {
                let first = Instant::now() + every.mul_f64(caller as f64 / CALLERS as f64);
                let mut turns = tokio::time::interval_at(first, every);
                turns.set_missed_tick_behavior(MissedTickBehavior::Burst);
                let mut times = Vec::new();
                loop {
                    let due = turns.tick().await;
                    if due > end {
                        return times;
                    }
                    let n = NEXT.fetch_add(1, Ordering::Relaxed);
                    let card = &cards[n as usize % cards.len()];
                    let body = marqeta::purchase(&format!("steady-{n}"), card, "0.01");
                    let answer = client.jit(body).await;
                    assert_eq!(answer.status, 200, "{answer:?}");
                    times.push(due.elapsed());
                }
            })
        })
        .collect();
    let mut times = Vec::new();
    for caller in callers {
        times.extend(caller.await.expect("a caller"));
    }
    times.sort_unstable();
    times
}

fn quantile(times: &[Duration], share: f64) -> f64 {
    let at = ((times.len() as f64 - 1.0) * share) as usize;
    times.get(at).map_or(0.0, |time| time.as_secs_f64() * 1_000.0)
}

/// Events that wait, at PostgreSQL and at MongoDB.
async fn outbox_rows(scene: &Scene, mongodb: &mongodb::Database) -> [u64; 2] {
    let business = scene.count("select count(*) from outbox").await;
    let personal = mongodb.collection::<Document>("outbox");
    let personal = personal.count_documents(doc! { "wall": { "$exists": false } }).await;
    [u64::try_from(business).unwrap(), personal.unwrap()]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long: scripts/endure"]
async fn decisions_do_not_wait_for_the_broker() {
    let time = Duration::from_secs(number("TOLLGATE_ENDURE_BROKER_OUTAGE_S", 60));
    let rate = number("TOLLGATE_ENDURE_RATE", 500);
    let scene = Scene::start(&["postgres", "mongodb", "rabbitmq"], &[]).await;
    let mongodb = mongodb::Client::with_uri_str(scene.servers.url("MONGODB_URI")).await.unwrap();
    let mongodb = mongodb.default_database().unwrap();
    let mut client = scene.client();
    let business = Program::set_up(&mut client, 1_000_000_000, 200).await;
    let personal = Program::set_up_personal(&mut client, 1_000_000_000, 200).await;
    let cards: Vec<String> =
        business.cards.into_iter().zip(personal.cards).flat_map(<[_; 2]>::from).collect();
    steady(&client, &cards, rate, time / 6).await; // caches fill, files grow

    // Half of the comparison before and half after: what changes with the books is in both.
    let mut with = steady(&client, &cards, rate, time / 2).await;
    scene.kill("rabbitmq").await;
    let without = steady(&client, &cards, rate, time).await;
    let waiting = outbox_rows(&scene, &mongodb).await;
    let back = Instant::now();
    scene.up("rabbitmq").await;
    let started = back.elapsed();
    let empty = async || outbox_rows(&scene, &mongodb).await == [0, 0];
    until("the outboxes drain", DRAINED_WITHIN * 3, empty).await;
    let drained = back.elapsed() - started;
    with.extend(steady(&client, &cards, rate, time / 2).await);
    with.sort_unstable();
    scene.verify();

    let (before, during) = (quantile(&with, 0.99), quantile(&without, 0.99));
    println!(
        "endure: broker outage | {:.0} s at {rate}/s | p50 {:.2} ms with, {:.2} ms without; p99 {before:.2} \
         ms with, {during:.2} ms without ({:+.0} %) | {waiting:?} events waited, drained {:.1} s after the \
         broker's start",
        time.as_secs_f64(),
        quantile(&with, 0.5),
        quantile(&without, 0.5),
        (during / before - 1.0) * 100.0,
        drained.as_secs_f64(),
    );
    assert!(waiting.iter().all(|events| *events > 0), "events waited: {waiting:?}");
    assert!(drained <= DRAINED_WITHIN, "{drained:?}");
    if !cfg!(debug_assertions) {
        assert!(during <= before * WORSE_AT_MOST, "{during:.2} ms instead of {before:.2} ms");
    }
}
