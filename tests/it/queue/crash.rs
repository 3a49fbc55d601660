//! A message that its process dies of: attempts are counted all the same.

use std::path::Path;
use std::sync::Arc;
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
        std::mem::forget(consumers);
        came
    });
    process.shutdown_timeout(Duration::from_millis(200));
    died
}

#[test]
fn a_message_that_kills_its_process_is_dead_after_four_attempts() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("broker.db");
    let (inbox, script) = (Arc::<MemoryInbox>::default(), Arc::<Script>::default());
    let main = Runtime::new().unwrap();
    main.block_on(async {
        let broker = EmbeddedBroker::open(&path, Arc::new(SystemClock::new())).await.unwrap();
        let shared: Arc<dyn Broker> = broker.clone();
        let ids = ["good-1", "hangs", "good-2", "good-3"].map(str::to_owned);
        brokers::put(&shared, Queue::Webhooks, &ids).await;
        broker.close().await;
    });
    let mut lives = 0;
    while live(&path, &inbox, &script) {
        lives += 1;
        assert!(lives <= 4, "it is tried for ever");
    }
    assert_eq!(lives, 4);
    main.block_on(async {
        let broker = broker(&path).await;
        let letter = take(&mut broker.consume(Queue::DeadLetters, 1).await.unwrap()).await;
        assert_eq!(letter.id, "hangs");
        assert_eq!(letter.headers[ATTEMPTS], "4");
        assert_eq!(letter.headers[REASON], "attempts_exhausted");
        until("its neighbours were done", async || {
            let mut done = script.done.lock().unwrap().clone();
            done.sort();
            done.dedup();
            done == ["good-1", "good-2", "good-3"]
        })
        .await;
    });
}
