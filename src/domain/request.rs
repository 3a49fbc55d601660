//! What a door asks of the pipeline: may this card spend this, here, now?

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::decision::{Echo, Fingerprint};
use super::finding::Refusal;
use super::merchant::Merchant;
use super::money::Money;
use super::token::Token;

/// Where a request came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Door {
    /// The card platform's gateway call.
    Marqeta,
    /// Our own API.
    Rest,
    /// Nobody asked us: the card platform told of what it had decided.
    Notice,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Hold money for a purchase.
    Authorize,
    /// Hold more money for the same purchase.
    Increment,
    /// Take money at once (single message).
    Debit,
    /// Would a purchase be possible? Amount 0, nothing is held.
    Verify,
    /// How much is there? Nothing is held; the answer carries balances.
    BalanceInquiry,
    /// A credit to come (refund, original credit): recorded, the money follows with its clearing.
    ExpectCredit,
    /// A credit at once (single message).
    Credit,
}

impl Operation {
    /// The name used in JSON and rows.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Authorize => "authorize",
            Self::Increment => "increment",
            Self::Debit => "debit",
            Self::Verify => "verify",
            Self::BalanceInquiry => "balance_inquiry",
            Self::ExpectCredit => "expect_credit",
            Self::Credit => "credit",
        }
    }

    /// Whether money flows towards the cardholder.
    pub const fn is_credit(self) -> bool {
        matches!(self, Self::ExpectCredit | Self::Credit)
    }

    /// Whether money of the cardholder is asked for.
    pub const fn spends(self) -> bool {
        matches!(self, Self::Authorize | Self::Increment | Self::Debit)
    }

    /// Whether an amount of 0 makes sense.
    pub const fn may_be_zero(self) -> bool {
        matches!(self, Self::Verify | Self::BalanceInquiry)
    }
}

/// A readable request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthRequest {
    /// The idempotency key: `jit_funding.token`, or the client's own.
    pub token: Token,
    /// Where it came in.
    pub door: Door,
    /// What is asked for.
    pub operation: Operation,
    /// How much.
    pub amount: Money,
    /// The card, by the platform's token or our id.
    pub card: Token,
    /// Who uses the card.
    pub acting_user: Option<Token>,
    /// Who owns the account, if a person.
    pub user: Option<Token>,
    /// Who owns the account, if a business.
    pub business: Option<Token>,
    /// Where.
    pub merchant: Merchant,
    /// How the card was read, upper case, as the platform spells it.
    pub entry_mode: Option<Arc<str>>,
    /// The payment channel, upper case, as the platform spells it.
    pub channel: Option<Arc<str>>,
    /// The platform's token of this message's transaction.
    pub transaction: Option<Token>,
    /// The transaction that this one follows.
    pub preceding: Option<Token>,
    /// The first funding token of the chain.
    pub original: Option<Token>,
    /// The platform's funding method, as sent.
    pub method: Option<Arc<str>>,
    /// How many days the hold should live, if the message says so.
    pub hold_days: Option<u16>,
    /// Whether the terminal can do with less than it asks for.
    pub partial: bool,
}

impl AuthRequest {
    /// Who the message says is using the card; `None`: the owner.
    pub fn cardholder(&self) -> Option<&Token> {
        self.acting_user.as_ref().or(self.user.as_ref())
    }

    /// What must be the same for a repeat to be a repeat (design: card, amount, currency, method,
    /// original token, direction).
    pub fn fingerprint(&self) -> Fingerprint {
        let direction = if self.operation.is_credit() { "credit" } else { "debit" };
        Fingerprint::of(&[
            self.card.as_str(),
            &self.amount.minor().to_string(),
            self.amount.currency().code(),
            self.method.as_deref().unwrap_or(self.operation.as_str()),
            self.original.as_ref().map_or("", Token::as_str),
            direction,
        ])
    }

    /// What the answer repeats of the request. Address data is not among it.
    pub fn echo(&self) -> Echo {
        Echo {
            operation: Some(self.operation),
            method: self.method.clone(),
            amount: Some(self.amount),
            requested: None,
            user_token: self.user.clone(),
            acting_user_token: self.acting_user.clone(),
            business_token: self.business.clone(),
            original_token: self.original.clone(),
        }
    }
}

/// A request whose token can be read and something else can not. It is declined, and the decline
/// is stored: the platform may repeat it, and must get the same answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultyRequest {
    /// The idempotency key.
    pub token: Token,
    /// Where it came in.
    pub door: Door,
    /// Why it is declined.
    pub refusal: Refusal,
    /// Over the literal text of the fields.
    pub fingerprint: Fingerprint,
    /// What could be read.
    pub echo: Echo,
}
