//! Postings: what has no authorization before it. A debit is judged, the rest is owed.

use super::Service;
use super::error::Error;
use super::lifecycle::Followed;
use crate::domain::money::Money;
use crate::domain::time::Monotonic;
use crate::ledger::intent::Step;
use crate::wire::v1::posting::{NewPosting, Owed};

impl Service {
    /// Posts money without an authorization.
    pub async fn post(&self, new: NewPosting, received: Monotonic) -> Result<Followed, Error> {
        match new {
            NewPosting::Debit(request) => {
                self.authorize(request, received).await.map(Followed::Decided)
            }
            NewPosting::ForcePost(owed) => self.post_owed(owed, Step::ForcePost).await,
            NewPosting::Refund(owed) => self.post_owed(owed, Step::Refund).await,
            NewPosting::StandIn => {
                Err(Error::NotSupported("stand-in approvals are not taken here yet"))
            }
        }
    }

    async fn post_owed(&self, owed: Owed, step: impl Fn(Money) -> Step) -> Result<Followed, Error> {
        let facts = self.pipeline.facts_of(&owed.card).await?;
        let account = facts.account().ok_or(Error::NotFound(Some("/card")))?;
        let moved = self.take(facts, (None, account), owed.token, step(owed.amount)).await?;
        Ok(Followed::Moved(moved))
    }
}
