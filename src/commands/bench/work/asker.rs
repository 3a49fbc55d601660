//! Asks for decisions through the broker: publishes requests with confirms, and reads the answers from
//! a queue of its own.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use hdrhistogram::Histogram;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use super::super::BenchError;
use super::super::answers::{Failure, FailureKind};
use super::super::load::Phase;
use super::super::pace;
use super::super::requests::{Requests, Tokens};
use crate::broker::topology::{Exchange, Queue};
use crate::broker::{Broker, BrokerError, Deliveries, Message, Outgoing, Settlement, Target};

/// The header with the status that the HTTP door would have answered.
const STATUS: &str = "x-tollgate-status";

/// Requests of one publish call in the closed loop at most, and calls at a time.
const CHUNK_MAX: usize = 64;
const PUBLISHERS: usize = 2;

/// Whoever has not been answered by then is not answered.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// How often the queue is measured.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// What came of a phase.
pub(super) struct Asked {
    /// From due (open loop) or published (closed loop) to the arrival of the answer; how late requests
    /// were published is its lateness.
    pub(super) phase: Phase,
    /// Duration of publish calls, in microseconds, until the broker has confirmed.
    pub(super) publish: Histogram<u64>,
    /// The most requests that were seen waiting in their queue.
    pub(super) depth_max: u64,
}

/// Someone with a queue of answers.
pub(super) struct Asker {
    broker: Arc<dyn Broker>,
    requests: Arc<Requests>,
    name: String,
    shared: Arc<Shared>,
    reading: JoinHandle<()>,
}

#[derive(Default)]
struct Waiting {
    since: HashMap<String, Instant>,
    random: u64,
}

/// What publishers and the reader share.
struct Shared {
    waiting: Mutex<Waiting>,
    asked: Mutex<Asked>,
    /// Requests that may still be published before an answer must come.
    window: Semaphore,
}

impl Drop for Asker {
    fn drop(&mut self) {
        self.reading.abort();
    }
}

impl Asker {
    /// Makes a queue for answers, and reads it.
    pub(super) async fn open(
        broker: Arc<dyn Broker>,
        requests: Requests,
        name: String,
    ) -> Result<Self, BenchError> {
        let answers = broker.replies(name.clone()).await?;
        let shared = Arc::new(Shared {
            waiting: Mutex::new(Waiting { random: 0x9e37_79b9_7f4a_7c15, ..Waiting::default() }),
            asked: Mutex::new(Asked::nothing()),
            window: Semaphore::new(0),
        });
        let reading = tokio::spawn(read(answers, Arc::clone(&shared)));
        Ok(Self { broker, requests: Arc::new(requests), name, shared, reading })
    }

    /// Asks as fast as it is answered, with so many requests on their way.
    pub(super) async fn saturate(
        &self,
        tokens: &mut Tokens,
        on_their_way: usize,
        time: Duration,
    ) -> Asked {
        let started = Instant::now();
        let end = started + time;
        let chunk_size = u32::try_from((on_their_way / 4).clamp(1, CHUNK_MAX)).unwrap_or(1);
        self.shared.window.add_permits(on_their_way);
        let drawn = Arc::new(Mutex::new(tokens.clone()));
        let publishers = (0..PUBLISHERS).map(|_| {
            let (drawn, own) = (Arc::clone(&drawn), self.publisher());
            tokio::spawn(async move {
                while Instant::now() < end {
                    let window = own.shared.window.acquire_many(chunk_size);
                    let Ok(Ok(permits)) = timeout(ANSWER_WITHIN, window).await else { break };
                    permits.forget();
                    let now = Instant::now();
                    let messages = (0..chunk_size).map(|_| own.message(&mut lock(&drawn), now));
                    let messages = messages.collect();
                    own.publish(messages).await;
                }
            })
        });
        for publisher in publishers.collect::<Vec<_>>() {
            let _ = publisher.await; // it has no result
        }
        tokens.clone_from(&lock(&drawn));
        let asked = self.finish(started).await;
        self.shared.window.forget_permits(usize::MAX);
        asked
    }

    /// Asks `rate` times a second whatever happens, and measures from when each was due.
    pub(super) async fn open_loop(&self, tokens: &mut Tokens, rate: u32, time: Duration) -> Asked {
        let started = Instant::now();
        let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let number = u64::from(rate).saturating_mul(millis) / 1_000;
        let (send, mut due) = mpsc::unbounded_channel();
        thread::spawn(move || pace::pace(started, rate, number, &send));
        let looking = tokio::spawn(look(Arc::clone(&self.broker), Arc::clone(&self.shared)));
        while let Some(at) = due.recv().await {
            let own = self.publisher();
            let message = own.message(tokens, at);
            record(&mut lock(&own.shared.asked).phase.lateness, at.elapsed());
            tokio::spawn(async move { own.publish(vec![message]).await });
        }
        let asked = self.finish(started).await;
        looking.abort();
        asked
    }

    fn publisher(&self) -> Publisher {
        Publisher {
            broker: Arc::clone(&self.broker),
            requests: Arc::clone(&self.requests),
            name: self.name.clone(),
            shared: Arc::clone(&self.shared),
        }
    }

    /// Waits for the last answers, and takes what was counted.
    async fn finish(&self, started: Instant) -> Asked {
        let last = Instant::now();
        while !lock(&self.shared.waiting).since.is_empty() && last.elapsed() < ANSWER_WITHIN {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        let elapsed = started.elapsed();
        let mut asked = std::mem::replace(&mut *lock(&self.shared.asked), Asked::nothing());
        asked.phase.elapsed = elapsed;
        for (id, _) in lock(&self.shared.waiting).since.drain() {
            let text = format!("{id} was not answered");
            asked.phase.fail(Failure { kind: FailureKind::Connection, text });
        }
        asked
    }
}

/// What is needed to publish.
struct Publisher {
    broker: Arc<dyn Broker>,
    requests: Arc<Requests>,
    name: String,
    shared: Arc<Shared>,
}

impl Publisher {
    /// The next request, due since then.
    fn message(&self, tokens: &mut Tokens, due: Instant) -> Outgoing {
        let token = tokens.draw();
        let id = String::from_utf8_lossy(token).into_owned();
        let mut waiting = lock(&self.shared.waiting);
        let mut request = Vec::new();
        self.requests.write(|| waiting.next_random(), token, &mut request);
        waiting.since.insert(id.clone(), due);
        let message = Message {
            correlation_id: Some(id.clone()),
            id,
            content_type: "application/json".to_owned(),
            reply_to: Some(self.name.clone()),
            body: self.requests.body(&request).to_vec().into(),
            ..Message::default()
        };
        let key = Queue::JitFunding.binding().to_owned();
        Outgoing { target: Target::Topic(Exchange::Transactions, key), message }
    }

    async fn publish(&self, messages: Vec<Outgoing>) {
        let ids: Vec<String> =
            messages.iter().map(|outgoing| outgoing.message.id.clone()).collect();
        let started = Instant::now();
        let results = self.broker.publish(messages).await;
        record(&mut lock(&self.shared.asked).publish, started.elapsed());
        match results {
            Ok(results) => {
                for (id, result) in ids.iter().zip(results) {
                    if let Err(error) = result {
                        self.shared.refused(id, &error);
                    }
                }
            }
            Err(error) => ids.iter().for_each(|id| self.shared.refused(id, &error)),
        }
    }
}

impl Shared {
    /// A request that was not published.
    fn refused(&self, id: &str, error: &BrokerError) {
        // It may have arrived all the same, and been answered.
        if lock(&self.waiting).since.remove(id).is_some() {
            let text = format!("not published: {error}");
            lock(&self.asked).phase.fail(Failure { kind: FailureKind::Connection, text });
            self.window.add_permits(1);
        }
    }

    fn answered(&self, answer: &Message) {
        let id = answer.correlation_id.as_deref().unwrap_or_default();
        let Some(since) = lock(&self.waiting).since.remove(id) else { return };
        let latency = since.elapsed();
        let mut asked = lock(&self.asked);
        match answer.headers.get(STATUS).map(String::as_str) {
            Some("200") => {
                asked.phase.answers += 1;
                record(&mut asked.phase.latency, latency);
            }
            status => {
                let body = String::from_utf8_lossy(&answer.body);
                let unavailable = body.contains("\"memo\":\"unavailable\"");
                let kind = if unavailable { FailureKind::Unavailable } else { FailureKind::Wrong };
                let text = format!("answered {} {body}", status.unwrap_or("without a status"));
                asked.phase.fail(Failure { kind, text });
            }
        }
        self.window.add_permits(1);
    }
}

impl Waiting {
    /// xorshift64: which card is next has to be spread, not secret.
    fn next_random(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random >> 33
    }
}

impl Asked {
    fn nothing() -> Self {
        let phase = Phase::empty();
        Self { publish: phase.latency.clone(), phase, depth_max: 0 }
    }
}

/// Reads answers until it is stopped.
async fn read(mut answers: Box<dyn Deliveries>, shared: Arc<Shared>) {
    while let Ok(answer) = answers.next().await {
        shared.answered(answer.message());
        tokio::spawn(answer.settle(Settlement::Done));
    }
}

/// Looks how many requests wait, until it is stopped.
async fn look(broker: Arc<dyn Broker>, shared: Arc<Shared>) {
    loop {
        let stats = broker.stats().await.unwrap_or_default();
        let own = stats.iter().find(|stats| stats.queue.ends_with(Queue::JitFunding.name()));
        let depth = own.map_or(0, |own| own.messages);
        {
            let mut asked = lock(&shared.asked);
            asked.depth_max = asked.depth_max.max(depth);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn record(histogram: &mut Histogram<u64>, took: Duration) {
    histogram.saturating_record(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
}

/// What a panic has left behind is still counted.
fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
