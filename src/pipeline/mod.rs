//! The corridor: three lookups, then the lane. Fetching may fail; a decline is an answer.

mod attempt;
mod authorize;
mod lane;
mod lanes;
mod ticket;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::domain::clock::Clock;
use crate::domain::facts::{Cardholder, Facts};
use crate::domain::hold::HoldDays;
use crate::domain::posting::Movement;
use crate::domain::request::AuthRequest;
use crate::domain::standing::Rules;
use crate::domain::token::Token;
use crate::ledger::intent::{
    Act, Intent, IntentRefusal, Notice, NoticeIntent, Outcome, StepIntent,
};
use crate::store::{FactsStore, MoneyHome, StoreError};
use crate::telemetry::profile::Profiler;

pub use lanes::LaneStats;

use lanes::Lanes;

/// Why no decision could be made. Nothing is stored; a repeat may be decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unavailable {
    /// The lane's queue is full.
    #[error("overloaded")]
    Shed,
    /// The lane's batch takes too long.
    #[error("the store is stalled")]
    Stalled,
    /// The deadline has passed.
    #[error("not decided in time")]
    Late,
    /// The store does not answer, or failed.
    #[error("the store is unavailable")]
    Store,
}

/// Why there is no decision. A decline is none of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthorizeError {
    /// The token was used before for another request. No state has changed.
    #[error("the token was used before for another request")]
    TokenReused,
    /// Answered by the outage policy.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Why a life-cycle step was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StepError {
    /// The caller's fault, and final.
    #[error(transparent)]
    Refused(#[from] IntentRefusal),
    /// Try again; a step that did happen is answered as it was.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Bounds of the lanes.
#[derive(Clone, Copy, Debug)]
pub struct LaneSettings {
    /// From the complete header to the answer, in microseconds.
    pub deadline_us: u64,
    /// How many intents one transaction settles at most.
    pub batch_max: usize,
    /// How many intents may wait for a lane; one more is shed.
    pub queue_max: usize,
    /// How long a batch may run before the lane counts as stalled, in microseconds.
    pub stall_us: u64,
}

impl Default for LaneSettings {
    fn default() -> Self {
        Self { deadline_us: 1_000_000, batch_max: 256, queue_max: 4_096, stall_us: 500_000 }
    }
}

/// The money homes, and how many lanes each has.
pub enum Homes {
    /// One store is both homes, and its one lane their only writer.
    Shared(Arc<dyn MoneyHome>),
    /// Each home has a store and lanes of its own: neither can slow the other.
    Separate {
        /// Company accounts.
        business: HomeLanes,
        /// Personal wallets.
        personal: HomeLanes,
    },
}

/// A home, and how many lanes settle its batches.
pub struct HomeLanes {
    /// The home.
    pub home: Arc<dyn MoneyHome>,
    /// At least one. A store with a single writer has one.
    pub lanes: usize,
}

/// What the pipeline is built from.
pub struct Parts {
    /// Policy facts, through the cache.
    pub facts: Arc<dyn FactsStore>,
    /// Where the money is.
    pub homes: Homes,
    /// Time and ids.
    pub clock: Arc<dyn Clock>,
    /// Where requests are measured.
    pub profiler: Arc<Profiler>,
    /// Bounds of the lanes.
    pub settings: LaneSettings,
    /// The program's rules.
    pub rules: Rules,
    /// How long holds live by merchant category, where the message does not say.
    pub hold_days: HoldDays,
}

/// Decides requests and applies life-cycle steps. Needs a tokio runtime: every lane is a task.
pub struct Pipeline {
    facts: Arc<dyn FactsStore>,
    lanes: Lanes,
    clock: Arc<dyn Clock>,
    profiler: Arc<Profiler>,
    deadline_us: u64,
    hold_days: HoldDays,
}

impl Pipeline {
    /// Starts the lanes. They end when the pipeline is dropped and their queues are empty.
    pub fn new(parts: Parts) -> Self {
        let Parts { facts, homes, clock, profiler, settings, rules, hold_days } = parts;
        let lanes = Lanes::start(homes, &facts, &clock, settings, rules);
        Self { facts, lanes, clock, profiler, deadline_us: settings.deadline_us, hold_days }
    }

    /// Takes a life-cycle step. `facts` are those of the chain's card (empty where the step has no
    /// card): what is given back goes to the counters of the limits among them.
    pub async fn step(&self, facts: Facts, step: StepIntent) -> Result<Arc<Movement>, StepError> {
        self.move_by(facts, Act::Step(step)).await
    }

    async fn move_by(&self, facts: Facts, act: Act) -> Result<Arc<Movement>, StepError> {
        let intent = self.intent(facts, act);
        let settled = self.lanes.submit(intent, None)?.settled().await?;
        match settled.outcome {
            Outcome::Moved(movement) => Ok(movement),
            Outcome::Refused(refusal) => Err(refusal.into()),
            Outcome::Decided(_) | Outcome::Previewed(_) | Outcome::Voided | Outcome::Unknown => {
                Err(Unavailable::Store.into())
            }
        }
    }

    /// Takes in what the platform tells of a message. `facts` are those of its card.
    pub async fn notice(
        &self,
        facts: Facts,
        mut notice: NoticeIntent,
    ) -> Result<Arc<Movement>, StepError> {
        if let Notice::Approved(request) = &mut notice.notice {
            self.set_hold_days(request);
        }
        self.move_by(facts, Act::Notice(notice)).await
    }

    /// The card's facts and limits, with its owner as the cardholder, through the cache: what
    /// [`Pipeline::step`] wants. Empty facts where there is no such card.
    pub async fn facts_of(&self, card: &Token) -> Result<Facts, Unavailable> {
        let card = self.facts.card(card).await.map_err(|error| unavailable(&error))?;
        let Some(card) = card else { return Ok(Facts::default()) };
        let limits = self.facts.limits(&card).await.map_err(|error| unavailable(&error))?;
        Ok(Facts { cardholder: Cardholder::Owner, card: Some(card), limits })
    }

    /// How the lanes have been doing since the start.
    pub fn lane_stats(&self) -> LaneStats {
        self.lanes.stats()
    }

    /// Waits until the lanes have settled everything that is queued now, voids among it. For the end
    /// of the process, after the doors have closed.
    pub async fn drain(&self) {
        self.lanes.drain().await;
    }

    /// Where the message does not say how long its hold lives, the merchant's category does.
    fn set_hold_days(&self, request: &mut AuthRequest) {
        request.hold_days = request.hold_days.or_else(|| self.hold_days.of(request.merchant.mcc));
    }

    fn intent(&self, facts: Facts, act: Act) -> Intent {
        Intent { uuid: self.clock.uuid(), facts, stages: Default::default(), act }
    }
}

/// A lookup that failed: logged here, answered by the outage policy.
fn unavailable(error: &StoreError) -> Unavailable {
    tracing::warn!(%error, cause = error.cause(), "could not look up policy facts");
    Unavailable::Store
}
