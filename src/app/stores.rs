//! The stores as the rest of the service sees them: each home behind its own cache, both behind one
//! routing store.

use std::sync::Arc;

use crate::cache::{CacheStats, MemoryRoutes, Routes};
use crate::config::Settings;
use crate::domain::clock::Clock;
use crate::domain::id::Home;
use crate::pipeline::{HomeLanes, Homes};
use crate::service::health::{Need, Watched};
use crate::store::cached::CachedStore;
use crate::store::cached_transactions::CachedTransactions;
use crate::store::guarded::GuardedFacts;
use crate::store::ingest::{RawTransactions, Transactions};
use crate::store::lists::Lists;
use crate::store::routed::{HomeStores, RoutedStore};
use crate::store::seal::Seal;
use crate::store::sealed::SealedResources;
use crate::store::sealed_lists::SealedLists;
use crate::store::{FactsStore, History, Outbox, ResourceStore};

use super::AppError;
use super::caches::Caches;
use super::homes::{OpenHome, OpenHomes};

/// The ports of the service.
pub(super) struct Stores {
    pub(super) facts: Arc<dyn FactsStore>,
    pub(super) resources: Arc<dyn ResourceStore>,
    pub(super) lists: Arc<dyn Lists>,
    pub(super) history: Arc<dyn History>,
    pub(super) outbox: Arc<dyn Outbox>,
    pub(super) homes: Homes,
    pub(super) raw: Arc<dyn RawTransactions>,
    pub(super) transactions: Arc<dyn Transactions>,
    pub(super) watched: Vec<Watched>,
    pub(super) caches: Box<dyn Fn() -> Vec<(&'static str, CacheStats)> + Send + Sync>,
}

impl Stores {
    /// Puts caches before the homes, and routing before both.
    pub(super) async fn compose(
        open: &OpenHomes,
        settings: &Settings,
        clock: &Arc<dyn Clock>,
        seal: &Arc<Seal>,
    ) -> Result<Self, AppError> {
        let caches = Caches::open(settings, clock).await?;
        let watch = |home: &&OpenHome| Watched {
            name: home.name,
            probe: Arc::clone(&home.probe),
            need: Need::Home,
        };
        let watched = open.each().iter().map(watch).chain(caches.watched()).collect();
        let (raw, transactions) = open.ingest();
        let transactions = Arc::new(CachedTransactions::new(transactions, caches.transactions()));
        Ok(match open {
            OpenHomes::Shared(home) => {
                let cached = cached(home, Home::Business, &caches, seal);
                Self {
                    facts: cached.clone(),
                    resources: cached.clone(),
                    lists: lists_of(home, seal),
                    history: Arc::clone(&home.history),
                    outbox: Arc::clone(&home.outbox),
                    homes: Homes::Shared(Arc::clone(&home.money)),
                    raw,
                    transactions: transactions.clone(),
                    watched,
                    caches: Box::new(move || vec![("both", transactions.beside(cached.stats()))]),
                }
            }
            OpenHomes::Separate { business, personal } => {
                let first = cached(business, Home::Business, &caches, seal);
                let second = cached(personal, Home::Personal, &caches, seal);
                let routed = Arc::new(RoutedStore::new(
                    stores_of(business, &first, seal),
                    stores_of(personal, &second, seal),
                    user_routes(settings),
                    caches.card_routes(),
                    business
                        .audit_log
                        .clone()
                        .expect("every store of companies keeps the audit log"),
                    Arc::clone(clock),
                ));
                Self {
                    facts: routed.clone(),
                    resources: routed.clone(),
                    lists: routed.clone(),
                    history: routed.clone(),
                    outbox: routed,
                    homes: Homes::Separate {
                        business: lanes_of(business),
                        personal: lanes_of(personal),
                    },
                    raw,
                    transactions: transactions.clone(),
                    watched,
                    caches: Box::new(move || {
                        let business = transactions.beside(first.stats());
                        vec![("business", business), ("personal", second.stats())]
                    }),
                }
            }
        })
    }
}

fn lanes_of(home: &OpenHome) -> HomeLanes {
    HomeLanes { home: Arc::clone(&home.money), lanes: home.lanes }
}

fn stores_of(home: &OpenHome, cached: &Arc<CachedStore>, seal: &Arc<Seal>) -> HomeStores {
    HomeStores {
        facts: cached.clone(),
        resources: cached.clone(),
        history: Arc::clone(&home.history),
        outbox: Arc::clone(&home.outbox),
        lists: lists_of(home, seal),
    }
}

/// Lists are read past the cache; personal fields are opened.
fn lists_of(home: &OpenHome, seal: &Arc<Seal>) -> Arc<dyn Lists> {
    Arc::new(SealedLists::new(Arc::clone(&home.lists), Arc::clone(seal)))
}

/// Facts and resources of a home behind the cache that the settings ask for. Nobody waits for a
/// server longer than half of the deadline. Personal fields are sealed.
fn cached(open: &OpenHome, home: Home, caches: &Caches, seal: &Arc<Seal>) -> Arc<CachedStore> {
    let facts: Arc<dyn FactsStore> = match open.prepare {
        None => Arc::clone(&open.facts),
        Some(_) => Arc::new(GuardedFacts::new(Arc::clone(&open.facts), caches.lookup_budget)),
    };
    let resources = SealedResources::new(Arc::clone(&open.resources), Arc::clone(seal));
    Arc::new(CachedStore::new(facts, Arc::new(resources), caches.of(home)))
}

/// Users have no routes that instances share: what is asked for is the card's.
fn user_routes(settings: &Settings) -> Arc<dyn Routes> {
    // Both names of each object: our id and the platform's token.
    Arc::new(MemoryRoutes::new(settings.cache.entries_max.saturating_mul(2)))
}
