//! The thinner: explanations that are older than they are kept lose their checks and stage times, in small lots.
//! What was decided stays, and so does all that answers repeats or moves money.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::clock::Clock;
use crate::store::{Explanations, StoreError};

/// Between two rounds.
const THIN_EVERY: Duration = Duration::from_secs(60);

/// Decisions of one statement: few enough not to hold up purchases.
const DECISIONS_MAX: u32 = 500;

/// Between two statements: purchases wait for the same disk.
const PAUSE: Duration = Duration::from_millis(20);

/// Thins the homes of a process.
pub struct Thinner {
    /// The explanations of each store, with the name of the store.
    pub homes: Vec<(&'static str, Arc<dyn Explanations>)>,
    /// Says how old they are.
    pub clock: Arc<dyn Clock>,
    /// How long they are kept.
    pub retention: Duration,
}

impl Thinner {
    /// Thins again and again, for ever.
    pub async fn thin_for_ever(self) {
        loop {
            tokio::time::sleep(THIN_EVERY).await;
            for (home, explanations) in &self.homes {
                match self.thin(&**explanations).await {
                    Ok(0) => {}
                    Ok(decisions) => {
                        tracing::info!(home, decisions, "took the checks of old decisions away");
                    }
                    Err(error) => {
                        let error = &error as &dyn std::error::Error;
                        tracing::warn!(home, error, "could not take old checks away; trying again");
                    }
                }
            }
        }
    }

    /// Thins everything that is old in one store; says how many decisions.
    pub async fn thin(&self, explanations: &dyn Explanations) -> Result<u64, StoreError> {
        let retention_us = i64::try_from(self.retention.as_micros()).unwrap_or(i64::MAX);
        let before = self.clock.now().plus_micros(retention_us.saturating_neg());
        let mut thinned = 0;
        loop {
            let decisions = explanations.thin(before, DECISIONS_MAX).await?;
            thinned += decisions;
            if decisions < u64::from(DECISIONS_MAX) {
                return Ok(thinned);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use crate::domain::clock::tests::StillClock;
    use crate::domain::time::Timestamp;
    use crate::store::StoreFuture;

    use super::*;

    /// One decision per microsecond, from 0 up to this; those that were thinned.
    struct Made(i64, Mutex<i64>);

    impl Explanations for Made {
        fn thin(&self, before: Timestamp, decisions_max: u32) -> StoreFuture<'_, u64> {
            Box::pin(async move {
                let mut thinned = self.1.lock().unwrap();
                let old = before.as_micros().clamp(*thinned, self.0) - *thinned;
                let lot = old.min(i64::from(decisions_max));
                *thinned += lot;
                Ok(lot.unsigned_abs())
            })
        }
    }

    #[tokio::test]
    async fn everything_old_is_thinned_in_lots_and_nothing_young() {
        let made = Made(5_000, Mutex::new(0));
        let retention = Duration::from_micros(500);
        let thinner = Thinner { homes: vec![], clock: Arc::new(StillClock::at(4_500)), retention };
        assert_eq!(thinner.thin(&made).await.unwrap(), 4_000);
        assert_eq!(thinner.thin(&made).await.unwrap(), 0);
    }
}
