//! Ports of raw ingest: records as they were accepted, claimed by workers, and the tables that they
//! end up in.

use std::time::Duration;

use crate::domain::decision::Fingerprint;
use crate::domain::id::{CardId, CompanyId, TransactionId, UserId};
use crate::domain::time::Timestamp;
use crate::domain::token::Token;
use crate::domain::transaction::{
    Attempt, Obstacle, Progress, RawTransaction, Status, Transaction,
};

use super::StoreFuture;

/// What is stored under a record's transaction id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The id that it was given first.
    pub id: TransactionId,
    /// Of what was sent first.
    pub fingerprint: Fingerprint,
    /// How far it has come.
    pub status: Status,
    /// Whether it was there already.
    pub known: bool,
}

/// What a worker asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Names this claim: drawn for it alone.
    pub lease: uuid::Uuid,
    /// For how long the records are the worker's alone.
    pub lasts: Duration,
    /// How many at most.
    pub rows_max: u32,
}

/// A record that is a worker's for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// The record.
    pub raw: RawTransaction,
    /// The how many-th attempt this is, from 1.
    pub attempt: u32,
    /// How many of them were before it was last put back by a person; those do not count.
    pub forgiven: u32,
    /// Whether the last attempt's worker was not heard of again. Such a record is claimed alone: its
    /// worker may have died of it.
    pub lost: bool,
}

/// What became of a claimed record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is in the tables.
    Processed,
    /// To be tried again after this time.
    Retry(Obstacle, Duration),
    /// Not to be tried again by itself.
    Park(Obstacle),
    /// It was not tried after all: as if it had not been claimed.
    Release,
}

/// A claimed record's outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// Which record.
    pub transaction_id: Token,
    /// What became of it.
    pub outcome: Outcome,
}

/// Which raw transactions are asked for. Newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawQuery {
    /// [`Status::Accepted`] or [`Status::Parked`].
    pub status: Status,
    /// The card as it was named; any of these. Empty: every card.
    pub cards: Vec<Token>,
    /// What else.
    pub within: Within,
    /// Those before this one.
    pub before: Option<TransactionId>,
    /// How many at most.
    pub rows_max: u32,
}

/// Bounds of a query. Times and amounts from the first up to the second, amounts with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Within {
    /// Not earlier.
    pub from: Option<Timestamp>,
    /// Earlier.
    pub to: Option<Timestamp>,
    /// In minor units, not less.
    pub amount_min: Option<i64>,
    /// In minor units, not more.
    pub amount_max: Option<i64>,
}

/// Whose transactions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Whose {
    /// Of this card.
    pub card: Option<CardId>,
    /// Of this user.
    pub user: Option<UserId>,
    /// Of this company.
    pub company: Option<CompanyId>,
}

/// Which processed transactions are asked for. Latest first, by the time they took place, then id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TransactionQuery {
    /// Whose.
    pub whose: Whose,
    /// Which of them.
    pub within: Within,
    /// Those before this one.
    pub before: Option<(Timestamp, TransactionId)>,
    /// How many at most.
    pub rows_max: u32,
}

/// What waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Records that have been accepted and not been processed.
    pub accepted: u64,
    /// Records that somebody has to look at.
    pub parked: u64,
}

/// Records as they were accepted. Each is kept under its program's id, for ever.
pub trait RawTransactions: Send + Sync {
    /// Keeps records with different transaction ids in one write; what is known is left as it is. One
    /// answer for each, in order. Durable when it returns.
    fn keep(&self, raws: Vec<RawTransaction>) -> StoreFuture<'_, Vec<Kept>>;

    /// Takes records that are due, the longest waiting first. No two claims hold the same record
    /// before the lease of the first is over.
    fn claim(&self, claim: Claim) -> StoreFuture<'_, Vec<Claimed>>;

    /// Writes the log, then what became of each record that is still this lease's. May be repeated.
    fn settle(
        &self,
        lease: uuid::Uuid,
        settled: Vec<Settled>,
        log: Vec<Attempt>,
    ) -> StoreFuture<'_, ()>;

    /// One record, by our id.
    fn progress(&self, id: TransactionId) -> StoreFuture<'_, Option<Progress>>;

    /// A page of those that are not processed.
    fn unprocessed(&self, query: RawQuery) -> StoreFuture<'_, Vec<Progress>>;

    /// The log of a record, in order.
    fn attempts(&self, id: TransactionId) -> StoreFuture<'_, Vec<Attempt>>;

    /// Puts a parked record back; says whether there was one.
    fn unpark(&self, id: TransactionId) -> StoreFuture<'_, bool>;

    /// What waits.
    fn backlog(&self) -> StoreFuture<'_, Backlog>;
}

/// Processed transactions and what belongs to them.
pub trait Transactions: Send + Sync {
    /// Stores transactions and their merchants in one write; what is there is left as it is. Says
    /// which are there now: where one is missing, another has its transaction id.
    fn record(&self, rows: Vec<Transaction>) -> StoreFuture<'_, Vec<TransactionId>>;

    /// One of them.
    fn transaction(&self, id: TransactionId) -> StoreFuture<'_, Option<Transaction>>;

    /// A page of them.
    fn transactions(&self, query: TransactionQuery) -> StoreFuture<'_, Vec<Transaction>>;
}
