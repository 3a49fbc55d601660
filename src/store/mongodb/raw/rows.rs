//! Documents of raw transactions and of the log of attempts, and back into what they stand for.

use mongodb::bson::Uuid;
use serde::{Deserialize, Serialize};

use super::super::error::unreadable;
use super::super::narrow::Id;
use super::super::read::decode;
use crate::domain::decision::Fingerprint;
use crate::domain::id::TransactionId;
use crate::domain::time::Timestamp;
use crate::domain::token::Token;
use crate::domain::transaction::{Attempt, Ending, Obstacle, Progress, RawTransaction, Status};
use crate::store::StoreError;
use crate::store::ingest::{Claimed, Kept};

/// `raw_transactions`.
#[derive(Serialize, Deserialize)]
pub(super) struct RawRow {
    #[serde(rename = "_id")]
    transaction_id: Token,
    id: Id<TransactionId>,
    fingerprint: Id<Fingerprint>,
    /// As JSON: its metadata is anybody's.
    record: String,
    card: Token,
    amount: i64,
    occurred_at: Timestamp,
    received_at: Timestamp,
    processed: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    state: Option<Status>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    due: Option<Timestamp>,
    /// How often it was claimed. One that was given back was not.
    attempts: i32,
    forgiven: i32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    obstacle: Option<Obstacle>,
}

impl RawRow {
    pub(super) fn new(raw: &RawTransaction, due: Timestamp) -> Result<Self, StoreError> {
        let record = &raw.record;
        Ok(Self {
            transaction_id: record.transaction_id.clone(),
            id: Id(raw.id),
            fingerprint: Id(raw.fingerprint),
            record: serde_json::to_string(record).map_err(unreadable)?,
            card: record.card.clone(),
            amount: record.amount.minor(),
            occurred_at: record.occurred_at,
            received_at: raw.received_at,
            processed: false,
            state: Some(Status::Accepted),
            due: Some(due),
            attempts: 0,
            forgiven: 0,
            obstacle: None,
        })
    }

    pub(super) fn progress(self) -> Result<Progress, StoreError> {
        let raw = RawTransaction {
            id: self.id.0,
            fingerprint: self.fingerprint.0,
            record: serde_json::from_str(&self.record).map_err(unreadable)?,
            received_at: self.received_at,
        };
        let status = status(self.processed, self.state);
        let attempts = u32::try_from(self.attempts).unwrap_or(0);
        Ok(Progress { raw, status, attempts, obstacle: self.obstacle })
    }

    fn claimed(mut self, more: i32, lost: bool) -> Result<Claimed, StoreError> {
        self.attempts = self.attempts.saturating_add(more);
        let forgiven = u32::try_from(self.forgiven).unwrap_or(0);
        let Progress { raw, attempts, .. } = self.progress()?;
        Ok(Claimed { raw, attempt: attempts, forgiven, lost })
    }
}

fn status(processed: bool, state: Option<Status>) -> Status {
    if processed { Status::Processed } else { state.unwrap_or(Status::Accepted) }
}

/// What is read of a document that was there already.
#[derive(Deserialize)]
pub(super) struct KeptRow {
    #[serde(rename = "_id")]
    pub(super) transaction_id: Token,
    id: Id<TransactionId>,
    fingerprint: Id<Fingerprint>,
    processed: bool,
    #[serde(default)]
    state: Option<Status>,
}

impl KeptRow {
    /// What a caller is told who gave the same record this id.
    pub(super) fn kept(&self, own: TransactionId) -> Kept {
        Kept {
            id: self.id.0,
            fingerprint: self.fingerprint.0,
            status: status(self.processed, self.state),
            known: self.id.0 != own,
        }
    }
}

/// What a claim has to know of a document, whatever else is in it.
#[derive(Deserialize)]
pub(super) struct LeaseRow {
    #[serde(rename = "_id")]
    pub(super) transaction_id: Token,
    #[serde(default)]
    pub(super) lease: Option<Uuid>,
    pub(super) attempts: i32,
}

/// A document that is due, or has just been claimed.
pub(super) struct Found {
    pub(super) leased: LeaseRow,
    /// `None`: it can not be read.
    row: Option<RawRow>,
}

impl Found {
    /// Of a document, in bytes.
    pub(super) fn read(body: &[u8]) -> Result<Self, StoreError> {
        Ok(Self { leased: decode(body)?, row: decode(body).ok() })
    }

    /// The claimed record, after so many more attempts than its document tells. One that can not be
    /// read stays claimed, and must not hold up those beside it.
    pub(super) fn claimed(self, more: i32, lost: bool) -> Option<Claimed> {
        let claimed = self.row.and_then(|row| row.claimed(more, lost).ok());
        if claimed.is_none() {
            let name = self.leased.transaction_id;
            tracing::error!(transaction.id = %name, "a reported transaction can not be read");
        }
        claimed
    }
}

/// `processing_logs`.
#[derive(Serialize, Deserialize)]
pub(super) struct LogRow {
    #[serde(rename = "_id")]
    place: Place,
    outcome: Ending,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    obstacle: Option<Obstacle>,
    worker: String,
    at: Timestamp,
    took_us: i64,
}

#[derive(Serialize, Deserialize)]
struct Place {
    transaction: Id<TransactionId>,
    attempt: i32,
}

impl LogRow {
    pub(super) fn new(attempt: &Attempt) -> Self {
        let number = i32::try_from(attempt.number).unwrap_or(i32::MAX);
        Self {
            place: Place { transaction: Id(attempt.transaction), attempt: number },
            outcome: attempt.ending,
            obstacle: attempt.obstacle,
            worker: attempt.worker.to_string(),
            at: attempt.at,
            took_us: i64::try_from(attempt.took_us).unwrap_or(i64::MAX),
        }
    }

    pub(super) fn attempt(self) -> Attempt {
        Attempt {
            transaction: self.place.transaction.0,
            number: u32::try_from(self.place.attempt).unwrap_or(0),
            ending: self.outcome,
            obstacle: self.obstacle,
            worker: self.worker.into(),
            at: self.at,
            took_us: u64::try_from(self.took_us).unwrap_or(0),
        }
    }
}
