//! The stores of this process: what is selected by the settings, by what it is used for.

use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::cache::FactsCache;
use crate::cache::memory::{MemoryCache, MemoryLimits};
use crate::cache::off::NoCache;
use crate::config::Settings;
use crate::config::cache::CacheKind;
use crate::domain::clock::Clock;
use crate::pipeline::Homes;
use crate::store::cached::CachedStore;
use crate::store::sqlite::{SqliteOptions, SqliteStore};
use crate::store::{FactsStore, History, Outbox, Probe, ResourceStore, StoreError};

use super::AppError;

/// The embedded store's file in the data folder.
const SQLITE_FILE: &str = "tollgate.db";

/// The ports, each with its adapter.
pub(super) struct Stores {
    /// What it is called in reports.
    pub(super) name: &'static str,
    pub(super) facts: Arc<dyn FactsStore>,
    pub(super) resources: Arc<dyn ResourceStore>,
    pub(super) homes: Homes,
    pub(super) history: Arc<dyn History>,
    pub(super) outbox: Arc<dyn Outbox>,
    pub(super) probe: Arc<dyn Probe>,
    pub(super) close: Close,
}

/// Finishes what was asked of the stores, and closes them.
pub(super) struct Close(Box<dyn FnOnce() -> Closing + Send + Sync>);

type Closing = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Close {
    pub(super) async fn now(self) {
        (self.0)().await;
    }
}

impl Stores {
    /// Opens the stores of the settings: the embedded one, for everything.
    pub(super) async fn open(
        settings: &Settings,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, AppError> {
        let store = sqlite(&settings.data_dir, clock).await?;
        let close = Arc::clone(&store);
        Ok(Self {
            name: "sqlite",
            facts: store.clone(),
            resources: store.clone(),
            homes: Homes::Shared(store.clone()),
            history: store.clone(),
            outbox: store.clone(),
            probe: store,
            close: Close(Box::new(|| Box::pin(async move { close.close().await }))),
        })
    }

    /// Facts and resources behind the cache that the settings ask for.
    pub(super) fn behind_cache(
        &self,
        settings: &Settings,
        clock: &Arc<dyn Clock>,
    ) -> Arc<CachedStore> {
        let (facts, resources) = (Arc::clone(&self.facts), Arc::clone(&self.resources));
        Arc::new(CachedStore::new(facts, resources, cache(settings, clock)))
    }
}

/// The embedded store of a data folder; created if it is not there.
async fn sqlite(data_dir: &Path, clock: &Arc<dyn Clock>) -> Result<Arc<SqliteStore>, AppError> {
    let path = data_dir.join(SQLITE_FILE);
    let opened = SqliteStore::open(&path, Arc::clone(clock), SqliteOptions::default()).await;
    opened.map_err(|source| AppError::Store { path, source })
}

/// The embedded store of a data folder that a service has worked in.
pub(super) async fn existing(
    data_dir: &Path,
    clock: &Arc<dyn Clock>,
) -> Result<Arc<SqliteStore>, AppError> {
    let path = data_dir.join(SQLITE_FILE);
    if !path.is_file() {
        let source = StoreError::Unavailable("there is no such file".into());
        return Err(AppError::Store { path, source });
    }
    sqlite(data_dir, clock).await
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
