//! The caches of this process: a memory for each home, and the level that all instances share where
//! the settings name a server.

use std::sync::Arc;
use std::time::Duration;

use secrecy::ExposeSecret;

use crate::cache::memory::{MemoryCache, MemoryLimits};
use crate::cache::off::NoCache;
use crate::cache::redis::{Lifetimes, RedisOptions, RedisServer};
use crate::cache::{FactsCache, MemoryRoutes, MemoryTransactions, Routes, TransactionsCache};
use crate::config::Settings;
use crate::config::cache::{Cache, CacheKind};
use crate::domain::clock::Clock;
use crate::domain::id::Home;
use crate::domain::time::Timestamp;
use crate::service::health::{Need, Watched};
use crate::store::{Probe, StoreError, StoreFuture};

use super::{AppError, trust};

const REDIS_URL: &str = "cache.redis.url";

/// What caches are made of.
pub(super) struct Caches {
    settings: Cache,
    clock: Arc<dyn Clock>,
    shared: Option<Arc<RedisServer>>,
    /// How long a lookup may wait for a store on a server.
    pub(super) lookup_budget: Duration,
}

impl Caches {
    /// A server that is down delays the start only a little; one that lets us not in ends it.
    pub(super) async fn open(
        settings: &Settings,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, AppError> {
        let cache = settings.cache.clone();
        let shared = match (&cache.redis.url, cache.kind) {
            (None, _) | (_, CacheKind::Off) => None,
            (Some(url), CacheKind::Memory) => {
                let ca_path = cache.redis.ca_path.as_deref();
                let options = RedisOptions {
                    url: url.expose_secret().to_owned(),
                    authority: trust::authority("cache.redis.ca_path", ca_path)?,
                    prefix: cache.redis.prefix.clone(),
                    connect: Duration::from_millis(cache.redis.connect_ms),
                    budget: Duration::from_millis(cache.redis.budget_ms),
                };
                let server = RedisServer::open(options, Arc::clone(clock)).map_err(|error| {
                    AppError::Url { setting: REDIS_URL, source: Box::new(error) }
                })?;
                let greeted = server.greet().await;
                greeted.map_err(|source| AppError::Cache { setting: REDIS_URL, source })?;
                Some(Arc::new(server))
            }
        };
        // What is left of the deadline is for the decision.
        let lookup_budget = Duration::from_millis(settings.jit.deadline_ms / 2);
        Ok(Self { settings: cache, clock: Arc::clone(clock), shared, lookup_budget })
    }

    /// The cache of one home. Policy versions of one home mean nothing in the other, so each has
    /// its own.
    pub(super) fn of(&self, home: Home) -> Arc<dyn FactsCache> {
        let seconds = Duration::from_secs;
        let Cache { user_ttl_s, card_ttl_s, limits_ttl_s, entries_max, .. } = self.settings;
        if self.settings.kind == CacheKind::Off {
            return Arc::new(NoCache);
        }
        let lifetimes = Lifetimes {
            user: seconds(user_ttl_s),
            card: seconds(card_ttl_s),
            limits: seconds(limits_ttl_s),
        };
        let most = self.memory_ttl_max();
        let memory = Arc::new(MemoryCache::new(
            MemoryLimits {
                entries_max,
                user_ttl: lifetimes.user.min(most),
                card_ttl: lifetimes.card.min(most),
                limits_ttl: lifetimes.limits.min(most),
            },
            Arc::clone(&self.clock),
        ));
        match &self.shared {
            None => memory,
            Some(server) => Arc::new(server.for_home(home, lifetimes, memory)),
        }
    }

    /// Processed transactions.
    pub(super) fn transactions(&self) -> Arc<dyn TransactionsCache> {
        let Cache { transaction_ttl_s, entries_max, .. } = self.settings;
        if self.settings.kind == CacheKind::Off {
            return Arc::new(NoCache);
        }
        let ttl = Duration::from_secs(transaction_ttl_s);
        let most = ttl.min(self.memory_ttl_max());
        let memory = MemoryTransactions::new(entries_max, most, Arc::clone(&self.clock));
        match &self.shared {
            None => Arc::new(memory),
            Some(server) => Arc::new(server.transactions(ttl, memory)),
        }
    }

    /// What the server has need not live long here.
    fn memory_ttl_max(&self) -> Duration {
        match self.shared {
            Some(_) => Duration::from_secs(self.settings.redis.memory_ttl_s),
            None => Duration::MAX,
        }
    }

    /// Where cards live.
    pub(super) fn card_routes(&self) -> Arc<dyn Routes> {
        // Both names of each card: our id and the platform's token.
        let entries_max = self.settings.entries_max.saturating_mul(2);
        match &self.shared {
            None => Arc::new(MemoryRoutes::new(entries_max)),
            Some(server) => Arc::new(server.routes(entries_max)),
        }
    }

    /// The server, for health checks.
    pub(super) fn watched(&self) -> Option<Watched> {
        let server = Arc::clone(self.shared.as_ref()?);
        Some(Watched { name: "redis", probe: Arc::new(SharedLevel(server)), need: Need::Help })
    }
}

/// Whether the shared level answers, as its own breaker sees it.
struct SharedLevel(Arc<RedisServer>);

impl Probe for SharedLevel {
    fn probe(&self) -> StoreFuture<'_, Option<Timestamp>> {
        let answer = if self.0.is_available() {
            Ok(None)
        } else {
            Err(StoreError::Unavailable("the cache's server does not answer".into()))
        };
        Box::pin(std::future::ready(answer))
    }
}
