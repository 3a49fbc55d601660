//! The stores as the rest of the service sees them: each home behind its own cache, both behind one
//! routing store.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::cache::memory::{MemoryCache, MemoryLimits};
use crate::cache::off::NoCache;
use crate::cache::{FactsCache, MemoryRoutes, Routes};
use crate::config::Settings;
use crate::config::cache::CacheKind;
use crate::domain::clock::Clock;
use crate::pipeline::{HomeLanes, Homes};
use crate::service::health::{Need, Watched};
use crate::store::cached::CachedStore;
use crate::store::guarded::GuardedFacts;
use crate::store::routed::{HomeStores, RoutedStore};
use crate::store::{FactsStore, History, Outbox, ResourceStore};

use super::homes::{OpenHome, OpenHomes};

/// The ports of the service.
pub(super) struct Stores {
    pub(super) facts: Arc<dyn FactsStore>,
    pub(super) resources: Arc<dyn ResourceStore>,
    pub(super) history: Arc<dyn History>,
    pub(super) outbox: Arc<dyn Outbox>,
    pub(super) homes: Homes,
    pub(super) watched: Vec<Watched>,
    pub(super) cache: Box<dyn Fn() -> Value + Send + Sync>,
}

impl Stores {
    /// Puts caches before the homes, and routing before both.
    pub(super) fn compose(open: &OpenHomes, settings: &Settings, clock: &Arc<dyn Clock>) -> Self {
        let watch = |home: &&OpenHome| Watched {
            name: home.name,
            probe: Arc::clone(&home.probe),
            need: Need::Home,
        };
        let watched = open.each().iter().map(watch).collect();
        match open {
            OpenHomes::Shared(home) => {
                let cached = cached(home, settings, clock);
                Self {
                    facts: cached.clone(),
                    resources: cached.clone(),
                    history: Arc::clone(&home.history),
                    outbox: Arc::clone(&home.outbox),
                    homes: Homes::Shared(Arc::clone(&home.money)),
                    watched,
                    cache: Box::new(move || json!(cached.stats())),
                }
            }
            OpenHomes::Separate { business, personal } => {
                let (first, second) =
                    (cached(business, settings, clock), cached(personal, settings, clock));
                let routed = Arc::new(RoutedStore::new(
                    stores_of(business, &first),
                    stores_of(personal, &second),
                    routes(settings),
                    routes(settings),
                ));
                Self {
                    facts: routed.clone(),
                    resources: routed.clone(),
                    history: routed.clone(),
                    outbox: routed,
                    homes: Homes::Separate {
                        business: lanes_of(business),
                        personal: lanes_of(personal),
                    },
                    watched,
                    cache: Box::new(
                        move || json!({ "business": first.stats(), "personal": second.stats() }),
                    ),
                }
            }
        }
    }
}

fn lanes_of(home: &OpenHome) -> HomeLanes {
    HomeLanes { home: Arc::clone(&home.money), lanes: home.lanes }
}

fn stores_of(home: &OpenHome, cached: &Arc<CachedStore>) -> HomeStores {
    HomeStores {
        facts: cached.clone(),
        resources: cached.clone(),
        history: Arc::clone(&home.history),
        outbox: Arc::clone(&home.outbox),
    }
}

/// Facts and resources of a home behind the cache that the settings ask for. Nobody waits for a
/// server longer than a lane may be busy with a batch.
fn cached(home: &OpenHome, settings: &Settings, clock: &Arc<dyn Clock>) -> Arc<CachedStore> {
    let facts: Arc<dyn FactsStore> = match home.prepare {
        None => Arc::clone(&home.facts),
        Some(_) => {
            let budget = Duration::from_millis(settings.lane.stall_ms);
            Arc::new(GuardedFacts::new(Arc::clone(&home.facts), budget))
        }
    };
    let resources = Arc::clone(&home.resources);
    Arc::new(CachedStore::new(facts, resources, cache(settings, clock)))
}

fn cache(settings: &Settings, clock: &Arc<dyn Clock>) -> Arc<dyn FactsCache> {
    let seconds = Duration::from_secs;
    let cache = &settings.cache;
    match cache.kind {
        CacheKind::Off => Arc::new(NoCache),
        CacheKind::Memory => {
            let limits = MemoryLimits {
                entries_max: cache.entries_max,
                user_ttl: seconds(cache.user_ttl_s),
                card_ttl: seconds(cache.card_ttl_s),
                limits_ttl: seconds(cache.limits_ttl_s),
            };
            Arc::new(MemoryCache::new(limits, Arc::clone(clock)))
        }
    }
}

fn routes(settings: &Settings) -> Arc<dyn Routes> {
    // Both names of each object: our id and the platform's token.
    Arc::new(MemoryRoutes::new(settings.cache.entries_max.saturating_mul(2)))
}
