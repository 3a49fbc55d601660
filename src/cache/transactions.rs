//! Reported transactions once they are processed. Such a row is written once and never again, whatever
//! is retried, so what is kept is never old: there is no version to compare, and nothing to announce.

use std::sync::Arc;
use std::time::Duration;

use quick_cache::sync::Cache;

use crate::domain::clock::Clock;
use crate::domain::id::TransactionId;
use crate::domain::time::Monotonic;
use crate::domain::transaction::Transaction;

use super::jitter::Jittered;
use super::{CacheFuture, CacheStats};

/// Transactions that are kept in memory at most: each may have 4 KiB of metadata.
const ENTRIES_MAX: u64 = 5_000;

/// Keeps transactions by their ids. One that is not there is asked of the store; an unknown one is not
/// kept, since it may be processed at any time.
pub trait TransactionsCache: Send + Sync {
    /// One that the memory has.
    fn known(&self, id: TransactionId) -> Option<Arc<Transaction>>;

    /// One that the memory lacks and the shared level has; the memory has it from now on.
    fn recall(&self, _id: TransactionId) -> CacheFuture<'_, Option<Arc<Transaction>>> {
        Box::pin(std::future::ready(None))
    }

    /// Keeps one that was read from the store.
    fn keep(&self, transaction: &Arc<Transaction>);

    /// Adds how it has been doing to the figures of its home.
    fn add_to(&self, stats: &mut CacheStats);
}

/// Transactions in the memory of this process. What has outlived its time is not served, and goes when
/// its room is needed.
pub struct MemoryTransactions {
    entries: Cache<TransactionId, Slot>,
    lifetime: Jittered,
    clock: Arc<dyn Clock>,
}

/// A kept transaction, and until when it is.
#[derive(Clone)]
struct Slot {
    transaction: Arc<Transaction>,
    until: Monotonic,
}

impl MemoryTransactions {
    /// Keeps at most so many, and never more than a few thousand, each for `ttl`, give or take a tenth.
    pub fn new(entries_max: u64, ttl: Duration, clock: Arc<dyn Clock>) -> Self {
        let entries_max = usize::try_from(entries_max.min(ENTRIES_MAX)).unwrap_or(usize::MAX);
        Self { entries: Cache::new(entries_max), lifetime: Jittered::new(ttl), clock }
    }
}

impl TransactionsCache for MemoryTransactions {
    fn known(&self, id: TransactionId) -> Option<Arc<Transaction>> {
        let slot = self.entries.get(&id)?;
        (self.clock.monotonic() < slot.until).then_some(slot.transaction)
    }

    fn keep(&self, transaction: &Arc<Transaction>) {
        let lifetime_us = u64::try_from(self.lifetime.draw().as_micros()).unwrap_or(u64::MAX);
        let until = self.clock.monotonic().plus_micros(lifetime_us);
        let slot = Slot { transaction: Arc::clone(transaction), until };
        self.entries.insert(transaction.id, slot);
    }

    fn add_to(&self, stats: &mut CacheStats) {
        stats.entries += self.entries.len() as u64;
    }
}

#[cfg(test)]
mod tests {
    use crate::cache::off::NoCache;
    use crate::cache::tests::transaction;
    use crate::domain::clock::tests::StillClock;

    use super::*;

    fn memory(entries_max: u64, ttl: Duration) -> MemoryTransactions {
        MemoryTransactions::new(entries_max, ttl, Arc::<StillClock>::default())
    }

    #[tokio::test]
    async fn one_that_is_kept_is_found_and_others_are_not() {
        let (cache, kept) = (memory(10, Duration::from_secs(60)), transaction(1));
        assert_eq!(cache.known(kept.id), None);
        cache.keep(&kept);
        assert_eq!(cache.known(kept.id), Some(Arc::clone(&kept)));
        assert_eq!(cache.known(transaction(2).id), None);
        assert_eq!(cache.recall(kept.id).await, None, "there is no other level");
        let mut stats = CacheStats { entries: 7, ..CacheStats::default() };
        cache.add_to(&mut stats);
        assert_eq!(stats, CacheStats { entries: 8, ..CacheStats::default() });
    }

    #[test]
    fn one_that_has_outlived_its_time_is_not_served() {
        let (cache, kept) = (memory(10, Duration::ZERO), transaction(1));
        cache.keep(&kept);
        assert_eq!(cache.known(kept.id), None);
    }

    #[test]
    fn no_more_are_kept_than_there_is_room_for() {
        let kept_of = |entries_max, count| {
            let cache = memory(entries_max, Duration::from_secs(60));
            (0..count).for_each(|number| cache.keep(&transaction(number)));
            let mut stats = CacheStats::default();
            cache.add_to(&mut stats);
            stats.entries
        };
        assert!((1..=10).contains(&kept_of(10, 1_000)));
        let most = kept_of(1_000_000, 8_000);
        // Each of the cache's parts rounds its share up.
        assert!((1..=ENTRIES_MAX * 11 / 10).contains(&most), "{most}");
    }

    #[test]
    fn without_a_cache_none_is_kept() {
        let kept = transaction(1);
        NoCache.keep(&kept);
        assert_eq!(NoCache.known(kept.id), None);
    }
}
