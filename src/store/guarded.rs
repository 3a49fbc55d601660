//! A time budget and a circuit breaker around a store on a server: while it is down, nobody waits
//! for it longer than a lookup may take, and soon nobody waits at all.

use std::sync::Arc;
use std::time::Duration;

use recloser::{AsyncRecloser, Error, Recloser};
use tokio::sync::Semaphore;

use crate::domain::facts::{CardFacts, Facts, LimitFacts, UserFacts};
use crate::domain::token::Token;

use super::{FactsStore, StoreError, StoreFuture};

/// Of so many lookups in a row the breaker looks at how many failed.
const WATCHED: usize = 8;

/// So many lookups decide whether a store that was down is back.
const TRIED: usize = 2;

/// The share of failures at which nobody is let through any more.
const FAILURES_MAX: f32 = 0.5;

/// How long nobody is let through before it is tried again.
const OPEN: Duration = Duration::from_millis(500);

/// Lookups that may be under way at once: more than a store has connections for, so that none of those is idle.
const UNDER_WAY_MAX: usize = 64;

/// Facts of a store that may be down.
pub struct GuardedFacts {
    facts: Arc<dyn FactsStore>,
    breaker: AsyncRecloser,
    seats: Arc<Semaphore>,
    budget: Duration,
}

impl GuardedFacts {
    /// `budget` is how long one lookup may take.
    pub fn new(facts: Arc<dyn FactsStore>, budget: Duration) -> Self {
        let breaker = Recloser::custom()
            .error_rate(FAILURES_MAX)
            .closed_len(WATCHED)
            .half_open_len(TRIED)
            .open_wait(OPEN)
            .build();
        let seats = Arc::new(Semaphore::new(UNDER_WAY_MAX));
        Self { facts, breaker: AsyncRecloser::from(breaker), seats, budget }
    }

    /// A lookup that takes too long goes on without its caller: to stop a statement half-way costs
    /// its connection, and with it more than it saves. One that has not begun goes with its caller: a store that
    /// is slower than the other home's is asked for all that the other has answered already, and would
    /// have ever more to do.
    fn guard<'a, T: Send + 'static>(
        &'a self,
        lookup: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    ) -> StoreFuture<'a, T> {
        Box::pin(async move {
            let begun = async {
                let seat = Arc::clone(&self.seats).acquire_owned().await;
                let lookup = tokio::spawn(async move {
                    let found = lookup.await;
                    drop(seat);
                    found
                });
                lookup.await.map_err(|panic| StoreError::Failed(Box::new(panic)))?
            };
            let in_time = async {
                let late = |_| Err(StoreError::Unavailable("no answer in time".into()));
                tokio::time::timeout(self.budget, begun).await.unwrap_or_else(late)
            };
            self.breaker.call_with(is_outage as fn(&StoreError) -> bool, in_time).await.map_err(
                |error| match error {
                    Error::Inner(error) => error,
                    Error::Rejected => {
                        StoreError::Unavailable("it was down a moment ago (breaker open)".into())
                    }
                },
            )
        })
    }
}

/// Only what says that the store does not answer counts.
const fn is_outage(error: &StoreError) -> bool {
    matches!(error, StoreError::Unavailable(_))
}

impl FactsStore for GuardedFacts {
    fn user<'a>(&'a self, reference: &'a Token) -> StoreFuture<'a, Option<Arc<UserFacts>>> {
        let (facts, reference) = (Arc::clone(&self.facts), reference.clone());
        self.guard(async move { facts.user(&reference).await })
    }

    fn card<'a>(&'a self, reference: &'a Token) -> StoreFuture<'a, Option<Arc<CardFacts>>> {
        let (facts, reference) = (Arc::clone(&self.facts), reference.clone());
        self.guard(async move { facts.card(&reference).await })
    }

    fn limits<'a>(&'a self, card: &'a CardFacts) -> StoreFuture<'a, Arc<LimitFacts>> {
        let (facts, card) = (Arc::clone(&self.facts), card.clone());
        self.guard(async move { facts.limits(&card).await })
    }

    fn outdated(&self, facts: &Facts) {
        self.facts.outdated(facts);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

    use super::*;

    /// Knows nobody; hangs or fails on demand.
    #[derive(Default)]
    struct Patient {
        hangs: AtomicBool,
        down: AtomicBool,
        asked: AtomicU32,
    }

    impl FactsStore for Patient {
        fn user<'a>(&'a self, _reference: &'a Token) -> StoreFuture<'a, Option<Arc<UserFacts>>> {
            Box::pin(async {
                self.asked.fetch_add(1, Ordering::SeqCst);
                if self.hangs.load(Ordering::SeqCst) {
                    std::future::pending::<()>().await;
                }
                let down = self.down.load(Ordering::SeqCst);
                if down { Err(StoreError::Unavailable("down".into())) } else { Ok(None) }
            })
        }

        fn card<'a>(&'a self, _reference: &'a Token) -> StoreFuture<'a, Option<Arc<CardFacts>>> {
            Box::pin(async { Err(StoreError::Failed("a bad row".into())) })
        }

        fn limits<'a>(&'a self, _card: &'a CardFacts) -> StoreFuture<'a, Arc<LimitFacts>> {
            Box::pin(async { Ok(Arc::default()) })
        }
    }

    async fn ask(guarded: &GuardedFacts) -> bool {
        guarded.user(&"somebody".parse().unwrap()).await.is_ok()
    }

    #[tokio::test]
    async fn a_store_that_hangs_or_fails_is_soon_left_alone_and_tried_again_later() {
        for hangs in [true, false] {
            let patient = Arc::new(Patient::default());
            let guarded = GuardedFacts::new(patient.clone(), Duration::from_millis(5));
            assert!(ask(&guarded).await);
            patient.hangs.store(hangs, Ordering::SeqCst);
            patient.down.store(!hangs, Ordering::SeqCst);
            for _ in 0..100 {
                assert!(!ask(&guarded).await);
            }
            let asked = patient.asked.load(Ordering::SeqCst);
            assert!((4..20).contains(&asked), "let through {asked} times");
            patient.hangs.store(false, Ordering::SeqCst);
            patient.down.store(false, Ordering::SeqCst);
            // The breaker keeps its own time.
            std::thread::sleep(OPEN + Duration::from_millis(10));
            for _ in 0..5 {
                assert!(ask(&guarded).await);
            }
        }
    }

    #[tokio::test]
    async fn lookups_that_nobody_waits_for_any_more_do_not_pile_up() {
        let patient = Arc::new(Patient::default());
        patient.hangs.store(true, Ordering::SeqCst);
        let guarded = GuardedFacts::new(patient.clone(), Duration::from_secs(60));
        for _ in 0..10 {
            let asking = futures_util::future::join_all((0..UNDER_WAY_MAX).map(|_| ask(&guarded)));
            assert!(tokio::time::timeout(Duration::from_millis(5), asking).await.is_err());
        }
        let asked = usize::try_from(patient.asked.load(Ordering::SeqCst)).unwrap();
        assert_eq!(asked, UNDER_WAY_MAX);
    }

    #[tokio::test]
    async fn a_row_that_can_not_be_read_is_not_an_outage() {
        let guarded = GuardedFacts::new(Arc::new(Patient::default()), OPEN);
        let card: Token = "a-card".parse().unwrap();
        for _ in 0..100 {
            assert!(matches!(guarded.card(&card).await, Err(StoreError::Failed(_))));
        }
        assert!(ask(&guarded).await);
    }
}
