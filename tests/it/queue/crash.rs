//! A message that its process dies of: attempts are counted all the same.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::runtime::Runtime;
use tollgate::app::clock::SystemClock;
use tollgate::broker::embedded::EmbeddedBroker;
use tollgate::broker::headers::{ATTEMPTS, REASON};
use tollgate::broker::topology::Queue;
use tollgate::broker::{Broker, BrokerError};

use super::supervisor::{MemoryInbox, Script, open, start};
use super::world::{take, until};
use crate::broker::world as brokers;

/// Opens the file of a process that has just died.
async fn broker(path: &Path) -> Arc<dyn Broker> {
    loop {
        match EmbeddedBroker::open(path, Arc::new(SystemClock::new())).await {
            Ok(broker) => return broker,
            Err(BrokerError::Unavailable(_)) => tokio::time::sleep(Duration::from_millis(20)).await,
            Err(error) => panic!("{error}"),
        }
    }
}

/// A life: until the poison is at work, then everything is gone at once. Says whether it came.
fn live(path: &Path, inbox: &Arc<MemoryInbox>, script: &Arc<Script>) -> bool {
    let process = Runtime::new().unwrap();
    script.at_work.store(0, Ordering::SeqCst);
    let died = process.block_on(async {
        let broker = broker(path).await;
        let tries = || script.seen.lock().unwrap().iter().filter(|id| *id == "hangs").count();
        let before = tries();
        let consumers = start(&broker, inbox, script, &open());
        let came = async {
            while tries() == before {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let came = tokio::time::timeout(Duration::from_secs(3), came).await.is_ok();
        // Whoever came beside it is at work, too.
        tokio::time::sleep(Duration::from_millis(100)).await;
        std::mem::forget(consumers);
        came
    });
    process.shutdown_timeout(Duration::from_millis(200));
    died
}

/// Lives until the poison is dead; says how many there were.
fn die_of_it(path: &Path, ids: &[&str], inbox: &Arc<MemoryInbox>, script: &Arc<Script>) -> usize {
    Runtime::new().unwrap().block_on(async {
        let broker = EmbeddedBroker::open(path, Arc::new(SystemClock::new())).await.unwrap();
        let shared: Arc<dyn Broker> = broker.clone();
        let ids: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
        brokers::put(&shared, Queue::Webhooks, &ids).await;
        broker.close().await;
    });
    let mut lives = 0;
    while live(path, inbox, script) {
        lives += 1;
        assert!(lives <= 4, "it is tried for ever");
    }
    lives
}

/// The only dead letter is the poison, after four attempts, and its neighbours were done.
async fn only_the_poison_is_dead(path: &Path, script: &Script, neighbours: &[&str]) {
    let broker = broker(path).await;
    let mut dead = broker.consume(Queue::DeadLetters, 9).await.unwrap();
    let letter = take(&mut dead).await;
    assert_eq!(letter.id, "hangs");
    assert_eq!(letter.headers[ATTEMPTS], "4");
    assert_eq!(letter.headers[REASON], "attempts_exhausted");
    brokers::nothing(&mut dead).await;
    until("its neighbours were done", async || {
        let mut done = script.done.lock().unwrap().clone();
        done.sort();
        done.dedup();
        done == neighbours
    })
    .await;
}

#[test]
fn a_message_that_kills_its_process_is_dead_after_four_attempts() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("broker.db");
    let (inbox, script) = (Arc::<MemoryInbox>::default(), Arc::<Script>::default());
    let ids = ["good-1", "hangs", "good-2", "good-3"];
    assert_eq!(die_of_it(&path, &ids, &inbox, &script), 4);
    let neighbours = ["good-1", "good-2", "good-3"];
    Runtime::new().unwrap().block_on(only_the_poison_is_dead(&path, &script, &neighbours));
}

#[test]
fn whoever_is_at_work_beside_it_dies_with_it_twice_and_is_worked_alone_after_that() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("broker.db");
    let (inbox, script) = (Arc::<MemoryInbox>::default(), Arc::<Script>::default());
    let ids = ["shy-1", "shy-2", "hangs", "shy-3", "shy-4"];
    assert_eq!(die_of_it(&path, &ids, &inbox, &script), 4);
    let neighbours = ["shy-1", "shy-2", "shy-3", "shy-4"];
    Runtime::new().unwrap().block_on(only_the_poison_is_dead(&path, &script, &neighbours));
    let seen = script.seen.lock().unwrap().clone();
    for id in neighbours {
        let tries = seen.iter().filter(|seen| *seen == id).count();
        assert_eq!(tries, 3, "{id}: two beside the poison, and one alone");
    }
    assert_eq!(inbox.len(), 0, "what is settled leaves no row");
}
