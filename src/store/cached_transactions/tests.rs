//! Read-through over a scripted store: rows that come late, and outages.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::cache::tests::transaction;
use crate::cache::{HitCounts, MemoryTransactions};
use crate::domain::clock::tests::StillClock;

use super::*;

/// A store that can be down.
#[derive(Default)]
struct Scripted {
    rows: Mutex<Vec<Transaction>>,
    down: AtomicBool,
    reads: AtomicU64,
}

impl Transactions for Scripted {
    fn record(&self, rows: Vec<Transaction>) -> StoreFuture<'_, Vec<TransactionId>> {
        let ids = rows.iter().map(|row| row.id).collect();
        self.rows.lock().unwrap().extend(rows);
        Box::pin(std::future::ready(Ok(ids)))
    }

    fn transaction(&self, id: TransactionId) -> StoreFuture<'_, Option<Transaction>> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        let found = self.rows.lock().unwrap().iter().find(|row| row.id == id).cloned();
        let down = self.down.load(Ordering::SeqCst);
        let answer = if down { Err(StoreError::Unavailable("down".into())) } else { Ok(found) };
        Box::pin(async move {
            tokio::task::yield_now().await;
            answer
        })
    }

    fn transactions(&self, _query: TransactionQuery) -> StoreFuture<'_, Vec<Transaction>> {
        Box::pin(std::future::ready(Ok(self.rows.lock().unwrap().clone())))
    }
}

fn cached() -> (Arc<Scripted>, CachedTransactions) {
    let store = Arc::new(Scripted::default());
    let memory = MemoryTransactions::new(10, Duration::from_secs(60), Arc::<StillClock>::default());
    (Arc::clone(&store), CachedTransactions::new(store, Arc::new(memory)))
}

#[tokio::test]
async fn a_row_is_read_once_and_then_found_though_the_store_is_down() {
    let (store, cached) = cached();
    let row = (*transaction(1)).clone();
    assert_eq!(cached.record(vec![row.clone()]).await.unwrap(), [row.id]);
    for _ in 0..3 {
        assert_eq!(cached.transaction(row.id).await.unwrap(), Some(row.clone()));
        store.down.store(true, Ordering::SeqCst);
    }
    assert_eq!(store.reads.load(Ordering::SeqCst), 1);
    let stats = cached.beside(CacheStats::default());
    assert_eq!(stats.transactions, HitCounts { hits: 2, misses: 1 });
    assert_eq!((stats.entries, stats.shared), (1, None));
}

#[tokio::test]
async fn one_that_is_not_processed_yet_is_seen_once_it_is() {
    let (_store, cached) = cached();
    let row = (*transaction(1)).clone();
    assert_eq!(cached.transaction(row.id).await.unwrap(), None);
    cached.record(vec![row.clone()]).await.unwrap();
    assert_eq!(cached.transaction(row.id).await.unwrap(), Some(row));
}

#[tokio::test]
async fn an_outage_is_told_and_not_kept() {
    let (store, cached) = cached();
    let row = (*transaction(1)).clone();
    cached.record(vec![row.clone()]).await.unwrap();
    store.down.store(true, Ordering::SeqCst);
    assert!(matches!(cached.transaction(row.id).await, Err(StoreError::Unavailable(_))));
    store.down.store(false, Ordering::SeqCst);
    assert_eq!(cached.transaction(row.id).await.unwrap(), Some(row));
}

#[tokio::test]
async fn a_hundred_readers_of_a_row_cost_one_read() {
    let (store, cached) = cached();
    let row = (*transaction(1)).clone();
    cached.record(vec![row.clone()]).await.unwrap();
    let readers = (0..100).map(|_| cached.transaction(row.id));
    for found in futures_util::future::join_all(readers).await {
        assert_eq!(found.unwrap().as_ref(), Some(&row));
    }
    assert_eq!(store.reads.load(Ordering::SeqCst), 1);
}
