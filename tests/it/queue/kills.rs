//! A RabbitMQ of a test's own: killed, cut off, restarted. Everything that was confirmed is worked.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use tollgate::broker::Broker;
use tollgate::broker::topology::Queue;

use super::supervisor::{MemoryInbox, Script, open, start};
use super::world::until;
use crate::broker::world as brokers;
use crate::support::own_servers::OwnServers;
use crate::support::rounds;

/// How soon messages flow again once the port is open, or after whatever was closed.
const AGAIN_WITHIN: Duration = Duration::from_secs(5);

/// And after the broker itself was stopped and started within its node.
const RESTARTED_WITHIN: Duration = Duration::from_secs(10);

/// As if every client had acknowledged what was never delivered: the broker closes the channel for that.
const BAD_TAG: &str = "[rabbit_channel:do(Pid, {'basic.ack', 999999999, false}) || \
    Pid <- rabbit_channel:list_local()].";

fn url(servers: &OwnServers) -> String {
    servers.url("RABBITMQ_URL")
}

fn done(script: &Script) -> BTreeSet<String> {
    script.done.lock().unwrap().iter().cloned().collect()
}

/// Publishes one message and waits until it has been worked; says how long that took.
pub async fn flows(broker: &Arc<dyn Broker>, script: &Script, id: &str) -> Duration {
    let started = Instant::now();
    let flowing = async {
        while brokers::publish(broker, brokers::to(Queue::Webhooks, brokers::message(id)))
            .await
            .is_err()
        {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        while !done(script).contains(id) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(40), flowing).await.is_ok(), "{id}");
    started.elapsed()
}

/// Eight publishers; what was confirmed to each.
fn publish_until(
    broker: &Arc<dyn Broker>,
    stop: &Arc<AtomicBool>,
) -> Vec<tokio::task::JoinHandle<Vec<String>>> {
    let publishers = (0..8).map(|publisher| {
        let (broker, stop) = (Arc::clone(broker), Arc::clone(stop));
        tokio::spawn(async move {
            let mut confirmed = Vec::new();
            for n in 0.. {
                if stop.load(Ordering::SeqCst) {
                    break;
                }
                let id = format!("m-{publisher}-{n}");
                let outgoing = brokers::to(Queue::Webhooks, brokers::message(&id));
                if brokers::publish(&broker, outgoing).await.is_ok() {
                    confirmed.push(id);
                }
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            confirmed
        })
    });
    publishers.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn a_broker_that_is_killed_under_load_loses_nothing_that_it_has_confirmed() {
    let kills = rounds(1, 3);
    let servers = OwnServers::start(&["rabbitmq"]);
    let broker: Arc<dyn Broker> = brokers::open(&url(&servers), "");
    let (inbox, script) = (Arc::<MemoryInbox>::default(), Arc::<Script>::default());
    let consumers = start(&broker, &inbox, &script, &open());
    flows(&broker, &script, "first").await;
    let stop = Arc::new(AtomicBool::new(false));
    let publishers = publish_until(&broker, &stop);
    let servers = Arc::new(servers);
    for kill in 0..kills {
        tokio::time::sleep(Duration::from_secs(3)).await;
        let own = Arc::clone(&servers);
        tokio::task::spawn_blocking(move || {
            own.kill("rabbitmq");
            own.up("rabbitmq");
        })
        .await
        .unwrap();
        let took = flows(&broker, &script, &format!("after-{kill}")).await;
        assert!(took < AGAIN_WITHIN, "messages flow again after {took:?}");
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    stop.store(true, Ordering::SeqCst);
    let mut confirmed = BTreeSet::new();
    for publisher in publishers {
        confirmed.extend(publisher.await.unwrap());
    }
    let drained = async {
        while !confirmed.is_subset(&done(&script)) {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let drained = tokio::time::timeout(Duration::from_secs(30), drained).await;
    let worked = done(&script);
    let missing: Vec<_> = confirmed.difference(&worked).collect();
    assert!(drained.is_ok(), "{} of {} are missing", missing.len(), confirmed.len());
    println!(
        "{kills} kills of rabbitmq: {} confirmed, {} worked, 0 lost, {} worked more than once",
        confirmed.len(),
        worked.len(),
        script.done.lock().unwrap().len() - worked.len()
    );
    consumers.stop(Duration::from_secs(5)).await;
    // Nothing was dead-lettered: nothing was a message's own fault.
    let stats = broker.stats().await.unwrap();
    assert!(stats.iter().all(|queue| queue.messages == 0), "{stats:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn consumers_resume_whatever_is_closed_under_them() {
    let servers = OwnServers::start(&["rabbitmq"]);
    let broker: Arc<dyn Broker> = brokers::open(&url(&servers), "");
    let (inbox, script) = (Arc::<MemoryInbox>::default(), Arc::<Script>::default());
    let consumers = start(&broker, &inbox, &script, &open());
    flows(&broker, &script, "first").await;
    let closings = [["close_all_connections", "bye"], ["eval", BAD_TAG]];
    for (round, closing) in closings.iter().cycle().take(rounds(4, 200)).enumerate() {
        servers.rabbitmqctl(closing);
        let took = flows(&broker, &script, &format!("closed-{round}")).await;
        assert!(took < AGAIN_WITHIN, "{closing:?} {round}: after {took:?}");
    }
    // Their queue goes under them.
    let connection = brokers::connect(&url(&servers)).await;
    let channel = connection.create_channel().await.unwrap();
    let deleting = lapin::options::QueueDeleteOptions::default();
    channel.queue_delete("webhook-queue".into(), deleting).await.unwrap();
    // Whoever consumed it is cancelled, and declares it again.
    let took = flows(&broker, &script, "deleted").await;
    assert!(took < AGAIN_WITHIN, "after {took:?}");
    servers.rabbitmqctl(&["stop_app"]);
    servers.rabbitmqctl(&["start_app"]);
    let took = flows(&broker, &script, "restarted").await;
    assert!(took < RESTARTED_WITHIN, "after {took:?}");
    // Standing still: a publish call fails by its own limit, and does not hang.
    servers.stop("rabbitmq");
    let started = Instant::now();
    let outgoing = brokers::to(Queue::Webhooks, brokers::message("still"));
    assert!(brokers::publish(&broker, outgoing).await.is_err());
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
    servers.go_on("rabbitmq");
    let took = flows(&broker, &script, "going-on").await;
    assert!(took < Duration::from_secs(25), "going on after {took:?}");
    consumers.stop(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn a_broker_without_memory_and_channel_errors_are_outlived() {
    let servers = OwnServers::start(&["rabbitmq"]);
    let broker: Arc<dyn Broker> = brokers::open(&url(&servers), "");
    let (inbox, script) = (Arc::<MemoryInbox>::default(), Arc::<Script>::default());
    let consumers = start(&broker, &inbox, &script, &open());
    flows(&broker, &script, "first").await;
    // A broker that is short of memory reads nothing from those who publish, and says so.
    servers.rabbitmqctl(&["set_vm_memory_high_watermark", "absolute", "1MB"]);
    let refused = async || {
        let started = Instant::now();
        let outgoing = brokers::to(Queue::Webhooks, brokers::message("blocked"));
        let refused = brokers::publish(&broker, outgoing).await.is_err();
        assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
        refused
    };
    until("publishing fails, and does not hang", refused).await;
    servers.rabbitmqctl(&["set_vm_memory_high_watermark", "0.6"]);
    let took = flows(&broker, &script, "unblocked").await;
    assert!(took < AGAIN_WITHIN, "unblocked after {took:?}");

    // The broker closes the channel, and not the connection, of whoever keeps a message for too long:
    // channels that are opened from here on know the limit.
    servers.rabbitmqctl(&["eval", "application:set_env(rabbit, consumer_timeout, 500)."]);
    servers.rabbitmqctl(&["eval", "application:set_env(rabbit, channel_tick_interval, 200)."]);
    servers.rabbitmqctl(&["close_all_connections", "bye"]);
    flows(&broker, &script, "anew").await;
    let hangs = brokers::to(Queue::Webhooks, brokers::message("hangs"));
    brokers::publish(&broker, hangs).await.unwrap();
    let times = || script.seen.lock().unwrap().iter().filter(|id| *id == "hangs").count();
    until("it comes again on another channel", async || times() > 1).await;
    let took = flows(&broker, &script, "beside").await;
    assert!(took < AGAIN_WITHIN, "beside after {took:?}");
    consumers.stop(Duration::from_secs(5)).await;
}
