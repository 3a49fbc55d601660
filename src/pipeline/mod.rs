//! The corridor: three lookups, then the lane. Fetching may fail; a decline is an answer.

use std::sync::Arc;

use crate::domain::decision::Decision;
use crate::domain::facts::Facts;
use crate::domain::posting::Movement;
use crate::domain::request::{AuthRequest, FaultyRequest};
use crate::domain::time::Monotonic;
use crate::ledger::intent::{IntentRefusal, StepIntent};

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

/// Decides requests and applies life-cycle steps.
#[derive(Debug)]
pub struct Pipeline {}

impl Pipeline {
    /// Decides a request. `received` is when its header was complete: the deadline counts from it.
    /// Repeats are answered with the first decision.
    pub async fn authorize(
        &self,
        _request: AuthRequest,
        _received: Monotonic,
    ) -> Result<Arc<Decision>, AuthorizeError> {
        unimplemented!()
    }

    /// Stores the decline of a request that could be read only in part.
    pub async fn decline(
        &self,
        _request: FaultyRequest,
        _received: Monotonic,
    ) -> Result<Arc<Decision>, AuthorizeError> {
        unimplemented!()
    }

    /// Takes a life-cycle step. `facts` are those of the chain's card (empty where the step has no
    /// card): what is given back goes to the counters of the limits among them.
    pub async fn step(&self, _facts: Facts, _step: StepIntent) -> Result<Arc<Movement>, StepError> {
        unimplemented!()
    }

    /// The card's facts, its limits and its owner as the cardholder, through the cache: what
    /// [`Pipeline::step`] wants. Empty facts where there is no such card.
    pub async fn facts_of(
        &self,
        _card: &crate::domain::token::Token,
    ) -> Result<Facts, Unavailable> {
        unimplemented!()
    }
}
