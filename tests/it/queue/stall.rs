//! A message that takes long: nobody waits for it, neither beside it nor in other queues.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;
use tollgate::app::clock::SystemClock;
use tollgate::broker::topology::Queue;
use tollgate::broker::{Broker, Message};
use tollgate::domain::time::Timestamp;
use tollgate::ingress::queue::cleanse::Scanned;
use tollgate::ingress::queue::{Consumers, Handled, Handler, Handling, Plan, Tools};
use tollgate::service::attempts::Attempts;
use tollgate::store::Inbox;

use super::supervisor::{MemoryInbox, lose};
use super::world::until;
use crate::broker::world as brokers;

/// How long the slow message takes.
const SLOW: Duration = Duration::from_secs(5);

const PREFETCH: u16 = 50;

/// Messages of a measurement, one after the other.
const MESSAGES: usize = 100;

/// How much later a message may be worked than without the slow one: what a shared machine adds. Whoever
/// had to wait for it would wait for seconds.
const WORSE_AT_MOST: f64 = 1.2;
const SLACK: Duration = Duration::from_millis(250);

/// Remembers when it was given each message.
#[derive(Default)]
struct Timed(Mutex<BTreeMap<String, Instant>>);

impl Timed {
    fn began(&self, id: &str) -> Option<Instant> {
        self.0.lock().unwrap().get(id).copied()
    }
}

impl Handler for Timed {
    fn handle<'a>(&'a self, message: &'a Message, _: Scanned) -> Handling<'a> {
        Box::pin(async move {
            self.0.lock().unwrap().insert(message.id.clone(), Instant::now());
            if message.id == "slow" {
                tokio::time::sleep(SLOW).await;
            }
            Handled::Done
        })
    }

    fn deadline(&self) -> Duration {
        SLOW * 2
    }
}

fn start(broker: &Arc<dyn Broker>, inbox: Arc<MemoryInbox>, timed: &Arc<Timed>) -> Consumers {
    let clock = Arc::new(SystemClock::new());
    let tools = Tools {
        broker: Arc::clone(broker),
        attempts: Arc::new(Attempts::new(inbox, clock.clone())),
        is_open: Box::new(|| true),
        clock,
    };
    let plan = |queue| {
        let handler: Arc<dyn Handler> = timed.clone();
        Plan { queue, handler, count: 1, prefetch: PREFETCH }
    };
    Consumers::start(tools, vec![plan(Queue::Webhooks), plan(Queue::Transactions)])
}

/// Publishes one message after the other; within how much time all but one in a hundred were at work.
async fn flow(broker: &Arc<dyn Broker>, timed: &Timed, queue: Queue, name: &str) -> Duration {
    let mut took = Vec::new();
    for n in 0..MESSAGES {
        let id = format!("{name}-{n}");
        let published = Instant::now();
        brokers::put(broker, queue, std::slice::from_ref(&id)).await;
        let began = loop {
            match timed.began(&id) {
                Some(began) => break began,
                None => tokio::time::sleep(Duration::from_millis(1)).await,
            }
            assert!(published.elapsed() < brokers::PATIENCE, "{id} is not worked");
        };
        took.push(began - published);
    }
    took.sort_unstable();
    took[MESSAGES * 99 / 100 - 1]
}

fn not_worse(during: Duration, before: Duration, whose: &str) {
    eprintln!("{whose}: p99 {before:?} without a slow message, {during:?} beside one");
    assert!(during <= before.mul_f64(WORSE_AT_MOST) + SLACK, "{whose}: {during:?}, not {before:?}");
}

/// A slow one among new ones: its queue flows, and so does the other.
async fn a_slow_message_holds_nobody_up(broker: Arc<dyn Broker>) {
    let timed = Arc::<Timed>::default();
    let consumers = start(&broker, Arc::default(), &timed);
    let before = flow(&broker, &timed, Queue::Transactions, "before").await;
    brokers::put(&broker, Queue::Webhooks, &["slow".to_owned()]).await;
    until("it is at work", async || timed.began("slow").is_some()).await;
    let other = flow(&broker, &timed, Queue::Transactions, "other").await;
    let own = flow(&broker, &timed, Queue::Webhooks, "own").await;
    not_worse(other, before, "the other queue");
    not_worse(own, before, "its own queue");
    consumers.stop(SLOW * 2).await;
}

/// A slow one that is worked alone: its own queue waits, and nobody else.
async fn a_suspect_that_takes_long_holds_up_its_own_queue_alone(broker: Arc<dyn Broker>) {
    let (timed, inbox) = (Arc::<Timed>::default(), Arc::<MemoryInbox>::default());
    brokers::put(&broker, Queue::Webhooks, &["slow".to_owned()]).await;
    lose(&broker, Queue::Webhooks, 1).await;
    let now = Timestamp::from_micros(1);
    inbox.begin(Queue::Webhooks.name(), "slow".to_owned(), 2, now).await.unwrap();
    let consumers = start(&broker, inbox, &timed);
    until("it is at work", async || timed.began("slow").is_some()).await;
    brokers::put(&broker, Queue::Webhooks, &["beside".to_owned()]).await;
    let other = flow(&broker, &timed, Queue::Transactions, "other").await;
    let began = timed.began("slow").expect("it has begun");
    if began.elapsed() < SLOW {
        assert_eq!(timed.began("beside"), None, "a suspect is worked alone");
    }
    until("its own queue flows", async || timed.began("beside").is_some()).await;
    let after = flow(&broker, &timed, Queue::Transactions, "after").await;
    not_worse(other, after, "the other queue");
    assert!(timed.began("beside").expect("it has begun") - began >= SLOW);
    consumers.stop(SLOW * 2).await;
}

macro_rules! on_both {
    ($($name:ident)+) => {
        mod on_embedded {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    crate::broker::world::embedded(super::$name).await;
                }
            )+
        }

        mod on_rabbitmq {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                #[ignore = "needs servers: scripts/test"]
                async fn $name() {
                    crate::broker::world::rabbitmq(super::$name).await;
                }
            )+
        }
    };
}

on_both! {
    a_slow_message_holds_nobody_up
    a_suspect_that_takes_long_holds_up_its_own_queue_alone
}
