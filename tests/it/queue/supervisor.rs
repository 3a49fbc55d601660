//! The consumers' supervisor, with handlers that do as they are told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tollgate::app::clock::SystemClock;
use tollgate::broker::headers::{ATTEMPTS, LAST_ERROR, ORIGIN, REASON};
use tollgate::broker::topology::Queue;
use tollgate::broker::{Broker, Message};
use tollgate::domain::time::Timestamp;
use tollgate::ingress::queue::cleanse::Scanned;
use tollgate::ingress::queue::{Consumers, Handled, Handler, Handling, Plan, Tools};
use tollgate::service::attempts::Attempts;
use tollgate::store::{Inbox, StoreError, StoreFuture};

use super::world::{take, until};
use crate::broker::world as brokers;

/// An inbox in memory, which may be down.
#[derive(Default)]
pub struct MemoryInbox {
    rows: Mutex<BTreeMap<String, u32>>,
    pub down: AtomicBool,
}

impl MemoryInbox {
    fn with<'a, T: Send + 'a>(
        &'a self,
        work: impl FnOnce(&mut BTreeMap<String, u32>) -> T,
    ) -> StoreFuture<'a, T> {
        let answer = if self.down.load(Ordering::SeqCst) {
            Err(StoreError::Unavailable("down".into()))
        } else {
            Ok(work(&mut self.rows.lock().unwrap()))
        };
        Box::pin(std::future::ready(answer))
    }

    pub fn len(&self) -> usize {
        self.rows.lock().unwrap().len()
    }
}

impl Inbox for MemoryInbox {
    fn begun(&self, _queue: &'static str, message: String) -> StoreFuture<'_, u32> {
        self.with(|rows| rows.get(&message).copied().unwrap_or_default())
    }

    fn begin(
        &self,
        _queue: &'static str,
        message: String,
        attempt: u32,
        _now: Timestamp,
    ) -> StoreFuture<'_, u32> {
        self.with(|rows| {
            let attempts = rows.entry(message).or_default();
            *attempts = attempt.max(*attempts);
            *attempts
        })
    }

    fn undo(&self, _queue: &'static str, message: String, attempt: u32) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            // Others go on meanwhile, as at a server.
            tokio::time::sleep(Duration::from_millis(20)).await;
            let undoing = self.with(|rows| {
                let latest = rows.get_mut(&message).filter(|attempts| **attempts == attempt);
                if let Some(attempts) = latest {
                    *attempts -= 1;
                }
            });
            undoing.await
        })
    }

    fn end(&self, _queue: &'static str, message: String) -> StoreFuture<'_, ()> {
        self.with(|rows| {
            rows.remove(&message);
        })
    }

    fn drop_before(&self, _before: Timestamp) -> StoreFuture<'_, u64> {
        self.with(|_| 0)
    }
}

/// Does what the message's id says, and remembers what it has done.
#[derive(Default)]
pub struct Script {
    pub seen: Mutex<Vec<String>>,
    pub done: Mutex<Vec<String>>,
    pub outage: AtomicBool,
    pub at_work: AtomicU32,
    pub company: Mutex<Vec<(String, u32)>>,
}

impl Handler for Script {
    fn handle<'a>(&'a self, message: &'a Message, _: Scanned) -> Handling<'a> {
        Box::pin(async move {
            let id = message.id.clone();
            self.seen.lock().unwrap().push(id.clone());
            let beside = self.at_work.fetch_add(1, Ordering::SeqCst);
            self.company.lock().unwrap().push((id.clone(), beside));
            let handled = self.act(&id).await;
            self.at_work.fetch_sub(1, Ordering::SeqCst);
            if handled == Handled::Done {
                self.done.lock().unwrap().push(id);
            }
            handled
        })
    }

    fn deadline(&self) -> Duration {
        Duration::from_secs(2)
    }
}

impl Script {
    async fn act(&self, id: &str) -> Handled {
        if self.outage.load(Ordering::SeqCst) {
            return Handled::Unavailable;
        }
        match id.split('-').next().unwrap_or_default() {
            "fails" => Handled::Failed { error: "it always does".into() },
            "panics" => panic!("as it was told"),
            "never" => Handled::Never { reason: "malformed_json", error: "no".into() },
            "hangs" => std::future::pending().await,
            // Ends only while nobody is beside it.
            "shy" => loop {
                tokio::time::sleep(Duration::from_millis(50)).await;
                if self.at_work.load(Ordering::SeqCst) == 1 {
                    return Handled::Done;
                }
            },
            "slow" => {
                tokio::time::sleep(Duration::from_millis(100)).await;
                Handled::Done
            }
            _ => Handled::Done,
        }
    }
}

/// Consumers of the queue of notifications.
pub fn start(
    broker: &Arc<dyn Broker>,
    inbox: &Arc<MemoryInbox>,
    script: &Arc<Script>,
    open: &Arc<AtomicBool>,
) -> Consumers {
    start_on(Queue::Webhooks, broker, inbox, script, open)
}

/// Consumers of a queue.
pub fn start_on(
    queue: Queue,
    broker: &Arc<dyn Broker>,
    inbox: &Arc<MemoryInbox>,
    script: &Arc<Script>,
    open: &Arc<AtomicBool>,
) -> Consumers {
    start_on_each(&[queue], broker, inbox, script, open)
}

/// Consumers of several queues, of one process.
fn start_on_each(
    queues: &[Queue],
    broker: &Arc<dyn Broker>,
    inbox: &Arc<MemoryInbox>,
    script: &Arc<Script>,
    open: &Arc<AtomicBool>,
) -> Consumers {
    let clock = Arc::new(SystemClock::new());
    let open = Arc::clone(open);
    let tools = Tools {
        broker: Arc::clone(broker),
        attempts: Arc::new(Attempts::new(inbox.clone(), clock.clone())),
        is_open: Box::new(move || open.load(Ordering::SeqCst)),
        clock,
    };
    let plan =
        |queue: &Queue| Plan { queue: *queue, handler: script.clone(), count: 2, prefetch: 10 };
    Consumers::start(tools, queues.iter().map(plan).collect())
}

pub fn open() -> Arc<AtomicBool> {
    Arc::new(AtomicBool::new(true))
}

fn ids(ids: &[&str]) -> Vec<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_a_handler_does_its_neighbours_flow_and_attempts_are_four() {
    brokers::embedded(whatever_a_handler_does).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn whatever_a_handler_does_attempts_are_four_on_rabbitmq() {
    brokers::rabbitmq(whatever_a_handler_does).await;
}

/// On every queue that is worked, at once.
async fn whatever_a_handler_does(broker: Arc<dyn Broker>) {
    const WORKED: [Queue; 3] = [Queue::JitFunding, Queue::Transactions, Queue::Webhooks];
    let (inbox, script) = (Arc::default(), Arc::<Script>::default());
    let consumers = start_on_each(&WORKED, &broker, &inbox, &script, &open());
    let work = ["fails", "panics", "never", "hangs", "good-1", "good-2"];
    let of = |queue: Queue, id: &str| format!("{id}-{}", queue.name());
    for queue in WORKED {
        brokers::put(&broker, queue, &work.map(|id| of(queue, id))).await;
    }
    until("good ones flow", async || script.done.lock().unwrap().len() == 2 * WORKED.len()).await;
    let mut dead = broker.consume(Queue::DeadLetters, 10).await.unwrap();
    let mut letters = BTreeMap::new();
    for _ in 0..4 * WORKED.len() {
        let letter = take(&mut dead).await;
        let headers = [ORIGIN, ATTEMPTS, REASON, LAST_ERROR];
        letters.insert(letter.id, headers.map(|name| letter.headers[name].clone()));
    }
    for queue in WORKED {
        let check = |id: &str, tries: usize, reason: &str, error: &str| {
            let id = of(queue, id);
            let expected = [queue.name(), &tries.to_string(), reason, error];
            assert_eq!(letters[&id], expected, "{id}");
            let seen = script.seen.lock().unwrap().iter().filter(|seen| **seen == id).count();
            assert_eq!(seen, tries, "{id}");
        };
        check("fails", 4, "attempts_exhausted", "it always does");
        check("panics", 4, "attempts_exhausted", "the handler panicked");
        check("hangs", 4, "attempts_exhausted", "the handler did not end in time");
        check("never", 1, "malformed_json", "no");
    }
    consumers.stop(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_is_no_attempt_and_nothing_is_dead_after_it() {
    brokers::embedded(|broker| async move {
        let (inbox, script) = (Arc::<MemoryInbox>::default(), Arc::<Script>::default());
        let open = open();
        let consumers = start(&broker, &inbox, &script, &open);
        script.outage.store(true, Ordering::SeqCst);
        brokers::put(&broker, Queue::Webhooks, &ids(&["a", "b", "c"])).await;
        let tries = || script.seen.lock().unwrap().len();
        until("they are tried again and again", async || tries() > 15).await;
        // While no store answers, nothing is taken at all.
        open.store(false, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(300)).await;
        let more: Vec<String> = (0..30).map(|n| format!("more-{n}")).collect();
        brokers::put(&broker, Queue::Webhooks, &more).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        let seen = script.seen.lock().unwrap().clone();
        let taken: BTreeSet<_> = seen.iter().filter(|id| id.starts_with("more")).collect();
        assert!(taken.len() <= 2, "each consumer may have been waiting already: {taken:?}");
        script.outage.store(false, Ordering::SeqCst);
        open.store(true, Ordering::SeqCst);
        until("all are done", async || script.done.lock().unwrap().len() == 33).await;
        consumers.stop(Duration::from_secs(5)).await;
        let stats = broker.stats().await.unwrap();
        assert!(stats.iter().all(|queue| queue.messages == 0), "{stats:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_deliveries_of_one_message_do_not_count_each_others_outage() {
    brokers::embedded(|broker| async move {
        let (inbox, script) = (Arc::<MemoryInbox>::default(), Arc::<Script>::default());
        brokers::put(&broker, Queue::Webhooks, &ids(&["twin", "twin"])).await;
        let now = Timestamp::from_micros(1);
        inbox.begin("webhook-queue", "twin".to_owned(), 2, now).await.unwrap();
        lose(&broker, Queue::Webhooks, 2).await;
        script.outage.store(true, Ordering::SeqCst);
        let consumers = start(&broker, &inbox, &script, &open());
        let tries = || script.seen.lock().unwrap().len();
        until("they are tried again and again", async || tries() > 8).await;
        script.outage.store(false, Ordering::SeqCst);
        until("both are done", async || script.done.lock().unwrap().len() == 2).await;
        consumers.stop(Duration::from_secs(5)).await;
        brokers::nothing(&mut broker.consume(Queue::DeadLetters, 1).await.unwrap()).await;
        assert_eq!(inbox.len(), 0, "nothing is counted");
    })
    .await;
}

/// Takes so many from a queue and goes away with them: they come again.
pub async fn lose(broker: &Arc<dyn Broker>, queue: Queue, count: usize) {
    let mut lost = broker.consume(queue, u16::MAX).await.unwrap();
    let mut held = Vec::new();
    for _ in 0..count {
        held.push(brokers::next(&mut lost).await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_again_goes_among_others_once_more_and_waits_for_the_inbox() {
    const LOST: usize = 40;
    brokers::embedded(|broker| async move {
        let (inbox, script) = (Arc::<MemoryInbox>::default(), Arc::<Script>::default());
        let slow: Vec<String> = (0..LOST).map(|n| format!("slow-{n}")).collect();
        brokers::put(&broker, Queue::Webhooks, &slow).await;
        lose(&broker, Queue::Webhooks, LOST).await;
        inbox.down.store(true, Ordering::SeqCst);
        let consumers = start(&broker, &inbox, &script, &open());
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(script.seen.lock().unwrap().len(), 0, "the attempt is written down first");
        inbox.down.store(false, Ordering::SeqCst);
        let done = || script.done.lock().unwrap().len();
        until("all are done", async || done() == LOST).await;
        let company = script.company.lock().unwrap().clone();
        let most = company.iter().map(|(_, beside)| *beside).max().unwrap_or(0);
        assert!(most >= 10, "as many at a time as there may be: {most}");
        consumers.stop(Duration::from_secs(5)).await;
        assert_eq!(inbox.len(), 0, "what is settled leaves no row");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_came_again_twice_or_had_failed_before_is_handled_alone() {
    brokers::embedded(|broker| async move {
        let (inbox, script) = (Arc::<MemoryInbox>::default(), Arc::<Script>::default());
        let suspects = ids(&["slow-1", "slow-2", "slow-3"]);
        let messages = suspects.iter().map(|id| {
            let mut message = brokers::message(id);
            if id == "slow-3" {
                message.headers.insert(ATTEMPTS.to_owned(), "1".to_owned());
            }
            brokers::to(Queue::Webhooks, message)
        });
        for result in broker.publish(messages.collect()).await.unwrap() {
            result.unwrap();
        }
        for id in &suspects[..2] {
            let now = Timestamp::from_micros(1);
            assert_eq!(inbox.begin("webhook-queue", id.clone(), 2, now).await.unwrap(), 2);
        }
        lose(&broker, Queue::Webhooks, 3).await;
        let consumers = start(&broker, &inbox, &script, &open());
        brokers::put(&broker, Queue::Webhooks, &ids(&["slow-4", "slow-5"])).await;
        until("all are done", async || script.done.lock().unwrap().len() == 5).await;
        for (id, beside) in script.company.lock().unwrap().clone() {
            assert!(!suspects.contains(&id) || beside == 0, "{id} beside {beside} others");
        }
        consumers.stop(Duration::from_secs(5)).await;
        assert_eq!(inbox.len(), 0, "what is settled leaves no row");
    })
    .await;
}

/// Suspects of different queues, which have all come again twice.
async fn suspects(broker: &Arc<dyn Broker>, inbox: &MemoryInbox, each: &[(Queue, &str)]) {
    for (queue, id) in each {
        brokers::put(broker, *queue, &ids(&[*id])).await;
        let now = Timestamp::from_micros(1);
        assert_eq!(inbox.begin(queue.name(), (*id).to_owned(), 2, now).await.unwrap(), 2);
        lose(broker, *queue, 1).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn suspects_of_two_queues_are_not_at_work_at_once() {
    brokers::embedded(|broker| async move {
        let (inbox, script) = (Arc::<MemoryInbox>::default(), Arc::<Script>::default());
        let each = [(Queue::Webhooks, "slow-1"), (Queue::Transactions, "slow-2")];
        suspects(&broker, &inbox, &each).await;
        let queues = each.map(|(queue, _)| queue);
        let consumers = start_on_each(&queues, &broker, &inbox, &script, &open());
        until("both are done", async || script.done.lock().unwrap().len() == 2).await;
        for (id, beside) in script.company.lock().unwrap().clone() {
            assert_eq!(beside, 0, "{id} beside the other");
        }
        consumers.stop(Duration::from_secs(5)).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_gets_its_turn_when_the_process_is_stopping_does_not_begin() {
    brokers::embedded(|broker| async move {
        let (inbox, script) = (Arc::<MemoryInbox>::default(), Arc::<Script>::default());
        let each = [(Queue::Webhooks, "hangs-1"), (Queue::Transactions, "hangs-2")];
        suspects(&broker, &inbox, &each).await;
        let queues = each.map(|(queue, _)| queue);
        let consumers = start_on_each(&queues, &broker, &inbox, &script, &open());
        let tries = || script.seen.lock().unwrap().len();
        until("one is at work", async || tries() == 1).await;
        // The one at work ends at its deadline.
        consumers.stop(Duration::from_secs(10)).await;
        assert_eq!(tries(), 1);
        assert_eq!(inbox.len(), 1, "the other still counts what it had");
    })
    .await;
}
