//! Dead letters that find no place: their queue is full, or gone, or its broker dies in the middle of
//! it. They wait where they were, and none is dropped.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tollgate::broker::headers::REASON;
use tollgate::broker::topology::Queue;
use tollgate::broker::{Broker, Settlement};

use super::supervisor::{MemoryInbox, Script, open, start};
use super::world::until;
use crate::broker::world as brokers;
use crate::support::own_servers::OwnServers;

/// How long there is no place: several tries, and fewer than the broker's own limit of 20.
const NO_PLACE_FOR: Duration = Duration::from_secs(2);

/// How long the rest may take.
const WITHIN: Duration = Duration::from_secs(60);

fn never(name: &str, count: usize) -> Vec<String> {
    (0..count).map(|n| format!("never-{name}-{n}")).collect()
}

/// Publishes them, a few at a time: each call has its limit.
async fn put(broker: &Arc<dyn Broker>, ids: &[String]) {
    for some in ids.chunks(100) {
        brokers::put(broker, Queue::Webhooks, some).await;
    }
}

async fn waiting(broker: &Arc<dyn Broker>, queue: Queue) -> Option<u64> {
    let stats = broker.stats().await.ok()?;
    stats.iter().find(|stats| stats.queue == queue.name()).map(|stats| stats.messages)
}

/// Takes dead letters, whatever happens to their broker, until these have come, be it more than once.
/// Each says why it died.
async fn come(broker: &Arc<dyn Broker>, ids: &[String]) {
    let expected: BTreeSet<String> = ids.iter().cloned().collect();
    let mut came = BTreeSet::new();
    let coming = async {
        while came.len() < expected.len() {
            let Ok(mut dead) = broker.consume(Queue::DeadLetters, 50).await else {
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            while came.len() < expected.len() {
                let Ok(delivery) = dead.next().await else { break };
                let message = delivery.message().clone();
                // The broker itself gives up what has come twenty times.
                let reason = message.headers[REASON].as_str();
                assert!(["malformed_json", "delivery_limit"].contains(&reason), "{reason}");
                let _ = delivery.settle(Settlement::Done).await; // or it comes again
                came.extend(expected.contains(&message.id).then_some(message.id));
            }
        }
    };
    let ended = tokio::time::timeout(WITHIN, coming).await;
    assert!(ended.is_ok(), "{} of {} came", came.len(), expected.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn dead_letters_without_a_place_wait_where_they_were() {
    let servers = OwnServers::start(&["rabbitmq"]);
    let url = servers.url("RABBITMQ_URL");
    let rabbit = brokers::open(&url, "");
    let broker: Arc<dyn Broker> = rabbit.clone();
    broker.declare().await.unwrap();
    let (inbox, script) = (Arc::<MemoryInbox>::default(), Arc::<Script>::default());

    // Full: it takes a few, and refuses the others.
    let full = r#"{"max-length":3,"overflow":"reject-publish"}"#;
    let setting = ["set_policy", "full", "^jit-funding-dlq$", full, "--apply-to", "queues"];
    servers.rabbitmqctl(&setting);
    let ids = never("full", 200);
    let consumers = start(&broker, &inbox, &script, &open());
    put(&broker, &ids).await;
    tokio::time::sleep(NO_PLACE_FOR).await;
    let kept = waiting(&broker, Queue::DeadLetters).await.unwrap();
    assert!(kept < 200, "it is full: {kept}");
    // Telling the broker takes seconds, and whoever tries for so long comes to its limit of deliveries.
    consumers.stop(Duration::from_secs(5)).await;
    servers.rabbitmqctl(&["clear_policy", "full"]);
    let consumers = start(&broker, &inbox, &script, &open());
    come(&broker, &ids).await;

    // Gone: what can not be routed is a failure, and whoever connects anew declares the queue again.
    consumers.stop(Duration::from_secs(5)).await;
    let ids = never("gone", 200);
    put(&broker, &ids).await;
    let connection = brokers::connect(&url).await;
    let channel = connection.create_channel().await.unwrap();
    let deleting = lapin::options::QueueDeleteOptions::default();
    channel.queue_delete("jit-funding-dlq".into(), deleting).await.unwrap();
    let consumers = start(&broker, &inbox, &script, &open());
    tokio::time::sleep(NO_PLACE_FOR).await;
    come(&broker, &ids).await;

    until("nothing is left", async || waiting(&broker, Queue::Webhooks).await == Some(0)).await;
    consumers.stop(Duration::from_secs(5)).await;
    assert_eq!(inbox.len(), 0, "nothing is counted of what was handled");
    rabbit.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn a_broker_that_dies_in_the_middle_of_dead_lettering_drops_nothing() {
    const LETTERS: usize = 2_000;
    let servers = Arc::new(OwnServers::start(&["rabbitmq"]));
    let rabbit = brokers::open(&servers.url("RABBITMQ_URL"), "");
    let broker: Arc<dyn Broker> = rabbit.clone();
    broker.declare().await.unwrap();
    // RabbitMQ 3.10 keeps the names of new queues to itself for three seconds: killed within them, it comes
    // back with a queue that never finds its leader.
    tokio::time::sleep(Duration::from_secs(5)).await;
    let ids = never("killed", LETTERS);
    put(&broker, &ids).await;
    let (inbox, script) = (Arc::<MemoryInbox>::default(), Arc::<Script>::default());
    let consumers = start(&broker, &inbox, &script, &open());
    let seen = || script.seen.lock().unwrap().len();
    until("it has begun", async || seen() > LETTERS / 10).await;
    let own = Arc::clone(&servers);
    tokio::task::spawn_blocking(move || own.kill("rabbitmq")).await.unwrap();
    assert!(seen() < LETTERS, "some were left when it died");
    let own = Arc::clone(&servers);
    tokio::task::spawn_blocking(move || own.up("rabbitmq")).await.unwrap();
    come(&broker, &ids).await;
    until("nothing is left", async || waiting(&broker, Queue::Webhooks).await == Some(0)).await;
    consumers.stop(Duration::from_secs(5)).await;
    rabbit.close().await;
}
