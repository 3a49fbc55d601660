//! Authorizations: decide, read back, explain.

use super::Service;
use super::error::Error;
use crate::domain::access::Reach;
use crate::domain::authorization::Authorization;
use crate::domain::chain::Chain;
use crate::domain::id::AuthorizationId;
use crate::domain::posting::Posting;
use crate::domain::preview::Preview;
use crate::domain::request::{AuthRequest, Operation};
use crate::domain::time::Monotonic;
use crate::domain::token::Token;
use crate::wire::v1::purchase;

/// A decision and what has become of its purchase.
pub struct Story {
    /// The decision.
    pub authorization: Authorization,
    /// The chain it belongs to; `None` where nothing was ever held or posted.
    pub chain: Option<Chain>,
    /// The chain's postings, in order.
    pub postings: Vec<Posting>,
    /// How its limits stand now.
    pub standing: LimitsNow,
}

/// How the limits stand that a purchase was held against.
pub enum LimitsNow {
    /// There were none.
    Unlimited,
    /// As the judge would find them.
    Found(Box<Preview>),
    /// That can not be told at the moment.
    Unknown,
}

impl Service {
    /// Decides a request, or finds the decision that its token has. The answer is the stored
    /// record, so a repeat is answered as the first was.
    pub async fn authorize(
        &self,
        request: AuthRequest,
        received: Monotonic,
    ) -> Result<Authorization, Error> {
        self.admits(&request).await?;
        let decision = self.pipeline.authorize(request, received).await?;
        let stored = self.history.authorization(decision.authorization).await?;
        stored.ok_or_else(|| Error::Internal("a decision without its record".into()))
    }

    /// What would be decided now. Nothing is stored.
    pub async fn preview(
        &self,
        request: AuthRequest,
        received: Monotonic,
    ) -> Result<Preview, Error> {
        self.admits(&request).await?;
        Ok(self.pipeline.preview(request, received).await?)
    }

    /// How the limits stand that a purchase was held against: asked of the judge, as if the purchase
    /// came again.
    async fn standing(&self, record: &Authorization) -> LimitsNow {
        if record.thinned {
            return LimitsNow::Unknown; // which limits they were is not kept
        }
        if record.findings.iter().all(|finding| finding.limit.is_none()) {
            return LimitsNow::Unlimited;
        }
        let found = self.judged_again(record).await;
        found.map_or(LimitsNow::Unknown, |found| LimitsNow::Found(Box::new(found)))
    }

    async fn judged_again(&self, record: &Authorization) -> Option<Preview> {
        let card = record.card?.to_string().parse().ok()?;
        let mut request =
            purchase::request(Operation::Authorize, record.token.clone(), card, record.amount?);
        request.merchant = record.merchant.clone();
        request.entry_mode = record.entry_mode.clone();
        request.channel = record.channel.clone();
        self.pipeline.preview(request, self.clock.monotonic()).await.ok()
    }

    /// Whether the caller may ask for this decision: a company's own callers name its own cards and
    /// users only. For them, others do not exist, and nothing is judged.
    pub async fn admits(&self, request: &AuthRequest) -> Result<(), Error> {
        self.admits_card(&request.card).await?;
        if self.reach == Reach::Program {
            return Ok(());
        }
        for user in request.acting_user.iter().chain(&request.user) {
            if self.facts.user(user).await?.is_none() {
                return Err(Error::NotFound(Some("/user")));
            }
        }
        Ok(())
    }

    pub(super) async fn admits_card(&self, card: &Token) -> Result<(), Error> {
        if self.reach != Reach::Program && self.facts.card(card).await?.is_none() {
            return Err(Error::NotFound(Some("/card")));
        }
        Ok(())
    }

    /// The record of the decision that a request has, if it has one.
    pub async fn recall(
        &self,
        request: &AuthRequest,
        received: Monotonic,
    ) -> Result<Option<Authorization>, Error> {
        match self.pipeline.recall(request, received).await? {
            Some(decision) => self.recorded(decision.authorization).await.map(Some),
            None => Ok(None),
        }
    }

    /// A decision with the present state of its chain.
    pub async fn authorization(&self, id: AuthorizationId) -> Result<Story, Error> {
        let authorization = self.recorded(id).await?;
        // A decline opens no chain, but a clearing that came anyway does, under the same id.
        let root = authorization.chain.unwrap_or(authorization.id);
        let chain = self.history.chain(root).await?;
        let postings = match &chain {
            Some(chain) => self.history.postings(chain.id).await?,
            None => Vec::new(),
        };
        let standing = self.standing(&authorization).await;
        Ok(Story { authorization, chain, postings, standing })
    }

    pub(super) async fn recorded(&self, id: AuthorizationId) -> Result<Authorization, Error> {
        self.history.authorization(id).await?.ok_or(Error::NotFound(None))
    }
}
