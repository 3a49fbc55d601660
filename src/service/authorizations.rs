//! Authorizations: decide, read back, explain.

use super::Service;
use super::error::Error;
use crate::domain::access::Reach;
use crate::domain::authorization::Authorization;
use crate::domain::chain::Chain;
use crate::domain::id::AuthorizationId;
use crate::domain::posting::Posting;
use crate::domain::request::AuthRequest;
use crate::domain::time::Monotonic;
use crate::domain::token::Token;

/// A decision and what has become of its purchase.
pub struct Story {
    /// The decision.
    pub authorization: Authorization,
    /// The chain it belongs to; `None` where nothing was ever held or posted.
    pub chain: Option<Chain>,
    /// The chain's postings, in order.
    pub postings: Vec<Posting>,
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
        Ok(Story { authorization, chain, postings })
    }

    pub(super) async fn recorded(&self, id: AuthorizationId) -> Result<Authorization, Error> {
        self.history.authorization(id).await?.ok_or(Error::NotFound(None))
    }
}
