//! Verbs off the hot path: companies, users, cards, limits, the life cycle, verification.

pub mod accounts;
pub mod attempts;
pub mod authorizations;
pub mod cards;
pub mod companies;
pub mod controls;
pub mod dead_letters;
pub mod error;
pub mod expiry;
pub mod health;
pub mod ingest;
pub mod lifecycle;
pub mod limits;
pub mod outbox;
pub mod postings;
pub mod queues;
pub mod reconcile;
mod reference;
pub mod users;
pub mod verify;
pub mod wallets;
pub mod webhooks;
pub mod yardstick;

use std::sync::Arc;

use crate::domain::clock::Clock;
use crate::pipeline::Pipeline;
use crate::service::ingest::Ingest;
use crate::store::{FactsStore, History, ResourceStore};

/// What the verbs work with.
pub struct Service {
    /// Companies, users, cards, limits.
    pub resources: Arc<dyn ResourceStore>,
    /// Policy facts, through the cache.
    pub facts: Arc<dyn FactsStore>,
    /// What has been decided.
    pub history: Arc<dyn History>,
    /// Life-cycle steps go through its lanes.
    pub pipeline: Arc<Pipeline>,
    /// Transactions that programs report.
    pub ingest: Arc<Ingest>,
    /// Time and ids.
    pub clock: Arc<dyn Clock>,
}
