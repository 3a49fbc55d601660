//! What this process tells others of itself: alerts that are raised and cleared, requests that could not
//! be decided. `app` hands over where it goes.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

/// One thing to tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Notice {
    /// A request, or a stage of it, took longer than it may.
    Raised {
        /// `total` or `stage`.
        kind: &'static str,
        /// `warning` or `critical`.
        level: &'static str,
        /// The stage that took the time.
        stage: &'static str,
        /// How much of it that stage took.
        stage_us: u64,
        /// How long the request took.
        total_us: u64,
        /// Cases of this kind since it was told last, this one among them.
        cases: u64,
    },
    /// Nothing has raised it for a minute.
    Cleared {
        /// `total` or `stage`.
        kind: &'static str,
        /// `warning` or `critical`.
        level: &'static str,
        /// The stage that took the time in the latest case.
        stage: &'static str,
        /// Cases since the process started.
        cases: u64,
    },
    /// Card data came in where none may be. It was not kept.
    CardData {
        /// `pan_seen`.
        kind: &'static str,
        /// `critical`.
        level: &'static str,
        /// Where it was found: `body`, `target`, `header`, `notification`, `message`.
        place: &'static str,
        /// Cases since it was told last, this one among them.
        cases: u64,
    },
    /// Many declines at one merchant: somebody may be trying stolen cards there.
    CardTesting {
        /// `card_testing`.
        kind: &'static str,
        /// `critical`.
        level: &'static str,
        /// The merchant's id; it may have the form of a card number.
        merchant: Arc<str>,
        /// So many, or more...
        declines: usize,
        /// ...within so many seconds.
        window_s: u32,
    },
    /// They have become fewer.
    CardTestingEnded {
        /// `card_testing`.
        kind: &'static str,
        /// `critical`.
        level: &'static str,
        /// The merchant's id; it may have the form of a card number.
        merchant: Arc<str>,
    },
    /// The clocks of this process and of a server differ by too much.
    ClockSkew {
        /// `clock_skew`.
        kind: &'static str,
        /// `warning`.
        level: &'static str,
        /// Which server.
        server: &'static str,
        /// How far its clock is ahead of ours; below zero: behind.
        ahead_ms: i64,
    },
    /// They agree again, or nobody knows any more.
    ClockSkewEnded {
        /// `clock_skew`.
        kind: &'static str,
        /// `warning`.
        level: &'static str,
        /// Which server.
        server: &'static str,
    },
    /// Requests were answered by the outage policy.
    Undecided {
        /// How many since it was told last.
        cases: u64,
    },
    /// Work beside the decisions has come to nothing, and waits for a person.
    Failed {
        /// Which work.
        #[serde(skip)]
        work: Work,
        /// Where it waits.
        ended: Ended,
        /// Cases since it was told last, this one among them.
        cases: u64,
    },
    /// Something else came under the identity of what is known. One of the two is not what it says.
    Conflict {
        /// Which work it came as.
        #[serde(skip)]
        work: Work,
        /// `critical`.
        level: &'static str,
        /// Cases since it was told last, this one among them.
        cases: u64,
    },
    /// The daily comparison with the platform's list has found that the books differ.
    Differs {
        /// `critical`.
        level: &'static str,
        /// Purchases that we do not have.
        missing: u64,
        /// Purchases that the platform does not have.
        extra: u64,
        /// Purchases that are not the same.
        different: u64,
        /// Transactions of the list that could not be read.
        unreadable: u64,
    },
}

/// Work beside the decisions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Transactions that programs report.
    Transaction,
    /// Notifications of the card platform.
    Notification,
    /// Requests to decide, and whatever else comes through a queue.
    Request,
    /// Events on their way to those who listen.
    Event,
}

/// Where work waits that has come to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// Where it is kept.
    Parked,
    /// Among the dead letters.
    DeadLetter,
}

impl Notice {
    /// The type of the event that tells it.
    pub const fn event(&self) -> &'static str {
        match self {
            Self::Raised { .. }
            | Self::CardData { .. }
            | Self::CardTesting { .. }
            | Self::ClockSkew { .. } => "alert.raised",
            Self::Cleared { .. } | Self::CardTestingEnded { .. } | Self::ClockSkewEnded { .. } => {
                "alert.cleared"
            }
            Self::Undecided { .. } => "authorization.error",
            Self::Failed { work: Work::Transaction, .. } => "transaction.error",
            Self::Failed { work: Work::Notification, .. } => "webhook.error",
            Self::Failed { work: Work::Request, .. } => "jit-funding.error",
            Self::Failed { work: Work::Event, .. } => "event.error",
            Self::Conflict { work: Work::Notification, .. } => "alert.webhook_conflict",
            Self::Conflict { .. } => "alert.message_conflict",
            Self::Differs { .. } => "alert.reconciliation",
        }
    }
}

/// Takes notices away. Never waits: it is called while a purchase is.
pub trait Sink: Send + Sync + fmt::Debug {
    /// Takes one.
    fn tell(&self, notice: Notice);
}
