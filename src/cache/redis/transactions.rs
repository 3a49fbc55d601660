//! Processed transactions in both levels: the memory answers, the server is asked for what it lacks.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::cache::jitter::Jittered;
use crate::cache::{CacheFuture, CacheStats, MemoryTransactions, Tally, TransactionsCache};
use crate::domain::id::{Home, TransactionId};
use crate::domain::transaction::Transaction;

use super::Watch;
use super::codec::{decode, encode};
use super::fills::Fills;
use super::keys::Keys;
use super::link::Link;
use super::scripts::Fill;

/// Transactions in both levels.
pub struct RedisTransactions {
    memory: MemoryTransactions,
    link: Arc<Link>,
    fills: Fills,
    keys: Keys,
    lifetime: Jittered,
    tally: Tally,
    unreadable: AtomicU64,
    _watch: Arc<Watch>,
}

/// All transactions are kept where the business is, whoever's card it was.
const WRITTEN_FOR: Home = Home::Business;

/// They never change, so all fills are of the same version, and each replaces whatever is there.
const VERSION: i64 = 0;

impl RedisTransactions {
    pub(super) fn new(
        (link, watch): (Arc<Link>, Arc<Watch>),
        fills: Fills,
        keys: Keys,
        ttl: Duration,
        memory: MemoryTransactions,
    ) -> Self {
        Self {
            memory,
            link,
            fills,
            keys,
            lifetime: Jittered::new(ttl),
            tally: Tally::default(),
            unreadable: AtomicU64::new(0),
            _watch: watch,
        }
    }

    async fn fetch(&self, id: TransactionId) -> Option<Arc<Transaction>> {
        let key = self.keys.transaction(id);
        let value = self.link.get(&key).await?;
        let read = |value: Vec<u8>| decode(WRITTEN_FOR, &key, &value).facts(&self.unreadable);
        let found = self.tally.count(value.and_then(read))?;
        let found = Arc::new(found);
        self.memory.keep(&found);
        Some(found)
    }
}

impl TransactionsCache for RedisTransactions {
    fn known(&self, id: TransactionId) -> Option<Arc<Transaction>> {
        self.memory.known(id)
    }

    fn recall(&self, id: TransactionId) -> CacheFuture<'_, Option<Arc<Transaction>>> {
        Box::pin(self.fetch(id))
    }

    fn keep(&self, transaction: &Arc<Transaction>) {
        self.memory.keep(transaction);
        if !self.link.is_available() {
            return;
        }
        let key = self.keys.transaction(transaction.id);
        let value = encode(WRITTEN_FOR, &key, &[], &**transaction);
        let ttl_ms = u64::try_from(self.lifetime.draw().as_millis()).unwrap_or(u64::MAX).max(1);
        let (entries, stamps) = (vec![(key, value)], Vec::new());
        self.fills.fill(Fill { entries, version: VERSION, stamps, ttl_ms });
    }

    fn add_to(&self, stats: &mut CacheStats) {
        self.memory.add_to(stats);
        let Some(shared) = &mut stats.shared else { return };
        let fills = &self.fills.counts;
        shared.transactions = self.tally.read();
        shared.unreadable += self.unreadable.load(Ordering::Relaxed);
        shared.filled += fills.filled.load(Ordering::Relaxed);
        shared.refused += fills.refused.load(Ordering::Relaxed);
        shared.dropped += fills.dropped.load(Ordering::Relaxed);
    }
}
