//! Findings: what each check of a decision saw, and why it refused.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::id::{ControlId, LimitId};

/// Why a purchase is declined, in the platform's words (`decline_reason`). Only members of the
/// published list: the effect of any other value is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Reason {
    /// Nonsensical amount, or a currency that the account does not hold.
    InvalidAmount,
    /// Not enough money.
    InsufficientFunds,
    /// Not permitted here or now; also the neutral answer when something is wrong on our side.
    TransactionNotPermitted,
    /// An amount limit would be exceeded.
    AmountLimitExceeded,
    /// A count limit would be exceeded.
    TransactionCountLimitExceeded,
    /// The token was used before for something else.
    DuplicateTransaction,
    /// A merchant or category that is not allowed.
    InvalidMerchant,
    /// An unknown card, or one that this cardholder does not hold.
    InvalidCard,
    /// The card's month has passed.
    ExpiredCard,
    /// The user or company is gone.
    ClosedAccount,
    /// The card may not be used.
    CardNotActive,
    /// The cardholder may not spend.
    CardholderNotActive,
}

impl Reason {
    /// Every reason, in the order of declaration.
    pub const ALL: [Self; 12] = [
        Self::InvalidAmount,
        Self::InsufficientFunds,
        Self::TransactionNotPermitted,
        Self::AmountLimitExceeded,
        Self::TransactionCountLimitExceeded,
        Self::DuplicateTransaction,
        Self::InvalidMerchant,
        Self::InvalidCard,
        Self::ExpiredCard,
        Self::ClosedAccount,
        Self::CardNotActive,
        Self::CardholderNotActive,
    ];

    /// The platform's spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidAmount => "INVALID_AMOUNT",
            Self::InsufficientFunds => "INSUFFICIENT_FUNDS",
            Self::TransactionNotPermitted => "TRANSACTION_NOT_PERMITTED",
            Self::AmountLimitExceeded => "AMOUNT_LIMIT_EXCEEDED",
            Self::TransactionCountLimitExceeded => "TRANSACTION_COUNT_LIMIT_EXCEEDED",
            Self::DuplicateTransaction => "DUPLICATE_TRANSACTION",
            Self::InvalidMerchant => "INVALID_MERCHANT",
            Self::InvalidCard => "INVALID_CARD",
            Self::ExpiredCard => "EXPIRED_CARD",
            Self::ClosedAccount => "CLOSED_ACCOUNT",
            Self::CardNotActive => "CARD_NOT_ACTIVE",
            Self::CardholderNotActive => "CARDHOLDER_NOT_ACTIVE",
        }
    }

    /// Reads the platform's spelling.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == text)
    }
}

/// Our own, finer word for a check or a refusal: `limit.day.amount`, `card.suspended`.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Code(Cow<'static, str>);

impl Code {
    /// A code known at compile time.
    pub const fn new(text: &'static str) -> Self {
        Self(Cow::Borrowed(text))
    }

    /// A code read back from a row.
    pub fn stored(text: String) -> Self {
        Self(Cow::Owned(text))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A refusal: the platform's reason and our own code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// What the platform is told.
    pub reason: Reason,
    /// What the explanation says.
    pub code: Code,
}

impl Refusal {
    /// A refusal with a code known at compile time.
    pub const fn new(reason: Reason, code: &'static str) -> Self {
        Self { reason, code: Code::new(code) }
    }
}

/// The numbers that a check compared, in minor units or uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(i64, i64, i64)", into = "(i64, i64, i64)")]
pub struct Numbers {
    /// What the purchase would add.
    pub asked: i64,
    /// What was used before it.
    pub used: i64,
    /// The most there may be.
    pub max: i64,
}

impl From<(i64, i64, i64)> for Numbers {
    fn from((asked, used, max): (i64, i64, i64)) -> Self {
        Self { asked, used, max }
    }
}

impl From<Numbers> for (i64, i64, i64) {
    fn from(numbers: Numbers) -> Self {
        (numbers.asked, numbers.used, numbers.max)
    }
}

/// What one check saw. Every purchase stores a dozen, so the stored names are short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Which check: `card.status`, `limit.day.amount`.
    #[serde(rename = "c")]
    pub check: Code,
    /// Why it refused; absent where it passed or did not apply.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "r")]
    pub refusal: Option<Refusal>,
    /// The limit that was compared.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "l")]
    pub limit: Option<LimitId>,
    /// The control that refused.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "k")]
    pub control: Option<ControlId>,
    /// What was compared.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "n")]
    pub numbers: Option<Numbers>,
}

impl Finding {
    /// A check that passed, or refused.
    pub const fn new(check: &'static str, refusal: Option<Refusal>) -> Self {
        Self { check: Code::new(check), refusal, limit: None, control: None, numbers: None }
    }
}

/// What `decide` says: approved where nothing refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The first refusal, in the order of checks.
    pub refusal: Option<Refusal>,
    /// Every check that was evaluated.
    pub findings: Vec<Finding>,
}
