//! All lanes of the process: which lane an intent goes to, and its bounded way in.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use serde::Serialize;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use crate::domain::clock::Clock;
use crate::domain::facts::Facts;
use crate::domain::id::Home;
use crate::domain::standing::Rules;
use crate::domain::time::Monotonic;
use crate::ledger::intent::{Act, Intent, Undelivered};
use crate::store::{FactsStore, MoneyHome};

use super::attempt::Bench;
use super::lane::Lane;
use super::ticket::{Queued, Ticket, Waiting};
use super::{Homes, LaneSettings, Unavailable};

/// How long lanes may take to pass what is queued when the process ends.
const DRAIN_MAX: Duration = Duration::from_secs(2);

/// How the lanes have been doing since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LaneStats {
    /// Batches committed.
    pub batches: u64,
    /// Intents settled by them.
    pub items: u64,
    /// Intents refused because a queue was full.
    pub shed: u64,
    /// Intents answered by the outage policy because their lane was stalled.
    pub stalled: u64,
    /// Approvals taken back because their answer came too late or found nobody.
    pub voids: u64,
    /// Batches that were run again: conflicts, unknown outcomes.
    pub retries: u64,
}

/// Counters behind [`LaneStats`], and whether the lane is stalled now.
#[derive(Debug, Default)]
pub(super) struct LaneState {
    pub(super) is_stalled: AtomicBool,
    pub(super) batches: AtomicU64,
    pub(super) items: AtomicU64,
    pub(super) shed: AtomicU64,
    pub(super) stalled: AtomicU64,
    pub(super) voids: AtomicU64,
    pub(super) retries: AtomicU64,
}

/// The way into one lane.
struct LaneDoor {
    queue: mpsc::Sender<Queued>,
    voids: mpsc::UnboundedSender<Queued>,
    state: Arc<LaneState>,
}

/// All lanes. Where one store is both homes, both lists are the same.
pub(super) struct Lanes {
    business: Arc<[LaneDoor]>,
    personal: Arc<[LaneDoor]>,
    clock: Arc<dyn Clock>,
}

impl Lanes {
    /// Starts every lane as a task of its own.
    pub(super) fn start(
        homes: Homes,
        facts: &Arc<dyn FactsStore>,
        clock: &Arc<dyn Clock>,
        settings: LaneSettings,
        rules: Rules,
    ) -> Self {
        let start = |home: &Arc<dyn MoneyHome>, count: usize| -> Arc<[LaneDoor]> {
            let bench = || Bench {
                home: Arc::clone(home),
                facts: Arc::clone(facts),
                clock: Arc::clone(clock),
                rules,
            };
            (0..count.max(1)).map(|_| LaneDoor::open(bench(), settings)).collect()
        };
        let (business, personal) = match &homes {
            Homes::Shared(home) => {
                let lanes = start(home, 1);
                (Arc::clone(&lanes), lanes)
            }
            Homes::Separate { business, personal } => {
                (start(&business.home, business.lanes), start(&personal.home, personal.lanes))
            }
        };
        Self { business, personal, clock: Arc::clone(clock) }
    }

    /// Queues an intent at its account's lane. Full or stalled: answered at once.
    pub(super) fn submit(
        &self,
        intent: Intent,
        deadline: Option<Monotonic>,
    ) -> Result<Ticket, Unavailable> {
        let lane = self.lane_of(&intent);
        if lane.state.is_stalled.load(Ordering::Relaxed) {
            lane.state.stalled.fetch_add(1, Ordering::Relaxed);
            return Err(Unavailable::Stalled);
        }
        let now = self.clock.monotonic();
        let (queued, mut ticket) = Ticket::pair(intent, deadline, now, &lane.voids);
        if lane.queue.try_send(queued).is_err() {
            ticket.disarm();
            lane.state.shed.fetch_add(1, Ordering::Relaxed);
            return Err(Unavailable::Shed);
        }
        Ok(ticket)
    }

    /// An account always has the same lane. What names no account goes to the first.
    fn lane_of(&self, intent: &Intent) -> &LaneDoor {
        let lanes = match intent.home() {
            Home::Business => &self.business,
            Home::Personal => &self.personal,
        };
        let hash = intent.account().map_or(0, |account| account.uuid().as_u128());
        let count = lanes.len() as u128;
        let index = (hash % count) as usize; // the random low bits of a UUIDv7 spread evenly
        &lanes[index]
    }

    /// Every lane once.
    fn all(&self) -> impl Iterator<Item = &LaneDoor> {
        let shared = Arc::ptr_eq(&self.business, &self.personal);
        let personal: &[LaneDoor] = if shared { &[] } else { &self.personal };
        self.business.iter().chain(personal)
    }

    /// Waits until every lane has passed what is queued now: what comes behind it is answered then.
    pub(super) async fn drain(&self) {
        let passed = join_all(self.all().map(|lane| lane.pass(self.clock.uuid())));
        let _ = tokio::time::timeout(DRAIN_MAX, passed).await; // the process ends all the same
    }

    /// Sums over all lanes.
    pub(super) fn stats(&self) -> LaneStats {
        let mut stats = LaneStats::default();
        for lane in self.all() {
            let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
            stats.batches += read(&lane.state.batches);
            stats.items += read(&lane.state.items);
            stats.shed += read(&lane.state.shed);
            stats.stalled += read(&lane.state.stalled);
            stats.voids += read(&lane.state.voids);
            stats.retries += read(&lane.state.retries);
        }
        stats
    }
}

impl LaneDoor {
    /// Sends the void of a token that nobody has, and waits for it to come through.
    async fn pass(&self, uuid: Uuid) {
        while self.queue.capacity() < self.queue.max_capacity() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let Ok(token) = uuid.simple().to_string().parse() else { return };
        let facts = Facts::default();
        let act = Act::Void(Undelivered { token, asked: uuid });
        let intent = Intent { uuid, facts, stages: Default::default(), act };
        let (reply, passed) = oneshot::channel();
        let queued_at = Monotonic::default();
        let waiting = Waiting { deadline: None, queued_at, reply: Some(reply) };
        if self.voids.send(Queued { intent, waiting }).is_ok() {
            let _ = passed.await; // a lane that failed has passed it too
        }
    }

    fn open(bench: Bench, settings: LaneSettings) -> Self {
        let (queue, queued) = mpsc::channel(settings.queue_max);
        let (voids, voided) = mpsc::unbounded_channel();
        let state = Arc::new(LaneState::default());
        let lane = Lane {
            bench: Arc::new(bench),
            queue: queued,
            voids: voided,
            retry_voids: voids.downgrade(),
            state: Arc::clone(&state),
            settings,
        };
        tokio::spawn(lane.run());
        Self { queue, voids, state }
    }
}
