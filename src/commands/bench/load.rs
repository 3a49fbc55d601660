//! The load generator: one thread, many kept-alive connections.
//!
//! Saturation is a closed loop (each connection asks again as soon as it is answered) and gives the
//! peak. The open loop asks at a fixed rate whatever the service does, and measures from the moment
//! at which a request was due: a service that stalls is not spared the requests that it delays.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use hdrhistogram::Histogram;
use tokio::task::LocalSet;
use tokio::time::Instant;

use super::answers::{Check, Failure, FailureKind, Failures};
use super::line::Line;
use super::pace::Due;
use super::requests::{Requests, Tokens};

/// Latencies above this are recorded as this.
const LATENCY_US_MAX: u64 = 60_000_000;

/// What a server that has fallen behind is given to catch up, beside the phase's own length.
const CATCH_UP: Duration = Duration::from_secs(1);

/// What to ask, and over how many connections.
#[derive(Clone, Debug)]
pub struct Load {
    /// Whom: connections are spread evenly over these.
    pub addrs: Vec<SocketAddr>,
    /// How many connections.
    pub connections: usize,
    /// What.
    pub requests: Arc<Requests>,
    /// What must come back.
    pub check: Check,
}

/// When saturation ends: whichever of the first two is later, but not after the third.
#[derive(Clone, Copy, Debug)]
pub struct Until {
    /// At least this long.
    pub elapsed: Duration,
    /// At least so many answers.
    pub answers: u64,
    /// At most this long.
    pub at_most: Duration,
}

/// What came of a phase. Times in microseconds.
#[derive(Clone, Debug)]
pub struct Phase {
    /// From due (open loop) or sent (closed loop) to answered.
    pub latency: Histogram<u64>,
    /// From due to sent.
    pub lateness: Histogram<u64>,
    /// Right answers.
    pub answers: u64,
    /// Declines among them.
    pub declined: u64,
    /// Everything else.
    pub failures: Failures,
    /// The first of the failures.
    pub example: Option<String>,
    /// From the first request to the last answer.
    pub elapsed: Duration,
}

impl Phase {
    /// One in which nothing has happened yet.
    pub(super) fn empty() -> Self {
        let histogram = || Histogram::new_with_max(LATENCY_US_MAX, 3).expect("3 digits are valid");
        Self {
            latency: histogram(),
            lateness: histogram(),
            answers: 0,
            declined: 0,
            failures: Failures::default(),
            example: None,
            elapsed: Duration::ZERO,
        }
    }

    /// Right answers per second.
    pub fn rate(&self) -> f64 {
        let seconds = self.elapsed.as_secs_f64();
        if seconds > 0.0 { count(self.answers) / seconds } else { 0.0 }
    }

    /// Counts what went wrong.
    pub(super) fn fail(&mut self, failure: Failure) {
        self.failures.count(failure.kind);
        self.example.get_or_insert(failure.text);
    }
}

/// A count as a number to divide.
#[expect(clippy::cast_precision_loss, reason = "counts of a run are far below 2^52")]
pub const fn count(count: u64) -> f64 {
    count as f64
}

/// What all connections of a phase share.
pub(super) struct Shared {
    pub(super) load: Load,
    pub(super) tokens: Rc<RefCell<Tokens>>,
    pub(super) phase: RefCell<Phase>,
    started: Cell<u64>,
    random: Cell<u64>,
}

impl Load {
    /// Asks as fast as the answers come. Blocks.
    pub fn saturate(&self, tokens: &mut Tokens, until: Until) -> io::Result<Phase> {
        self.run(tokens, |shared, start| {
            let (end, last) = (start + until.elapsed, start + until.at_most.max(until.elapsed));
            move |mut line: Line| {
                let shared = Rc::clone(&shared);
                async move {
                    loop {
                        let now = Instant::now();
                        let enough = now >= end && shared.started.get() >= until.answers;
                        if enough || now >= last {
                            break;
                        }
                        shared.started.set(shared.started.get() + 1);
                        line.ask(&shared, now, now).await;
                    }
                }
            }
        })
    }

    /// Asks `rate` times a second, evenly. A server that falls behind is given as long again to
    /// catch up; what could not be sent by then has failed. Blocks.
    pub fn open_loop(&self, tokens: &mut Tokens, rate: u32, time: Duration) -> io::Result<Phase> {
        let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let requests = u64::from(rate).saturating_mul(millis) / 1_000;
        self.run(tokens, |shared, start| {
            let due = Due::paced(start, rate, requests);
            let last = start + time * 2 + CATCH_UP;
            move |mut line: Line| {
                let (shared, due) = (Rc::clone(&shared), Rc::clone(&due));
                async move {
                    while let Some(at) = due.next().await {
                        let now = Instant::now();
                        if now < last {
                            line.ask(&shared, at, now).await;
                        } else {
                            shared.phase.borrow_mut().fail(unsent());
                        }
                    }
                }
            }
        })
    }

    /// Opens the connections, then lets each do its work on this one thread.
    fn run<Work, Asking>(
        &self,
        tokens: &mut Tokens,
        prepare: impl FnOnce(Rc<Shared>, Instant) -> Work,
    ) -> io::Result<Phase>
    where
        Work: Fn(Line) -> Asking,
        Asking: Future<Output = ()> + 'static,
    {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let own = Rc::new(RefCell::new(tokens.clone()));
        let shared = Rc::new(Shared {
            load: self.clone(),
            tokens: Rc::clone(&own),
            phase: RefCell::new(Phase::empty()),
            started: Cell::new(0),
            random: Cell::new(0x9e37_79b9_7f4a_7c15),
        });
        let elapsed = LocalSet::new().block_on(&runtime, async {
            let mut lines = Vec::with_capacity(self.connections);
            for addr in self.addrs.iter().cycle().take(self.connections) {
                lines.push(Line::open(*addr).await?);
            }
            let start = Instant::now();
            let work = prepare(Rc::clone(&shared), start);
            let tasks: Vec<_> =
                lines.into_iter().map(|line| tokio::task::spawn_local(work(line))).collect();
            for task in tasks {
                task.await.map_err(io::Error::other)?;
            }
            Ok::<_, io::Error>(start.elapsed())
        })?;
        tokens.clone_from(&own.borrow());
        let phase = shared.phase.borrow().clone();
        Ok(Phase { elapsed, ..phase })
    }
}

fn unsent() -> Failure {
    let text = "due, but every connection was still waiting for an answer".to_owned();
    Failure { kind: FailureKind::Unsent, text }
}

impl Shared {
    /// xorshift64: which card is next has to be spread, not secret.
    pub(super) fn next_random(&self) -> u64 {
        let mut x = self.random.get();
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        self.random.set(x);
        x >> 33
    }
}

#[cfg(test)]
mod tests;
