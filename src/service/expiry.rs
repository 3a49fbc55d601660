//! The sweeper of holds: what has run out is given back, once, however many instances look.
//!
//! What a store says is due is only a hint. The lane looks at the hold under its lock, by the store's
//! time, and refuses where an increment has prolonged it or something else has ended it; the step has one
//! key for ever (`<hold>:expire`), so that another instance's is found and answered from its row.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;

use super::lifecycle::{as_token, fingerprint};
use crate::domain::id::AuthorizationId;
use crate::domain::time::Timestamp;
use crate::ledger::intent::{ChainRef, IntentRefusal, Step, StepIntent};
use crate::pipeline::{Pipeline, StepError};
use crate::store::{DueHold, DueHolds, StoreError};
use crate::telemetry::metrics;

/// Holds that are read at a time.
const HOLDS_MAX: u32 = 500;

/// Steps that wait in lanes at a time: few, beside purchases.
const AT_ONCE: usize = 32;

/// Sweeps the homes of a process.
pub struct Sweeper {
    /// The holds of each store, with the name of the store.
    pub homes: Vec<(&'static str, Arc<dyn DueHolds>)>,
    /// Whose lanes take the steps.
    pub pipeline: Arc<Pipeline>,
}

/// What a sweep has come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Holds that have expired by this process or, at the same moment, by another.
    pub expired: u64,
    /// Holds that were not due after all.
    pub passed: u64,
    /// Holds that could not be looked at: they are tried again with the next sweep.
    pub failed: u64,
}

/// What has become of one hold.
enum Fate {
    Expired,
    Passed,
    Failed,
}

impl Sweeper {
    /// Sweeps again and again, for ever.
    pub async fn sweep_for_ever(self, every: Duration) {
        let mut total = 0;
        loop {
            for (home, holds) in &self.homes {
                match self.sweep(&**holds).await {
                    Ok(swept) => {
                        total += swept.expired;
                        tell(home, swept);
                    }
                    Err(error) => {
                        let error = &error as &dyn std::error::Error;
                        tracing::warn!(home, error, "could not look for holds that have run out");
                    }
                }
            }
            metrics::count(metrics::HOLDS_EXPIRED, &[], total);
            tokio::time::sleep(every).await;
        }
    }

    /// Lets everything expire that has run out in one store.
    pub async fn sweep(&self, holds: &dyn DueHolds) -> Result<Swept, StoreError> {
        let mut swept = Swept::default();
        let mut tried: HashSet<AuthorizationId> = HashSet::new();
        let mut from = Timestamp::from_micros(0);
        loop {
            let found = holds.due_holds(from, HOLDS_MAX).await?;
            from = found.last().map_or(from, |hold| hold.expires_at);
            // Those of one moment are read again, where a page ended in the middle of them.
            let due: Vec<DueHold> =
                found.into_iter().filter(|hold| tried.insert(hold.chain)).collect();
            if due.is_empty() {
                return Ok(swept);
            }
            let steps = due.into_iter().map(|hold| self.expire(hold));
            let mut fates = futures_util::stream::iter(steps).buffer_unordered(AT_ONCE);
            while let Some(fate) = fates.next().await {
                match fate {
                    Fate::Expired => swept.expired += 1,
                    Fate::Passed => swept.passed += 1,
                    Fate::Failed => swept.failed += 1,
                }
            }
        }
    }

    async fn expire(&self, hold: DueHold) -> Fate {
        match self.take(hold).await {
            Ok(()) => Fate::Expired,
            Err(StepError::Refused(IntentRefusal::NotDue)) => Fate::Passed,
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::debug!(hold = %hold.chain, error, "a hold could not be let expire");
                Fate::Failed
            }
        }
    }

    async fn take(&self, hold: DueHold) -> Result<(), StepError> {
        let card = as_token(hold.card).map_err(|_| IntentRefusal::UnknownAccount)?;
        let facts = self.pipeline.facts_of(&card).await?;
        let step = Step::Lapse;
        let intent = StepIntent {
            key: format!("{}:expire", hold.chain),
            fingerprint: fingerprint(Some(hold.chain), hold.account, &step),
            account: hold.account,
            chain: Some(ChainRef { root: Some(hold.chain), ..ChainRef::default() }),
            step,
        };
        self.pipeline.step(facts, intent).await.map(drop)
    }
}

fn tell(home: &str, swept: Swept) {
    let Swept { expired, passed, failed } = swept;
    if failed > 0 {
        tracing::warn!(
            home,
            expired,
            failed,
            "holds that have run out could not all be given back"
        );
    } else if expired > 0 {
        tracing::info!(home, expired, passed, "holds have run out");
    }
}
