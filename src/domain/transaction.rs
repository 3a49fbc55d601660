//! Transactions as a program reports them for its books: the record as it was sent, how far it has
//! come, and what it was made into. They are reports: no money moves with them (the ledger moves
//! money).

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::decision::Fingerprint;
use super::id::{AccountId, AuthorizationId, CardId, CompanyId, TransactionId, UserId};
use super::merchant::Merchant;
use super::money::Money;
use super::time::Timestamp;
use super::token::{Token, TokenError};

/// A settled transaction as its program sends it. Its form is right; whether what it names exists is
/// found out when it is processed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The program's own id for it: the same id is the same transaction, for ever.
    pub transaction_id: Token,
    /// The card, by the platform's token or our id.
    pub card: Token,
    /// How much.
    #[serde(flatten)]
    pub amount: Money,
    /// What it was, in the program's words: `purchase`, `authorization.clearing`.
    #[serde(rename = "type")]
    pub kind: Arc<str>,
    /// When it took place.
    pub occurred_at: Timestamp,
    /// Where.
    #[serde(default)]
    pub merchant: Merchant,
    /// The purchase that it settles: our id of its authorization, or the token it was decided under.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorization: Option<Purchase>,
    /// Anything else, as literal JSON: one object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Arc<str>>,
}

/// How a record names the purchase that it settles.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Purchase {
    /// Our id of its authorization.
    Id(AuthorizationId),
    /// The token that it was decided under.
    Token(Token),
}

impl FromStr for Purchase {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        text.parse().map(Self::Id).or_else(|_| text.parse().map(Self::Token))
    }
}

impl fmt::Display for Purchase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::Token(token) => token.fmt(f),
        }
    }
}

impl Serialize for Purchase {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Purchase {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A record that has been accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawTransaction {
    /// Given at acceptance.
    pub id: TransactionId,
    /// Tells a repeat from another record under the same id.
    pub fingerprint: Fingerprint,
    /// What was sent.
    pub record: Record,
    /// When.
    pub received_at: Timestamp,
}

/// How far a transaction has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It waits to be processed.
    Accepted,
    /// It is in the tables.
    Processed,
    /// It can not be processed, or not for now: somebody has to look.
    Parked,
}

impl Status {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Accepted, Self::Processed, Self::Parked];

    /// The name used in JSON and rows.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Processed => "processed",
            Self::Parked => "parked",
        }
    }

    /// Reads the name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

/// What kept a transaction from being processed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Obstacle {
    /// There is no such card (yet).
    CardUnknown,
    /// The card's account holds another currency.
    CurrencyMismatch,
    /// Another transaction of this id is in the tables already.
    TransactionIdTaken,
    /// The tables refuse it.
    NotStorable,
    /// A worker took it and was not heard of again.
    WorkerLost,
}

impl Obstacle {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::CardUnknown,
        Self::CurrencyMismatch,
        Self::TransactionIdTaken,
        Self::NotStorable,
        Self::WorkerLost,
    ];

    /// The stable code, which has a page of its own.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CardUnknown => "card_unknown",
            Self::CurrencyMismatch => "currency_mismatch",
            Self::TransactionIdTaken => "transaction_id_taken",
            Self::NotStorable => "not_storable",
            Self::WorkerLost => "worker_lost",
        }
    }

    /// Reads the code.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|obstacle| obstacle.as_str() == text)
    }

    /// Whether it may have gone by another time.
    pub const fn may_pass(self) -> bool {
        matches!(self, Self::CardUnknown | Self::NotStorable | Self::WorkerLost)
    }
}

/// A raw transaction with how far it has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What was accepted.
    pub raw: RawTransaction,
    /// How far it has come.
    pub status: Status,
    /// Attempts that were begun.
    pub attempts: u32,
    /// What kept the last one from succeeding.
    pub obstacle: Option<Obstacle>,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// It is in the tables.
    Processed,
    /// It is tried again later.
    Retried,
    /// It was the last attempt.
    Parked,
}

impl Ending {
    /// The name used in JSON and rows.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Processed => "processed",
            Self::Retried => "retried",
            Self::Parked => "parked",
        }
    }

    /// Reads the name.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Processed, Self::Retried, Self::Parked]
            .into_iter()
            .find(|ending| ending.as_str() == text)
    }
}

/// One attempt, for the log of its transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Which transaction.
    pub transaction: TransactionId,
    /// The how many-th, from 1.
    pub number: u32,
    /// How it ended.
    pub ending: Ending,
    /// Why, where it was not processed.
    pub obstacle: Option<Obstacle>,
    /// Which worker: a name that is drawn when one starts.
    pub worker: Arc<str>,
    /// When it ended.
    pub at: Timestamp,
    /// How long the batch that it was in took, in microseconds.
    pub took_us: u64,
}

/// A processed transaction: the record, and whom and what it belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transaction {
    /// As given at acceptance.
    pub id: TransactionId,
    /// As it was sent.
    pub record: Record,
    /// The card.
    pub card: CardId,
    /// Who holds it.
    pub user: UserId,
    /// Their company; `None` for a personal card.
    pub company: Option<CompanyId>,
    /// What it draws on.
    pub account: AccountId,
    /// The authorization that the record names, where there is one.
    pub authorization: Option<AuthorizationId>,
    /// When it was accepted.
    pub received_at: Timestamp,
    /// When it was processed.
    pub processed_at: Timestamp,
}

impl Record {
    /// What must be the same for a repeat to be a repeat. Metadata is compared as values.
    pub fn fingerprint(&self) -> Fingerprint {
        let merchant = serde_json::to_string(&self.merchant).unwrap_or_default();
        let metadata = self.metadata.as_deref().map(canonical).unwrap_or_default();
        let authorization = self.authorization.as_ref().map(Purchase::to_string);
        let authorization = authorization.unwrap_or_default();
        Fingerprint::of(&[
            self.card.as_str(),
            &self.amount.minor().to_string(),
            self.amount.currency().code(),
            &self.kind,
            &self.occurred_at.as_micros().to_string(),
            &merchant,
            &authorization,
            &metadata,
        ])
    }
}

/// The same text for the same values, however they were spaced and ordered.
fn canonical(json: &str) -> String {
    let value: Option<serde_json::Value> = serde_json::from_str(json).ok();
    value.map_or_else(|| json.to_owned(), |value| value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::money::Currency;

    fn record(metadata: &str) -> Record {
        Record {
            transaction_id: "t-1".parse().unwrap(),
            card: "card-1".parse().unwrap(),
            amount: Money::new(500, Currency::parse("EUR").unwrap()),
            kind: "purchase".into(),
            occurred_at: Timestamp::from_micros(7),
            merchant: Merchant { mid: Some("m".into()), ..Merchant::default() },
            authorization: None,
            metadata: Some(metadata.into()),
        }
    }

    #[test]
    fn a_repeat_may_be_spelled_differently_but_must_say_the_same() {
        let first = record(r#"{"a":1,"b":"x"}"#);
        assert_eq!(first.fingerprint(), record(r#"{ "b": "x", "a": 1 }"#).fingerprint());
        assert_ne!(first.fingerprint(), record(r#"{"a":2,"b":"x"}"#).fingerprint());
        let dearer = Record { amount: first.amount.with_minor(501), ..first.clone() };
        assert_ne!(first.fingerprint(), dearer.fingerprint());
    }

    #[test]
    fn a_record_survives_its_stored_form() {
        let record = record(r#"{"a":1.10}"#);
        let text = serde_json::to_string(&record).unwrap();
        assert_eq!(serde_json::from_str::<Record>(&text).unwrap(), record);
    }

    #[test]
    fn names_are_read_back() {
        for status in Status::ALL {
            assert_eq!(Status::parse(status.as_str()), Some(status));
        }
        for obstacle in Obstacle::ALL {
            assert_eq!(Obstacle::parse(obstacle.as_str()), Some(obstacle));
        }
        assert_eq!(Status::parse("gone"), None);
    }
}
