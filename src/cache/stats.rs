//! How the cache has been doing: counts that cost nothing to take and are read when somebody asks.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

/// Counts how lookups of one kind were answered.
#[derive(Debug, Default)]
pub struct Tally {
    hits: AtomicU64,
    misses: AtomicU64,
}

impl Tally {
    /// Counts one lookup, and passes it on.
    pub fn count<T>(&self, found: Option<T>) -> Option<T> {
        let counter = if found.is_some() { &self.hits } else { &self.misses };
        counter.fetch_add(1, Ordering::Relaxed);
        found
    }

    /// The counts so far.
    pub fn read(&self) -> HitCounts {
        let hits = self.hits.load(Ordering::Relaxed);
        HitCounts { hits, misses: self.misses.load(Ordering::Relaxed) }
    }
}

/// How lookups of one kind were answered since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct HitCounts {
    /// From the cache.
    pub hits: u64,
    /// By the store, or by waiting for another's lookup of the same.
    pub misses: u64,
}

/// How the cache has been doing since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CacheStats {
    /// Users.
    pub users: HitCounts,
    /// Cards.
    pub cards: HitCounts,
    /// Limits and controls of cards.
    pub limits: HitCounts,
    /// Processed transactions, all of which are kept where the business is.
    pub transactions: HitCounts,
    /// Entries that are kept in memory.
    pub entries: u64,
    /// The level behind the memory; absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shared: Option<SharedStats>,
}

/// How the level behind the memory has been doing since the start. It is asked only for what the
/// memory lacks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SharedStats {
    /// Whether it is being asked at all: not while its breaker is open.
    pub available: bool,
    /// Whether changes made by other instances are known here.
    pub in_step: bool,
    /// Users.
    pub users: HitCounts,
    /// Cards.
    pub cards: HitCounts,
    /// Limits and controls of cards.
    pub limits: HitCounts,
    /// Processed transactions.
    pub transactions: HitCounts,
    /// Values that could not be read, and count as misses.
    pub unreadable: u64,
    /// Calls that failed or took too long. Of both homes.
    pub failed: u64,
    /// Calls that were not made because the breaker was open. Of both homes.
    pub skipped: u64,
    /// Times the breaker has opened. Of both homes.
    pub opened: u64,
    /// Entries that were written.
    pub filled: u64,
    /// Entries that were not, because what is there is newer or a change has made them old.
    pub refused: u64,
    /// Entries that were not, because too many others were being written.
    pub dropped: u64,
    /// Changes that other instances were told of.
    pub announced: u64,
    /// Changes that wait to be told.
    pub waiting: u64,
    /// Changes that other instances have told of, and this one's own.
    pub heard: u64,
    /// Times that changes had been missed, and all floors were read again.
    pub gaps: u64,
}
