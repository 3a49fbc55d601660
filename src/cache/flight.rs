//! Single flight: of all callers that miss the same key at once, one asks the store.

use std::collections::HashMap;
use std::future::Future;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Mutex as AsyncMutex;

/// The lookups that are under way, by key.
pub struct Flights<K, V> {
    open: Mutex<HashMap<K, Arc<Flight<V>>>>,
}

/// One lookup. Whoever holds the lock is the one who asks; a caller that goes away lets go of it,
/// and the next in line asks instead.
type Flight<V> = AsyncMutex<Landed<V>>;

enum Landed<V> {
    NotYet,
    With(Arc<V>),
    /// Nothing that can be shared: there is no such thing (yet), or the lookup failed.
    Empty,
}

impl<K, V> Default for Flights<K, V> {
    fn default() -> Self {
        Self { open: Mutex::default() }
    }
}

impl<K: Clone + Eq + Hash, V> Flights<K, V> {
    /// Runs `load`, or waits for another caller's and takes its value if `admits` agrees. Only
    /// values are shared: an unknown key or an error is every caller's own.
    pub async fn join<E>(
        &self,
        key: &K,
        admits: impl Fn(&V) -> bool,
        load: impl Future<Output = Result<Option<Arc<V>>, E>>,
    ) -> Result<Option<Arc<V>>, E> {
        let boarded = Boarded { flights: self, key, flight: self.board(key) };
        let mut landed = boarded.flight.lock().await;
        match &*landed {
            Landed::With(value) if admits(value) => return Ok(Some(Arc::clone(value))),
            Landed::With(_) | Landed::Empty => {
                drop(landed);
                return load.await;
            }
            Landed::NotYet => {}
        }
        let loaded = load.await;
        *landed = match &loaded {
            Ok(Some(value)) => Landed::With(Arc::clone(value)),
            Ok(None) | Err(_) => Landed::Empty,
        };
        self.close(key, &boarded.flight);
        drop(landed);
        loaded
    }

    fn board(&self, key: &K) -> Arc<Flight<V>> {
        let mut open = self.lock();
        let fresh = || Arc::new(Flight::new(Landed::NotYet));
        Arc::clone(open.entry(key.clone()).or_insert_with(fresh))
    }

    fn close(&self, key: &K, flight: &Arc<Flight<V>>) {
        let mut open = self.lock();
        if open.get(key).is_some_and(|current| Arc::ptr_eq(current, flight)) {
            open.remove(key);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, Arc<Flight<V>>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A caller's seat. The last one to leave a flight that has not landed closes it.
struct Boarded<'a, K: Clone + Eq + Hash, V> {
    flights: &'a Flights<K, V>,
    key: &'a K,
    flight: Arc<Flight<V>>,
}

impl<K: Clone + Eq + Hash, V> Drop for Boarded<'_, K, V> {
    fn drop(&mut self) {
        let mut open = self.flights.lock();
        let current = open.get(self.key).is_some_and(|open| Arc::ptr_eq(open, &self.flight));
        // One for the map, one for this seat: boarding needs the lock that is held here.
        if current && Arc::strong_count(&self.flight) == 2 {
            open.remove(self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    use super::*;

    async fn slow(loads: &AtomicU32, value: Option<u32>) -> Result<Option<Arc<u32>>, ()> {
        loads.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(20)).await;
        Ok(value.map(Arc::new))
    }

    #[tokio::test]
    async fn a_thousand_misses_cost_one_read() {
        let (flights, loads) = (Flights::<u8, u32>::default(), AtomicU32::new(0));
        let callers = (0..1000).map(|_| flights.join(&1, |_| true, slow(&loads, Some(7))));
        for found in futures_util::future::join_all(callers).await {
            assert_eq!(found.unwrap().as_deref(), Some(&7));
        }
        assert_eq!(loads.load(Ordering::SeqCst), 1);
        assert!(flights.lock().is_empty(), "nothing is left behind");
    }

    #[tokio::test]
    async fn what_is_unknown_or_too_old_is_asked_for_again() {
        let (flights, loads) = (Flights::<u8, u32>::default(), AtomicU32::new(0));
        let unknown = (0..3).map(|_| flights.join(&1, |_| true, slow(&loads, None)));
        for found in futures_util::future::join_all(unknown).await {
            assert_eq!(found, Ok(None));
        }
        assert_eq!(loads.swap(0, Ordering::SeqCst), 3);
        let refused = (0..3).map(|_| flights.join(&1, |_| false, slow(&loads, Some(1))));
        futures_util::future::join_all(refused).await;
        assert_eq!(loads.load(Ordering::SeqCst), 3);
    }

    #[tokio::test]
    async fn when_the_asker_goes_away_the_next_one_asks() {
        let (flights, loads) =
            (Arc::new(Flights::<u8, u32>::default()), Arc::new(AtomicU32::new(0)));
        let caller = || {
            let (flights, loads) = (Arc::clone(&flights), Arc::clone(&loads));
            tokio::spawn(async move { flights.join(&1, |_| true, slow(&loads, Some(7))).await })
        };
        let first = caller();
        tokio::task::yield_now().await;
        let others: Vec<_> = (0..10).map(|_| caller()).collect();
        tokio::time::sleep(Duration::from_millis(5)).await;
        first.abort();
        for other in others {
            assert_eq!(other.await.unwrap().unwrap().as_deref(), Some(&7));
        }
        assert_eq!(loads.load(Ordering::SeqCst), 2);
        let alone = caller();
        tokio::task::yield_now().await;
        alone.abort();
        let _ = alone.await;
        assert!(flights.lock().is_empty(), "an abandoned flight is closed");
    }
}
