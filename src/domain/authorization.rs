//! The record of one decided message, with its explanation.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::finding::{Finding, Refusal};
use super::id::{AccountId, AuthorizationId, CardId};
use super::merchant::Merchant;
use super::money::Money;
use super::request::{Door, Operation};
use super::time::Timestamp;
use super::token::Token;

/// How long each step of one decision took, in microseconds. Ends at the judge: commit and total
/// are metrics, because they are not over yet when the record is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageTimes {
    /// Stage 1.
    pub user_lookup_us: u64,
    /// Stage 2.
    pub card_lookup_us: u64,
    /// Stage 3.
    pub spending_limits_us: u64,
    /// Waiting for the lane, and for its prefetch.
    pub lane_wait_us: u64,
    /// Stage 4: the judge alone.
    pub decision_us: u64,
}

/// One decided message. Declined ones are kept too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorization {
    /// Its id.
    pub id: AuthorizationId,
    /// The idempotency key it was decided under.
    pub token: Token,
    /// Where it came in.
    pub door: Door,
    /// What was asked; `None` where the request was faulty.
    pub operation: Option<Operation>,
    /// The platform's token of the message's transaction.
    pub transaction: Option<Token>,
    /// The transaction that it follows.
    pub preceding: Option<Token>,
    /// The first funding token of its chain.
    pub original: Option<Token>,
    /// The chain it belongs to; of a declined purchase, the one that would be opened if something
    /// happened to it all the same. `None` where nothing could be held or posted.
    pub chain: Option<AuthorizationId>,
    /// The card, where it is known.
    pub card: Option<CardId>,
    /// The account, where the card is known.
    pub account: Option<AccountId>,
    /// How much was asked; `None` where it could not be read.
    pub amount: Option<Money>,
    /// What this decision added to the hold, in minor units.
    pub held: i64,
    /// Why it was declined; `None`: approved.
    pub refusal: Option<Refusal>,
    /// Every check that was evaluated; none once it is [`Authorization::thinned`].
    pub findings: Vec<Finding>,
    /// How long each step took.
    pub stages: StageTimes,
    /// Where it happened.
    pub merchant: Merchant,
    /// How the card was read.
    pub entry_mode: Option<Arc<str>>,
    /// The payment channel.
    pub channel: Option<Arc<str>>,
    /// When it was decided.
    pub at: Timestamp,
    /// Whether checks and stage times were taken away since: it is older than they are kept.
    pub thinned: bool,
}
