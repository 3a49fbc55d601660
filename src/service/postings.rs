//! Postings: what has no authorization before it. A debit is judged, the rest is owed.

use super::Service;
use super::error::Error;
use super::lifecycle::Followed;
use crate::domain::decision::Fingerprint;
use crate::domain::money::Money;
use crate::domain::request::Operation;
use crate::domain::time::Monotonic;
use crate::ledger::intent::{Notice, NoticeIntent, Step};
use crate::wire::v1::posting::{NewPosting, Owed};
use crate::wire::v1::purchase;

impl Service {
    /// Posts money without an authorization.
    pub async fn post(&self, new: NewPosting, received: Monotonic) -> Result<Followed, Error> {
        match new {
            NewPosting::Debit(request) => {
                self.authorize(request, received).await.map(Followed::Decided)
            }
            NewPosting::ForcePost(owed) => self.post_owed(owed, Step::ForcePost).await,
            NewPosting::Refund(owed) => self.post_owed(owed, Step::Refund).await,
            NewPosting::StandIn(owed) => self.stand_in(owed).await,
        }
    }

    async fn post_owed(&self, owed: Owed, step: impl Fn(Money) -> Step) -> Result<Followed, Error> {
        self.admits_card(&owed.card).await?;
        let facts = self.pipeline.facts_of(&owed.card).await?;
        let account = facts.account().ok_or(Error::NotFound(Some("/card")))?;
        let moved = self.take(facts, (None, account), owed.token, step(owed.amount)).await?;
        Ok(Followed::Moved(moved))
    }

    /// Holds what was approved in our name. A decision under the same token is of the same message.
    async fn stand_in(&self, owed: Owed) -> Result<Followed, Error> {
        self.admits_card(&owed.card).await?;
        let facts = self.pipeline.facts_of(&owed.card).await?;
        let account = facts.account().ok_or(Error::NotFound(Some("/card")))?;
        let Owed { token, card, amount } = owed;
        let told = purchase::request(Operation::Authorize, token.clone(), card.clone(), amount);
        let notice = NoticeIntent {
            key: format!("step:{token}"),
            opposite: format!("step:{token}:declined"),
            fingerprint: Fingerprint::of(&[
                "standin",
                card.as_str(),
                &amount.minor().to_string(),
                amount.currency().code(),
            ]),
            transaction: token.clone(),
            funding: Some(token),
            account,
            notice: Notice::Approved(told),
        };
        let moved =
            self.pipeline.notice(facts, notice).await.map_err(|error| match error.into() {
                Error::KeyReused => Error::TokenReused,
                other => other,
            })?;
        Ok(Followed::Moved(moved))
    }
}
