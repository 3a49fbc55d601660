//! Verbs off the hot path: companies, users, cards, limits, the life cycle, verification.

pub mod accounts;
pub mod attempts;
pub mod audit;
pub mod authorizations;
pub mod cards;
pub mod companies;
pub mod controls;
pub mod dead_letters;
pub mod error;
pub mod expiry;
pub mod explanations;
pub mod feed;
pub mod health;
pub mod imports;
pub mod in_flight;
pub mod ingest;
pub mod keys;
pub mod kyc;
pub mod lifecycle;
pub mod limits;
pub mod lists;
pub mod outbox;
pub mod postings;
pub mod queues;
pub mod reconcile;
mod reference;
pub mod reseal;
mod suspensions;
mod transactions;
pub mod users;
pub mod verify;
pub mod wallets;
pub mod webhooks;
pub mod yardstick;

use std::sync::Arc;

use crate::domain::access::Reach;
use crate::domain::audit::Recording;
use crate::domain::clock::Clock;
use crate::domain::kyc::Tiers;
use crate::pipeline::Pipeline;
use crate::service::in_flight::InFlight;
use crate::service::ingest::Ingest;
use crate::store::bound::BoundStore;
use crate::store::lists::Lists;
use crate::store::{FactsStore, History, ResourceStore};

/// What the verbs work with.
pub struct Service {
    /// Companies, users, cards, limits.
    pub resources: Arc<dyn ResourceStore>,
    /// Pages of them, and of history.
    pub lists: Arc<dyn Lists>,
    /// Policy facts, through the cache.
    pub facts: Arc<dyn FactsStore>,
    /// What has been decided.
    pub history: Arc<dyn History>,
    /// Life-cycle steps go through its lanes.
    pub pipeline: Arc<Pipeline>,
    /// Transactions that programs report.
    pub ingest: Arc<Ingest>,
    /// What people may spend whose identity has been checked.
    pub tiers: Tiers,
    /// Calls under idempotency keys that are under way.
    pub in_flight: Arc<InFlight>,
    /// Time and ids.
    pub clock: Arc<dyn Clock>,
    /// How far it sees: the program's own sees everything.
    pub reach: Reach,
}

impl Service {
    /// The same verbs for a caller that sees so far, and whose act leaves a record.
    pub fn bound(self: &Arc<Self>, reach: Reach, record: Recording) -> Arc<Self> {
        if reach == Reach::Program && record.is_none() {
            return Arc::clone(self);
        }
        let stores = (self.resources.clone(), self.facts.clone(), self.history.clone());
        let store = Arc::new(BoundStore::new(stores, reach, record));
        Arc::new(Self {
            resources: store.clone(),
            facts: store.clone(),
            history: store,
            pipeline: Arc::clone(&self.pipeline),
            ingest: Arc::clone(&self.ingest),
            lists: Arc::clone(&self.lists),
            tiers: self.tiers.clone(),
            in_flight: Arc::clone(&self.in_flight),
            clock: Arc::clone(&self.clock),
            reach,
        })
    }
}
