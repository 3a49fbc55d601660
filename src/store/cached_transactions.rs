//! Read-through for processed transactions, by their ids.
//!
//! A row is inserted once. A worker that processes a record again (its lease had run out, or the record
//! was parked although its row is there, and was put back) leaves the row as it is, and nothing else
//! writes it: the role of the service may only add to the table. So a row that was read needs no
//! version and is never made old. What does grow is the log of attempts, which is kept elsewhere, and
//! read each time. Whether the caller may see the row is for whoever asks, wherever it came from.

use std::sync::Arc;

use crate::cache::{CacheStats, Flights, Tally, TransactionsCache};
use crate::domain::id::TransactionId;
use crate::domain::transaction::Transaction;

use super::ingest::{TransactionQuery, Transactions};
use super::{StoreError, StoreFuture};

/// A store of transactions behind a cache.
pub struct CachedTransactions {
    store: Arc<dyn Transactions>,
    cache: Arc<dyn TransactionsCache>,
    under_way: Flights<TransactionId, Transaction>,
    tally: Tally,
}

impl CachedTransactions {
    /// Puts the cache before the store.
    pub fn new(store: Arc<dyn Transactions>, cache: Arc<dyn TransactionsCache>) -> Self {
        Self { store, cache, under_way: Flights::default(), tally: Tally::default() }
    }

    /// Adds how the cache has been doing to the figures of its home.
    pub fn beside(&self, mut stats: CacheStats) -> CacheStats {
        stats.transactions = self.tally.read();
        self.cache.add_to(&mut stats);
        stats
    }

    async fn find(&self, id: TransactionId) -> Result<Option<Arc<Transaction>>, StoreError> {
        if let Some(hit) = self.tally.count(self.cache.known(id)) {
            return Ok(Some(hit));
        }
        let load = async {
            if let Some(kept) = self.cache.recall(id).await {
                return Ok(Some(kept));
            }
            let found = self.store.transaction(id).await?.map(Arc::new);
            found.iter().for_each(|found| self.cache.keep(found));
            Ok(found)
        };
        self.under_way.join(&id, |_| true, load).await
    }
}

impl Transactions for CachedTransactions {
    fn record(&self, rows: Vec<Transaction>) -> StoreFuture<'_, Vec<TransactionId>> {
        self.store.record(rows)
    }

    fn transaction(&self, id: TransactionId) -> StoreFuture<'_, Option<Transaction>> {
        Box::pin(async move { Ok(self.find(id).await?.map(Arc::unwrap_or_clone)) })
    }

    fn transactions(&self, query: TransactionQuery) -> StoreFuture<'_, Vec<Transaction>> {
        self.store.transactions(query)
    }
}

#[cfg(test)]
mod tests;
