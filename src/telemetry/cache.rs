//! What the caches record: lookups, changes of policy, and how the shared cache is doing.

use std::time::Duration;

use metrics::{Gauge, Histogram, Unit};

use crate::domain::id::Home;

use super::metrics::{Metric, exporter, forget, metric, set};

/// Cache lookups, by `level` (memory, shared), `kind` and `result` (hit, miss).
pub const LOOKUPS: Metric = metric(
    "tollgate_cache_lookups_total",
    Unit::Count,
    "Lookups by level of the cache, kind of what is looked up, and result",
);
/// Entries in memory.
pub const ENTRIES: Metric =
    metric("tollgate_cache_entries", Unit::Count, "Entries that the memory level keeps");
/// Fills of the shared cache, by `result`: kept, refused, dropped.
pub const FILLS: Metric =
    metric("tollgate_cache_fills_total", Unit::Count, "Entries written to the shared cache");
/// Changes of policy, by `way`: announced, heard.
pub const CHANGES: Metric = metric(
    "tollgate_cache_changes_total",
    Unit::Count,
    "Changes of policy that instances told each other of",
);
/// Changes that wait to be announced.
pub const CHANGES_WAITING: Metric = metric(
    "tollgate_cache_changes_waiting",
    Unit::Count,
    "Changes of policy that could not be announced yet",
);
/// Times that changes had been missed.
pub const GAPS: Metric = metric(
    "tollgate_cache_gaps_total",
    Unit::Count,
    "Times that announced changes had been missed and all were read again",
);
/// Values of the shared cache that could not be read.
pub const UNREADABLE: Metric = metric(
    "tollgate_cache_unreadable_total",
    Unit::Count,
    "Values of the shared cache that could not be read and counted as misses",
);
/// Calls to the shared cache that did not answer, by `why`: failed, skipped.
pub const REDIS_UNANSWERED: Metric = metric(
    "tollgate_redis_unanswered_total",
    Unit::Count,
    "Calls to the shared cache that failed or were too late, or were not made (breaker open)",
);
/// Times the breaker has opened.
pub const REDIS_OPENED: Metric = metric(
    "tollgate_redis_breaker_opened_total",
    Unit::Count,
    "Times that the shared cache was given up for a while",
);
/// 1 while the shared cache is being asked.
pub const REDIS_AVAILABLE: Metric = metric(
    "tollgate_redis_available",
    Unit::Count,
    "1 while the shared cache is asked, 0 while its breaker is open",
);
/// Memory that the shared cache uses.
pub const REDIS_MEMORY: Metric = metric(
    "tollgate_redis_memory_bytes",
    Unit::Bytes,
    "Memory that the shared cache's server uses",
);
/// How long calls to the shared cache take.
pub const REDIS_CALL_SECONDS: Metric = metric(
    "tollgate_redis_call_seconds",
    Unit::Seconds,
    "Duration of calls to the shared cache, those without an answer included",
);

/// What the connection to the shared cache records. The handles are looked up once.
pub struct RedisMetrics {
    call_seconds: Histogram,
    available: Gauge,
}

impl Default for RedisMetrics {
    fn default() -> Self {
        Self::new()
    }
}

impl RedisMetrics {
    /// Handles of this process's exporter.
    pub fn new() -> Self {
        exporter();
        let available = metrics::gauge!(REDIS_AVAILABLE.name);
        available.set(1.0);
        Self { call_seconds: metrics::histogram!(REDIS_CALL_SECONDS.name), available }
    }

    /// One call took so long.
    pub fn took_us(&self, us: u64) {
        self.call_seconds.record(Duration::from_micros(us));
    }

    /// The server uses so much memory.
    pub fn uses_bytes(&self, bytes: u64) {
        set(REDIS_MEMORY, &[], bytes as f64);
    }

    /// It does not say any more how much.
    pub fn forget_bytes(&self) {
        forget(REDIS_MEMORY, &[]);
    }

    /// The shared cache was not reached at the start.
    pub fn unreached(&self, error: &dyn std::error::Error) {
        let why = error.to_string().replace('\n', " ");
        tracing::warn!(
            server = "redis",
            setting = "cache.redis.url",
            why,
            "could not reach the shared cache; trying again"
        );
    }

    /// The shared cache does not answer, and is not asked any more.
    pub fn breaker_opened(&self) {
        self.available.set(0.0);
        tracing::warn!("the shared cache does not answer: going on without it");
    }

    /// The shared cache answers again.
    pub fn breaker_closed(&self) {
        self.available.set(1.0);
        tracing::info!("the shared cache answers again");
    }

    /// Announcements of other instances had been missed.
    pub fn missed_changes(home: Home) {
        tracing::info!(home = home.as_str(), "missed changes of policy and read all of them again");
    }
}
