//! A broker that is short of memory takes nothing from those who publish: decisions go on, events wait,
//! and all of them come once it has room again.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::StreamExt;
use lapin::options::{BasicConsumeOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::FieldTable;

use crate::broker::world as brokers;
use crate::endure::scene::{Scene, until};
use crate::support::Program;

use super::volley::{Shot, Volley, nothing_is_missing, p99};

/// How long the alarm lasts, and decisions before and after it are watched.
const ALARM: Duration = Duration::from_secs(10);
const BESIDE: Duration = Duration::from_secs(4);

const CALLERS: usize = 4;

/// How soon everything that waited is out.
const DRAINED_WITHIN: Duration = Duration::from_secs(30);

/// The ids of the approvals that a subscriber has heard of.
async fn listen(url: &str) -> (lapin::Connection, Arc<Mutex<BTreeSet<String>>>) {
    let connection = brokers::connect(url).await;
    let channel = connection.create_channel().await.unwrap();
    let options = QueueDeclareOptions::exclusive().auto_delete();
    let queue = channel.queue_declare("".into(), options, FieldTable::default()).await.unwrap();
    let (name, key) = (queue.name().clone(), "authorization.approved");
    let (options, arguments) = (QueueBindOptions::default(), FieldTable::default());
    let binding = channel.queue_bind(name.clone(), "events".into(), key.into(), options, arguments);
    binding.await.unwrap();
    let options = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
    let consuming = channel.basic_consume(name, "".into(), options, FieldTable::default());
    let mut events = consuming.await.unwrap();
    let heard = Arc::<Mutex<BTreeSet<String>>>::default();
    let own = Arc::clone(&heard);
    tokio::spawn(async move {
        let _channel = channel; // as long as events come
        while let Some(Ok(event)) = events.next().await {
            let id = event.properties.message_id().as_ref().map(|id| id.as_str().to_owned());
            own.lock().unwrap().insert(id.expect("events have ids"));
        }
    });
    (connection, heard)
}

async fn waiting(scene: &Scene) -> i64 {
    scene.count("select count(*) from outbox").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn a_broker_without_memory_holds_no_decision_up_and_loses_no_event() {
    // A busy machine may keep a batch longer than the usual limit: here no decision may be refused.
    let patient = [("JIT__DEADLINE_MS", "7000"), ("LANE__STALL_MS", "5000")];
    let scene = Scene::start(&["postgres", "rabbitmq"], &patient).await;
    let mut client = scene.client();
    let program = Program::set_up(&mut client, 100_000_000, 32).await;
    let (_connection, heard) = listen(&scene.servers.url("RABBITMQ_URL")).await;
    let volley = async |name: &str, time: Duration| {
        let volley = Volley::at(&[client.another()], CALLERS, &program.cards, name);
        tokio::time::sleep(time).await;
        volley.end().await
    };
    let mut shots = volley("warm", BESIDE).await;
    let before = volley("before", BESIDE).await;
    until("events flow", DRAINED_WITHIN, async || waiting(&scene).await == 0).await;

    scene.rabbitmqctl(&["set_vm_memory_high_watermark", "absolute", "1MB"]).await;
    let early = volley("early", ALARM / 2).await;
    let few = waiting(&scene).await;
    let late = volley("late", ALARM / 2).await;
    let many = waiting(&scene).await;
    assert!(0 < few && few < many, "events wait: {few}, then {many}");
    let health = scene.client().get("/health").await.json();
    assert_eq!(health["status"], "degraded", "{health}");

    scene.rabbitmqctl(&["set_vm_memory_high_watermark", "0.6"]).await;
    let drained =
        until("the outbox drains", DRAINED_WITHIN, async || waiting(&scene).await == 0).await;
    let during: Vec<&Shot> = early.iter().chain(&late).collect();
    println!(
        "broker without memory for {ALARM:?}: {} decisions, p99 {:?} (before {:?}); {many} events waited, \
         drained {drained:?} after it had room",
        during.len(),
        p99(&during),
        p99(&before.iter().collect::<Vec<_>>()),
    );
    for some in [before, early, late] {
        shots.extend(some);
    }
    let refused = shots.iter().find(|shot| !shot.is_approved());
    assert!(refused.is_none(), "decisions go on: {refused:?}");
    let approved = nothing_is_missing(&client, &shots).await;
    let all = async || heard.lock().unwrap().len() >= approved;
    until("every approval is heard of", DRAINED_WITHIN, all).await;
    assert_eq!(heard.lock().unwrap().len(), approved, "each is one event");
    assert_eq!(program.held(&mut client).await, i64::try_from(approved).unwrap());
    scene.verify();
}
