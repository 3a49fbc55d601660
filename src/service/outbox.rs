//! The sweeper: for deployments that relay no events at all, and say so. Events are dropped there after
//! their retention, so that they do not fill the store. Wherever a relay is at work none is dropped.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::clock::Clock;
use crate::store::{Outbox, StoreError};
use crate::telemetry::outbox;

/// Between two rounds.
const SWEEP_EVERY: Duration = Duration::from_secs(60);

/// Rows of one statement: few enough not to hold up purchases.
const ROWS_MAX: u32 = 1_000;

/// Sweeps once a minute, for ever.
pub async fn sweep_for_ever(outbox: Arc<dyn Outbox>, clock: Arc<dyn Clock>, retention: Duration) {
    loop {
        tokio::time::sleep(SWEEP_EVERY).await;
        match sweep(&*outbox, &*clock, retention).await {
            Ok(0) => {}
            Ok(rows) => {
                tracing::error!(rows, "dropped events that nobody relays: they are lost");
            }
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "could not drop old events; trying again in a minute");
            }
        }
    }
}

/// Drops everything that is older than `retention`; says how many rows that were.
pub async fn sweep(
    outbox: &dyn Outbox,
    clock: &dyn Clock,
    retention: Duration,
) -> Result<u64, StoreError> {
    let retention_us = i64::try_from(retention.as_micros()).unwrap_or(i64::MAX);
    let before = clock.now().plus_micros(retention_us.saturating_neg());
    let mut dropped = 0;
    loop {
        let rows = outbox.drop_before(before, ROWS_MAX).await?;
        outbox::dropped(rows);
        dropped += rows;
        if rows < u64::from(ROWS_MAX) {
            return Ok(dropped);
        }
        // Purchases wait for the same writer: let them go first.
        tokio::task::yield_now().await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use crate::domain::clock::tests::StillClock;
    use crate::domain::time::Timestamp;
    use crate::store::StoreFuture;

    use super::*;

    /// One row per microsecond, from 0 up to its length.
    struct Rows(Mutex<Vec<i64>>);

    impl Outbox for Rows {
        fn depth(&self) -> StoreFuture<'_, u64> {
            Box::pin(async { Ok(self.0.lock().unwrap().len() as u64) })
        }

        fn oldest_at(&self) -> StoreFuture<'_, Option<Timestamp>> {
            Box::pin(async {
                let first = self.0.lock().unwrap().first().copied();
                Ok(first.map(Timestamp::from_micros))
            })
        }

        fn drop_before(&self, before: Timestamp, rows_max: u32) -> StoreFuture<'_, u64> {
            Box::pin(async move {
                let mut rows = self.0.lock().unwrap();
                let old = rows.iter().filter(|at| **at < before.as_micros()).count();
                let drop = old.min(rows_max as usize);
                rows.drain(..drop);
                Ok(drop as u64)
            })
        }
    }

    #[tokio::test]
    async fn everything_old_goes_in_chunks_and_nothing_young() {
        let rows = Rows(Mutex::new((0..5_000).collect()));
        let clock = StillClock::at(4_500);
        let dropped = sweep(&rows, &clock, Duration::from_micros(500)).await.unwrap();
        assert_eq!((dropped, rows.0.lock().unwrap()[0]), (4_000, 4_000));
        assert_eq!(sweep(&rows, &clock, Duration::from_micros(500)).await.unwrap(), 0);
    }
}
