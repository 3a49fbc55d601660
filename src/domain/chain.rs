//! A chain: one purchase from its authorization to its last clearing, as totals. The hold is a
//! function of the totals, so any order of arrival ends in the same books.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::id::{AccountId, AuthorizationId, CardId};
use super::merchant::Merchant;
use super::money::Currency;
use super::time::Timestamp;
use super::token::{Token, TokenError};

/// A name under which a later message may know a chain.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Link {
    /// A funding token (`jit_funding.token`, or a client's own).
    Funding(Token),
    /// The platform's transaction token.
    Transaction(Token),
}

/// `f:` or `t:`, then the token.
impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Funding(token) => write!(f, "f:{token}"),
            Self::Transaction(token) => write!(f, "t:{token}"),
        }
    }
}

impl FromStr for Link {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        match text.split_at_checked(2) {
            Some(("f:", token)) => token.parse().map(Self::Funding),
            Some(("t:", token)) => token.parse().map(Self::Transaction),
            _ => Err(TokenError),
        }
    }
}

/// Sums over the messages of a chain, in minor units. Only ever added to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// First authorizations.
    pub authorized: i64,
    /// Increments.
    pub incremented: i64,
    /// Partial reversals.
    pub reversed: i64,
    /// Advices.
    pub shrunk: i64,
    /// Clearings.
    pub cleared: i64,
    /// Refunds.
    pub refunded: i64,
    /// Credits that were announced.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub expected: i64,
    /// Announced credits that will not come.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cancelled: i64,
    /// Provisional credits of disputes, less what was taken back.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub disputed: i64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
const fn is_zero(value: &i64) -> bool {
    *value == 0
}

impl Totals {
    /// What the purchase stands at: authorized + incremented − reversed − shrunk, at least 0.
    pub const fn net(&self) -> i64 {
        let asked = self.authorized.saturating_add(self.incremented);
        let net = asked.saturating_sub(self.reversed).saturating_sub(self.shrunk);
        if net > 0 { net } else { 0 }
    }

    /// Announced credits that may still come: expected − cancelled − refunded, at least 0.
    pub const fn credit_to_come(&self) -> i64 {
        let open = self.expected.saturating_sub(self.cancelled).saturating_sub(self.refunded);
        if open > 0 { open } else { 0 }
    }
}

/// What ended a chain. Each, once set, stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closings {
    /// The final clearing has come.
    pub cleared: bool,
    /// It was reversed in full.
    pub reversed: bool,
    /// The hold ran out.
    pub expired: bool,
    /// The approval never reached the platform.
    pub voided: bool,
}

impl Closings {
    /// Whether nothing more is to be held.
    pub const fn any(&self) -> bool {
        self.cleared || self.reversed || self.expired || self.voided
    }
}

/// One counted use: what was approved at a time, and how much of it has not been given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Use {
    /// When it was approved.
    pub at: Timestamp,
    /// Minor units not given back.
    pub amount: i64,
    /// 1 for a purchase, 0 for an increment or a purchase that was given back whole.
    pub count: i64,
}

/// What has become of a hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldState {
    /// Money is held.
    Active,
    /// Used up by clearings, or ended by the final one.
    Cleared,
    /// Given back by reversals or advices.
    Reversed,
    /// Ran out.
    Expired,
    /// The approval never reached the platform.
    Voided,
}

impl HoldState {
    /// The name used in JSON and rows.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Cleared => "cleared",
            Self::Reversed => "reversed",
            Self::Expired => "expired",
            Self::Voided => "voided",
        }
    }
}

/// One purchase and everything that followed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// The first authorization; a drawn id where a later message came first.
    pub id: AuthorizationId,
    /// The account it draws on, whatever the card draws on today.
    pub account: AccountId,
    /// The card.
    pub card: CardId,
    /// The account's currency.
    pub currency: Currency,
    /// Where it happened, as far as limits look at it.
    pub merchant: Merchant,
    /// Sums over its messages.
    pub totals: Totals,
    /// What ended it.
    pub closings: Closings,
    /// What it used of the limits, and when; oldest first.
    pub uses: Vec<Use>,
    /// How many postings it has; the next one's number.
    pub postings: u32,
    /// When the hold runs out.
    pub expires_at: Option<Timestamp>,
    /// When its first message arrived.
    pub opened_at: Timestamp,
    /// Transactions of it that the platform approved in our name, without naming the funding token:
    /// a request for one of them has been decided already.
    pub told: Vec<Token>,
    /// The chain that this one turned out to be a part of.
    pub merged_into: Option<AuthorizationId>,
}

impl Chain {
    /// A chain without messages.
    pub fn empty(
        id: AuthorizationId,
        account: AccountId,
        card: CardId,
        currency: Currency,
        opened_at: Timestamp,
    ) -> Self {
        Self {
            id,
            account,
            card,
            currency,
            merchant: Merchant::default(),
            totals: Totals::default(),
            closings: Closings::default(),
            uses: Vec::new(),
            postings: 0,
            expires_at: None,
            opened_at,
            told: Vec::new(),
            merged_into: None,
        }
    }

    /// What must be held: max(0, net − cleared), and 0 once the chain is closed or merged.
    pub const fn hold(&self) -> i64 {
        let open = self.totals.net().saturating_sub(self.totals.cleared);
        let ended = self.closings.any() || self.merged_into.is_some();
        if ended || open < 0 { 0 } else { open }
    }

    /// How many uses count against limits: one, as long as anything counts.
    pub const fn counted_uses(&self) -> i64 {
        if self.counted() > 0 { 1 } else { 0 }
    }

    /// What counts against limits: the net, and once the chain is closed no more than was cleared.
    pub const fn counted(&self) -> i64 {
        let net = self.totals.net();
        if self.closings.any() && self.totals.cleared < net { self.totals.cleared } else { net }
    }

    /// What has become of the hold.
    pub const fn state(&self) -> HoldState {
        if self.hold() > 0 {
            HoldState::Active
        } else if self.closings.voided {
            HoldState::Voided
        } else if self.closings.cleared || self.totals.cleared > 0 {
            HoldState::Cleared
        } else if self.closings.expired {
            HoldState::Expired
        } else {
            HoldState::Reversed
        }
    }

    /// When it last used a limit; `None` if never.
    pub fn last_use_at(&self) -> Option<Timestamp> {
        self.uses.iter().map(|used| used.at).max()
    }
}
