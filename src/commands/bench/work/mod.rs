//! Profiles of what is done behind an answer: decisions through the queue, events on their way to the
//! broker, reported transactions, notifications. Each prints figures beside the bars that they are to
//! reach.

mod asker;
mod exported;
mod figures;
mod ground;
mod ingest;
mod queue;
mod relay;
mod webhooks;

use super::BenchError;
use super::args::Args;
use super::plan::Plan;
use figures::WorkReport;
use ground::Ground;

/// What kind of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Purchases that are asked for and answered through the broker.
    Queue,
    /// Events from the outbox to the broker.
    Relay,
    /// Transactions that a program reports.
    Ingest,
    /// Notifications of the card platform, while nobody works them.
    Webhooks,
}

impl Work {
    /// All kinds, in the order in which they are run.
    pub const ALL: [Self; 4] = [Self::Queue, Self::Relay, Self::Ingest, Self::Webhooks];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queue => "queue",
            Self::Relay => "relay",
            Self::Ingest => "ingest",
            Self::Webhooks => "webhooks",
        }
    }

    /// Measures it.
    pub(super) async fn measure(self, args: &Args, plan: Plan) -> Result<WorkReport, BenchError> {
        let ground = Ground::of(self, args, plan)?;
        match self {
            Self::Queue => queue::measure(&ground).await,
            Self::Relay => relay::measure(&ground).await,
            Self::Ingest => ingest::measure(&ground).await,
            Self::Webhooks => webhooks::measure(&ground).await,
        }
    }
}
