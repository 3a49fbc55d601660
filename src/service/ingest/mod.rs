//! Raw ingest: transactions that a program reports for its books and reports. They are accepted at
//! once, kept as they came, and processed by workers. No money moves with them: the ledger moves money.
//!
//! [`Ingest::accept`] is the one way in, for every door. What happens then is in `work`.

mod accept;
mod browse;
mod transform;
mod work;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{Mutex, Notify, mpsc};

use crate::domain::clock::Clock;
use crate::domain::id::TransactionId;
use crate::domain::token::Token;
use crate::domain::transaction::Status;
use crate::store::ingest::{RawTransactions, Transactions};
use crate::store::{FactsStore, History};
use crate::telemetry::faults::Faults;

use accept::Waiting;

pub use browse::Found;

/// How ingest works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IngestSettings {
    /// Records that may wait to be kept; further ones are refused for now.
    pub queue_max: usize,
    /// How long a caller waits for its record to be kept.
    pub accept_max: Duration,
    /// Records that are claimed, and processed, together.
    pub batch_max: u32,
    /// How long a worker may keep what it has claimed.
    pub lease: Duration,
    /// Attempts before a record is parked.
    pub attempts_max: u32,
    /// The pause after the first attempt; each further one is five times as long.
    pub retry: Duration,
    /// How often a worker that has nothing to do looks for what other instances have accepted.
    pub poll: Duration,
}

/// What ingest works with.
pub struct IngestParts {
    /// Records as they were accepted.
    pub raw: Arc<dyn RawTransactions>,
    /// Where they end up.
    pub processed: Arc<dyn Transactions>,
    /// Cards.
    pub facts: Arc<dyn FactsStore>,
    /// Authorizations.
    pub history: Arc<dyn History>,
    /// Where it is told that something was parked.
    pub faults: Arc<Faults>,
    /// Time and ids.
    pub clock: Arc<dyn Clock>,
    /// How it works.
    pub settings: IngestSettings,
}

/// The answer to an accepted record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Our id: the same for every repeat.
    pub id: TransactionId,
    /// The program's.
    pub transaction_id: Token,
    /// How far it has come.
    pub status: Status,
    /// Whether it was accepted before.
    pub repeated: bool,
}

/// What ingest has done since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IngestStats {
    /// Records that were accepted for the first time.
    pub accepted: u64,
    /// Records that had been accepted before.
    pub repeated: u64,
    /// Records that could not be taken.
    pub refused: u64,
    /// Writes in which records were kept.
    pub writes: u64,
    /// Records that are in the tables.
    pub processed: u64,
    /// Attempts that are to be made again.
    pub retried: u64,
    /// Records that somebody has to look at.
    pub parked: u64,
    /// Records that were given back because a store did not answer.
    pub released: u64,
}

#[derive(Default)]
struct Counters {
    accepted: AtomicU64,
    repeated: AtomicU64,
    refused: AtomicU64,
    writes: AtomicU64,
    processed: AtomicU64,
    retried: AtomicU64,
    parked: AtomicU64,
    released: AtomicU64,
}

/// Raw ingest.
pub struct Ingest {
    parts: IngestParts,
    queue: mpsc::Sender<Waiting>,
    /// The other end, for [`Ingest::keep_for_ever`].
    waiting: Mutex<mpsc::Receiver<Waiting>>,
    /// Held by the worker that claims.
    claiming: Mutex<()>,
    /// There is something to process.
    wake: Notify,
    stopping: AtomicBool,
    /// The store of raw records has not answered: until then (monotonic microseconds) nobody waits.
    down_until: AtomicU64,
    counters: Counters,
}

impl Ingest {
    /// Nothing is kept or processed before [`Ingest::keep_for_ever`] and [`Ingest::work_until_stopped`]
    /// run.
    pub fn new(parts: IngestParts) -> Arc<Self> {
        let (queue, waiting) = mpsc::channel(parts.settings.queue_max.max(1));
        Arc::new(Self {
            parts,
            queue,
            waiting: Mutex::new(waiting),
            claiming: Mutex::new(()),
            wake: Notify::new(),
            stopping: AtomicBool::new(false),
            down_until: AtomicU64::new(0),
            counters: Counters::default(),
        })
    }

    /// Lets workers finish what they have in hand, and take no more.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
        self.wake.notify_waiters();
    }

    /// What it has done since the start.
    pub fn stats(&self) -> IngestStats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let counters = &self.counters;
        IngestStats {
            accepted: read(&counters.accepted),
            repeated: read(&counters.repeated),
            refused: read(&counters.refused),
            writes: read(&counters.writes),
            processed: read(&counters.processed),
            retried: read(&counters.retried),
            parked: read(&counters.parked),
            released: read(&counters.released),
        }
    }

    fn stopped(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }
}

fn add(counter: &AtomicU64, count: usize) {
    counter.fetch_add(count as u64, Ordering::Relaxed);
}
