//! Decisions: one per token, for ever, with what its answer repeats.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

use super::finding::{Reason, Refusal};
use super::id::AuthorizationId;
use super::money::{Currency, Money};
use super::request::Operation;
use super::time::Timestamp;
use super::token::Token;

/// What tells a repeat from another request under the same token: 128 bits of a SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(u128);

impl Fingerprint {
    /// Of a decision that answers every request under its token.
    pub const ANY: Self = Self(0);

    /// The fingerprint of these texts, in this order.
    pub fn of(parts: &[&str]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update(part.len().to_le_bytes());
            hash.update(part.as_bytes());
        }
        let digest = hash.finalize();
        let half = digest.first_chunk::<16>().copied().unwrap_or_default();
        Self::from_bytes(half)
    }

    /// Its 16 bytes, for stores that keep them as such.
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    /// Reads its bytes back.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(u128::from_be_bytes(bytes))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Fingerprint {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        u128::from_str_radix(text, 16).map(Self)
    }
}

impl Serialize for Fingerprint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Fingerprint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// What is kept of the request: what the answer repeats of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Echo {
    /// What was asked for, so that a void knows what to undo; absent where it could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "op")]
    pub operation: Option<Operation>,
    /// The funding method, as sent.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "m")]
    pub method: Option<Arc<str>>,
    /// The amount asked for, or what was approved of it; absent where it could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "a")]
    pub amount: Option<Money>,
    /// The amount asked for where less was approved: `amount` is what was approved.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "ra")]
    pub requested: Option<Money>,
    /// Who owns the account, if a person.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "u")]
    pub user_token: Option<Token>,
    /// Who uses the card.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "au")]
    pub acting_user_token: Option<Token>,
    /// Who owns the account, if a business.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "b")]
    pub business_token: Option<Token>,
    /// The first funding token of the chain.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "o")]
    pub original_token: Option<Token>,
}

/// Balances as a balance inquiry answers them, in minor units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Balances {
    /// The account's currency.
    pub currency: Currency,
    /// funded − posted.
    pub ledger: i64,
    /// limit + funded − held − posted.
    pub available: i64,
    /// Credit granted.
    pub limit: i64,
}

/// A stored decision: what was answered to a token, and is answered again for ever.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The idempotency key.
    pub token: Token,
    /// What must be the same for a repeat to be a repeat.
    pub fingerprint: Fingerprint,
    /// The record with the explanation.
    pub authorization: AuthorizationId,
    /// Why it was declined; `None`: approved.
    pub refusal: Option<Refusal>,
    /// What the answer repeats of the request.
    pub echo: Echo,
    /// The balances that a balance inquiry was answered with.
    pub balances: Option<Balances>,
    /// Whether a repeat has been answered with an approval: from then on it can not be voided.
    pub repeated: bool,
    /// When it was decided.
    pub at: Timestamp,
}

impl Decision {
    /// The code of a decision whose answer came too late to count.
    pub const LATE: &'static str = "late";

    /// The one decline that a voided decision is for ever.
    pub const fn late_refusal() -> Refusal {
        Refusal::new(Reason::TransactionNotPermitted, Self::LATE)
    }

    /// Whether the purchase was approved.
    pub const fn approved(&self) -> bool {
        self.refusal.is_none()
    }
}
