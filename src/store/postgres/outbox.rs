//! The outbox: measured, and dropped from the front.

use super::PostgresStore;
use super::error::translate;
use crate::domain::time::Timestamp;
use crate::store::{Outbox, StoreFuture};

const MEASURE: &str = include_str!("sql/outbox_measure.sql");
const DROP: &str = include_str!("sql/outbox_drop.sql");

/// Up to how many rows are counted one by one.
const COUNTED_MAX: i64 = 100_000;

impl Outbox for PostgresStore {
    fn depth(&self) -> StoreFuture<'_, u64> {
        Box::pin(async move {
            let asked = sqlx::query_scalar(MEASURE).bind(COUNTED_MAX);
            let depth: i64 =
                asked.fetch_one(&mut *self.reader().await?).await.map_err(translate)?;
            Ok(u64::try_from(depth).unwrap_or(0))
        })
    }

    fn drop_before(&self, before: Timestamp, rows_max: u32) -> StoreFuture<'_, u64> {
        Box::pin(self.write(move |connection| {
            Box::pin(async move {
                let query = sqlx::query(DROP).bind(before.as_micros()).bind(i64::from(rows_max));
                let done = query.execute(connection).await.map_err(translate)?;
                Ok(done.rows_affected())
            })
        }))
    }
}
