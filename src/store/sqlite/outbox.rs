//! The outbox: counted, and dropped from the front.

use super::SqliteStore;
use super::error::translate;
use super::query::{ask, one};
use crate::domain::time::Timestamp;
use crate::store::{Outbox, StoreFuture};

const MEASURE: &str = include_str!("sql/outbox_measure.sql");
const DROP: &str = include_str!("sql/outbox_drop.sql");

impl Outbox for SqliteStore {
    fn depth(&self) -> StoreFuture<'_, u64> {
        Box::pin(
            async move { Ok(one(&mut *self.reader().await?, ask(MEASURE)).await?.unwrap_or(0)) },
        )
    }

    fn drop_before(&self, before: Timestamp, rows_max: u32) -> StoreFuture<'_, u64> {
        Box::pin(self.jobs.write(move |connection| {
            Box::pin(async move {
                let query = sqlx::query(DROP).bind(before.as_micros()).bind(rows_max);
                let done = query.execute(connection).await.map_err(translate)?;
                Ok(done.rows_affected())
            })
        }))
    }
}
