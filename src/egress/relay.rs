//! The relay: takes events out of a home's outbox and publishes them, each at least once, those of one
//! key in order. While the broker is down they wait where they are, and decisions go on.
//!
//! A relay leases shards, publishes their oldest events with confirms, and removes what was confirmed.
//! Any number of relays may work on one outbox. One whose lease has ended without its noticing publishes
//! nothing that the next does not publish too, and both in order: what a subscriber sees first of each
//! event is in order all the same.

mod told;
mod unreadable;

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::message;
use super::refusals::{Patience, Refusals};
use crate::broker::{Broker, BrokerError, Outgoing};
use crate::domain::clock::Clock;
use crate::domain::time::Monotonic;
use crate::service::dead_letters::DeadLetterDesk;
use crate::store::StoreError;
use crate::store::outbox::{OutboxShards, Waiting};
use crate::store::shards::Shards;
use crate::telemetry::{metrics, outbox};

use told::{News, Told};
use unreadable::{Found, Unread};

/// Between two attempts while the broker or the store does not answer: doubled from the first to the
/// second.
const PAUSE_MIN: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// How many times as long as at first a relay rests at most while nothing comes.
const REST_MAX: u32 = 8;

/// How long a relay that is told to stop goes on with what still waits.
const FLUSH_MAX: Duration = Duration::from_secs(2);

/// How long an event that can not be read is kept where it is, beside others that are published: a rolling
/// update, in which relays of both releases are at work, is over by then.
pub const UNREADABLE_KEPT: Duration = Duration::from_secs(900);

/// An event that the broker refuses by itself, while it takes others, is not taken later either.
const REFUSED_KEPT: Patience = Patience { beside_others: Duration::ZERO, alone: None };

/// How a relay works.
#[derive(Clone, Copy, Debug)]
pub struct RelayOptions {
    /// Events that are published at a time.
    pub batch_max: u32,
    /// How long after it had nothing more to do a relay looks again; up to eight times as long while
    /// nothing comes.
    pub idle: Duration,
    /// How long a lease lasts that is not renewed.
    pub lease: Duration,
    /// How long an event that can not be read is kept where it is, beside others that are published; where
    /// none are, four times as long.
    pub unreadable: Duration,
}

/// What the relays of one home have done since the process started.
#[derive(Debug, Default)]
pub struct RelayStats {
    published: AtomicU64,
    failed: AtomicU64,
    set_aside: AtomicU64,
    shards: AtomicU64,
    unread: AtomicU64,
}

impl RelayStats {
    /// Confirmed by the broker.
    pub fn published(&self) -> u64 {
        self.published.load(Ordering::Relaxed)
    }

    /// Not confirmed; each was tried again.
    pub fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }

    /// Refused or not to be read, again and again, and kept as dead letters.
    pub fn set_aside(&self) -> u64 {
        self.set_aside.load(Ordering::Relaxed)
    }

    /// Tells the exporter.
    fn export(&self, home: &str) {
        let labels = [("home", home)];
        metrics::count(outbox::PUBLISHED, &labels, self.published());
        metrics::count(outbox::FAILED, &labels, self.failed());
        metrics::count(outbox::SET_ASIDE, &labels, self.set_aside());
        let shards = self.shards.load(Ordering::Relaxed);
        metrics::set(outbox::SHARDS, &labels, shards as f64);
        let unread = self.unread.load(Ordering::Relaxed);
        metrics::set(outbox::UNREADABLE, &labels, unread as f64);
    }
}

/// What a relay works with.
pub struct Parts {
    /// What the home is called in logs and metrics.
    pub home: &'static str,
    /// Where events wait.
    pub outbox: Arc<dyn OutboxShards>,
    /// Where they go.
    pub broker: Arc<dyn Broker>,
    /// Time and ids.
    pub clock: Arc<dyn Clock>,
    /// Shared by the home's relays.
    pub stats: Arc<RelayStats>,
    /// Where events go that the broker does not take.
    pub desk: Arc<DeadLetterDesk>,
    /// How it works.
    pub options: RelayOptions,
}

/// Why a round has ended early.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("the outbox does not answer")]
    Store(#[from] StoreError),
    #[error("the broker did not confirm {failed} of {published} events")]
    Broker { failed: usize, published: usize, source: BrokerError },
    #[error("no shard of the outbox can be read")]
    Outbox { error: String },
    #[error("{count} events can not be read, and hold up those behind them in their shards")]
    Unreadable {
        count: usize,
        error: String,
        /// Of what could be read there may be more.
        is_full: bool,
    },
}

impl Trouble {
    /// What is behind it, for the log.
    fn cause(&self) -> String {
        match self {
            Self::Store(error) => format!("{error}: {}", error.cause()),
            Self::Broker { source, .. } => source.to_string(),
            Self::Outbox { error } | Self::Unreadable { error, .. } => error.clone(),
        }
    }
}

/// What a round has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Round {
    /// There may be more.
    Busy,
    /// All that waited is published.
    Done,
    /// Nothing waited.
    Empty,
}

/// What has become of a batch.
#[derive(Default)]
struct Published {
    /// Events that need not be published again.
    done: Vec<Waiting>,
    /// Events that the broker has refused, the first of each key.
    suspects: Vec<Waiting>,
    trouble: Option<Trouble>,
}

fn outgoing(row: &Waiting) -> Outgoing {
    message::of(&row.event, Some(row.place))
}

/// One relay.
pub struct Relay {
    parts: Parts,
    id: Uuid,
    held: Shards,
    /// When the lease was asked for last.
    asked: Option<Monotonic>,
    /// The shard that comes first in the next round: none waits behind a busy one for ever.
    first: u8,
    refusals: Refusals,
    /// How many events could not be read in the last round.
    unread: u64,
    told: Told,
}

impl Relay {
    /// A relay that has leased nothing yet.
    pub fn new(parts: Parts) -> Self {
        let id = parts.clock.uuid();
        let (held, refusals, told) = (Shards::NONE, Refusals::default(), Told::default());
        Self { parts, id, held, asked: None, first: 0, refusals, unread: 0, told }
    }

    /// Relays until it is told to stop. What waits then is still published, if that goes well and soon.
    pub async fn run(mut self, stop: CancellationToken) {
        let idle = self.parts.options.idle;
        let (mut pause, mut quiet) = (PAUSE_MIN, idle);
        while !stop.is_cancelled() {
            let done = self.round().await;
            let rest = match done {
                Ok(Round::Busy) => Duration::ZERO,
                Ok(Round::Done) => idle,
                Ok(Round::Empty) => quiet,
                // What can be read does not wait for it. Looking shard by shard costs more than usual.
                Err(Trouble::Unreadable { is_full: true, .. }) => Duration::ZERO,
                Err(Trouble::Unreadable { .. }) => idle * REST_MAX,
                Err(_) => pause,
            };
            quiet = match done {
                Ok(Round::Empty) => (quiet * 2).min(idle * REST_MAX),
                _ => idle,
            };
            pause = if self.told.is_troubled() { (pause * 2).min(PAUSE_MAX) } else { PAUSE_MIN };
            if !rest.is_zero() {
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = tokio::time::sleep(rest) => {}
                }
            }
        }
        let more = |done: &_| {
            matches!(done, Ok(Round::Busy) | Err(Trouble::Unreadable { is_full: true, .. }))
        };
        let flushing = async { while more(&self.round().await) {} };
        let _ = tokio::time::timeout(FLUSH_MAX, flushing).await; // what is left is published later
        self.release().await;
    }

    /// One batch. What goes wrong is told once, and that it goes well again.
    async fn round(&mut self) -> Result<Round, Trouble> {
        let done = self.try_round().await;
        let home = self.parts.home;
        for news in self.told.news(&done) {
            match (news, &done) {
                (News::Trouble, Err(trouble)) => {
                    let cause = trouble.cause();
                    tracing::warn!(home, %trouble, cause, "events wait in the outbox; trying again");
                }
                (News::Trouble, Ok(_)) => {}
                (News::Published, _) => tracing::info!(home, "events are published again"),
                (News::Readable, _) => tracing::info!(home, "all events can be read again"),
            }
        }
        done
    }

    async fn try_round(&mut self) -> Result<Round, Trouble> {
        self.lease().await?;
        let Found { waiting: rows, unreadable, failed } = self.oldest().await?;
        if rows.is_empty() && unreadable.is_empty() && failed.is_empty() {
            self.unread(0);
            return Ok(Round::Empty);
        }
        let full = rows.len() >= self.parts.options.batch_max as usize;
        let is_any_read = !rows.is_empty() || !unreadable.is_empty();
        let is_all_failed = !is_any_read && failed.len() >= self.held.len() as usize;
        let Published { mut done, suspects, trouble } = self.publish(rows).await;
        let confirmed = self.confirmed(done.len());
        let cleared = self.clear(suspects, confirmed).await?;
        done.extend(cleared);
        let published = done;
        let stats = &self.parts.stats;
        if let Some(Trouble::Broker { failed, .. }) = &trouble {
            stats.failed.fetch_add(*failed as u64, Ordering::Relaxed);
        }
        stats.export(self.parts.home);
        if !published.is_empty() {
            self.parts.outbox.remove(published).await?;
        }
        let unread = self.give_up(unreadable, failed, confirmed).await?;
        match (trouble, unread) {
            (Some(trouble), _) => Err(trouble),
            (None, Some(Unread { error, .. })) if is_all_failed => Err(Trouble::Outbox { error }),
            (None, Some(Unread { count, error })) => {
                Err(Trouble::Unreadable { count, error, is_full: full })
            }
            (None, None) => Ok(if full { Round::Busy } else { Round::Done }),
        }
    }

    /// Leases, and again when a third of the time has passed.
    async fn lease(&mut self) -> Result<(), StoreError> {
        let now = self.parts.clock.monotonic();
        let third_us = self.parts.options.lease.as_micros() / 3;
        let fresh = |asked: Monotonic| u128::from(now.since(asked)) < third_us;
        if self.asked.is_some_and(fresh) {
            return Ok(());
        }
        let leased = self.parts.outbox.lease(self.id, self.parts.options.lease).await;
        // A lease that is not answered for may be another's by now.
        self.hold(*leased.as_ref().unwrap_or(&Shards::NONE));
        self.asked = leased.is_ok().then_some(now);
        leased.map(drop)
    }

    fn hold(&mut self, shards: Shards) {
        let stats = &self.parts.stats.shards;
        stats.fetch_add(u64::from(shards.len()), Ordering::Relaxed);
        stats.fetch_sub(u64::from(self.held.len()), Ordering::Relaxed);
        self.held = shards;
        self.parts.stats.export(self.parts.home);
    }

    /// The oldest events of all shards, those of the next shard first.
    async fn oldest(&mut self) -> Result<Found, StoreError> {
        let mut runs = self.held.runs();
        if let Some(at) = runs.iter().position(|run| run.contains(&self.first)) {
            let run = runs.remove(at);
            runs.rotate_left(at);
            runs.insert(0, self.first..=*run.end());
            if *run.start() < self.first {
                runs.push(*run.start()..=self.first - 1);
            }
        }
        let mut found = Found::default();
        for run in runs {
            let left = self.left(&found);
            if left == 0 {
                break;
            }
            match self.parts.outbox.oldest(run.clone(), left).await {
                Ok(rows) => found.waiting.extend(rows),
                Err(StoreError::Failed(_)) => self.sift(run, &mut found).await?,
                Err(error) => return Err(error),
            }
        }
        // The next batch begins behind the shard that has filled this one.
        let last = found.waiting.last();
        self.first = last.map_or(0, |row| (row.place.shard + 1) % crate::store::shards::SHARDS);
        Ok(found)
    }

    /// How many more events this batch may have.
    fn left(&self, found: &Found) -> u32 {
        let rows = u32::try_from(found.waiting.len()).unwrap_or(u32::MAX);
        self.parts.options.batch_max.saturating_sub(rows)
    }

    /// Publishes, and says which events are done with: confirmed, with everything of their keys before.
    async fn publish(&self, rows: Vec<Waiting>) -> Published {
        let batch: Vec<_> = rows.iter().map(outgoing).collect();
        let count = batch.len();
        let results = match self.parts.broker.publish(batch).await {
            Ok(results) => results,
            Err(source) => {
                let trouble = Some(Trouble::Broker { failed: count, published: count, source });
                return Published { trouble, ..Published::default() };
            }
        };
        let mut results = results.into_iter();
        let (mut stuck, mut published) = (HashSet::new(), Published::default());
        let (mut failed, mut first) = (0, None);
        for row in rows {
            let result = results.next().unwrap_or_else(|| {
                Err(BrokerError::Unavailable("the broker has not told of it".into()))
            });
            match result {
                Ok(()) if !stuck.contains(&row.event.key) => published.done.push(row),
                // What comes behind a failure of its key comes again behind it.
                Ok(()) => {}
                Err(error) => {
                    failed += 1;
                    let is_first_of_key = stuck.insert(row.event.key.clone());
                    if is_first_of_key && matches!(error, BrokerError::Refused(_)) {
                        published.suspects.push(row);
                    }
                    first.get_or_insert(error);
                }
            }
        }
        published.trouble =
            first.map(|source| Trouble::Broker { failed, published: count, source });
        published
    }

    /// Counts what the broker has confirmed; says how many events that were so far, of all relays of
    /// the home.
    fn confirmed(&self, events: usize) -> u64 {
        let events = events as u64;
        self.parts.stats.published.fetch_add(events, Ordering::Relaxed).saturating_add(events)
    }

    /// Tries each of these alone: one message that is refused may take its neighbours with it. Says
    /// which need not be tried again.
    async fn clear(
        &mut self,
        suspects: Vec<Waiting>,
        mut confirmed: u64,
    ) -> Result<Vec<Waiting>, StoreError> {
        let mut cleared = Vec::new();
        for row in suspects {
            let event = outgoing(&row);
            let alone = self.parts.broker.publish(vec![event.clone()]).await;
            match alone.map(|mut results| results.pop().unwrap_or(Ok(()))) {
                Ok(Ok(())) => {
                    confirmed = self.confirmed(1);
                    cleared.push(row);
                }
                Ok(Err(error @ BrokerError::Refused(_))) | Err(error @ BrokerError::Refused(_)) => {
                    let now = self.parts.clock.monotonic();
                    let refused = self.refusals.again(row.place, confirmed, now, REFUSED_KEPT);
                    if let Some(attempts) = refused {
                        self.parts.desk.set_aside(&event, attempts, error.to_string()).await?;
                        let (id, kind) = (row.event.id, row.event.kind.as_str());
                        let error = &error as &dyn std::error::Error;
                        tracing::error!(
                            event.id = %id, event.kind = kind, error,
                            "the broker refuses an event: kept as a dead letter"
                        );
                        self.parts.stats.set_aside.fetch_add(1, Ordering::Relaxed);
                        self.refusals.forget(row.place);
                        cleared.push(row);
                    }
                }
                Ok(Err(_)) | Err(_) => break,
            }
        }
        Ok(cleared)
    }

    async fn release(&mut self) {
        self.hold(Shards::NONE);
        self.unread(0);
        if let Err(error) = self.parts.outbox.release(self.id).await {
            let (home, error) = (self.parts.home, &error as &dyn std::error::Error);
            tracing::warn!(home, error, "could not give up the lease; it ends by itself");
        }
    }
}
