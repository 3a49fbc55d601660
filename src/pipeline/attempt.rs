//! One batch, one transaction: prefetch, judge, persist, commit.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;

use crate::domain::authorization::StageTimes;
use crate::domain::clock::Clock;
use crate::domain::facts::Facts;
use crate::domain::standing::Rules;
use crate::domain::time::Monotonic;
use crate::ledger;
use crate::ledger::books::Books;
use crate::ledger::intent::{Intent, Outcome};
use crate::ledger::wanted::Wanted;
use crate::store::{FactsStore, MoneyHome, MoneyTxn, Refreshed, StoreError};

/// How often fresh facts may name something that is not locked yet.
const BEGIN_AGAIN_MAX: u32 = 3;

/// Between two tries of a home that did not answer.
const TRY_EVERY: Duration = Duration::from_millis(100);

/// What a lane works with.
pub(super) struct Bench {
    pub(super) home: Arc<dyn MoneyHome>,
    pub(super) facts: Arc<dyn FactsStore>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) rules: Rules,
}

/// One judged intent.
pub(super) struct Judged {
    pub(super) outcome: Outcome,
    pub(super) stages: StageTimes,
    pub(super) ended: Monotonic,
}

/// Why a batch was not settled, by what to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// A conflict, or a commit whose outcome is unknown: run it again.
    Again,
    /// One item may be to blame: each alone.
    Item,
    /// The home does not answer: nobody can be served.
    Home,
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        tracing::warn!(%error, cause = error.cause(), "a batch could not be settled");
        match error {
            StoreError::Conflict(_) | StoreError::OutcomeUnknown(_) => Self::Again,
            StoreError::Unavailable(_) => Self::Home,
            StoreError::Taken(_) | StoreError::Stale | StoreError::Failed(_) => Self::Item,
        }
    }
}

impl Bench {
    /// Settles the intents in one transaction, or none of them. A panic is a failure like others.
    /// `queued_at` says when each began to wait.
    pub(super) async fn attempt(
        &self,
        intents: &mut [Intent],
        queued_at: &[Monotonic],
    ) -> Result<Vec<Judged>, Failure> {
        let attempt = AssertUnwindSafe(self.transact(intents, queued_at)).catch_unwind();
        attempt.await.unwrap_or_else(|_panic| {
            tracing::error!("a batch panicked; its items are tried one by one");
            Err(Failure::Item)
        })
    }

    /// Tries the home with a batch of nothing, again and again, until it takes it.
    pub(super) async fn until_it_answers(&self) {
        while self.home.begin(&Wanted::default()).await.is_err() {
            tokio::time::sleep(TRY_EVERY).await;
        }
    }

    async fn transact(
        &self,
        intents: &mut [Intent],
        queued_at: &[Monotonic],
    ) -> Result<Vec<Judged>, Failure> {
        let mut txn = self.begin(intents).await?;
        let judged = self.judge(txn.books(), intents, queued_at)?;
        txn.commit().await?;
        Ok(judged)
    }

    /// Begins with facts that are checked: stale ones are replaced under the locks.
    async fn begin(&self, intents: &mut [Intent]) -> Result<Box<dyn MoneyTxn>, Failure> {
        for _ in 0..BEGIN_AGAIN_MAX {
            let mut txn = self.home.begin(&Wanted::by(intents)).await?;
            match txn.refresh_stale_facts(intents).await? {
                Refreshed::Current => return Ok(txn),
                Refreshed::Replaced(stale) => {
                    self.forget(&stale);
                    return Ok(txn);
                }
                Refreshed::BeginAgain(stale) => self.forget(&stale),
            }
        }
        Err(Failure::Again)
    }

    fn forget(&self, stale: &[Facts]) {
        for facts in stale {
            self.facts.outdated(facts);
        }
    }

    fn judge(
        &self,
        books: &mut Books,
        intents: &[Intent],
        queued_at: &[Monotonic],
    ) -> Result<Vec<Judged>, Failure> {
        let each = intents.iter().zip(queued_at);
        let judge = || each.map(|(intent, at)| self.judge_one(books, intent, *at)).collect();
        let judged: Result<Vec<Judged>, _> = catch_unwind(AssertUnwindSafe(judge));
        judged.map_err(|_panic| {
            tracing::error!("the judge panicked; the batch's items are tried one by one");
            Failure::Item
        })
    }

    fn judge_one(&self, books: &mut Books, intent: &Intent, queued_at: Monotonic) -> Judged {
        let started = self.clock.monotonic();
        let outcome = ledger::apply(books, intent, &self.rules);
        let ended = self.clock.monotonic();
        let mut stages = intent.stages;
        stages.lane_wait_us = started.since(queued_at);
        stages.decision_us = ended.since(started);
        books.record_stages(intent.authorization_id(), stages);
        Judged { outcome, stages, ended }
    }
}
