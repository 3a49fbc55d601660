//! Explanations that are older than they are kept: their checks and stage times go. The view of the outbox reads
//! nothing of them, so that an event may still wait.

use super::PostgresStore;
use super::error::translate;
use crate::domain::time::Timestamp;
use crate::store::{Explanations, StoreFuture};

const THIN: &str = include_str!("sql/explanations_thin.sql");

impl Explanations for PostgresStore {
    fn thin(&self, before: Timestamp, decisions_max: u32) -> StoreFuture<'_, u64> {
        Box::pin(self.write_once(move |connection| {
            Box::pin(async move {
                let asked = sqlx::query_scalar(THIN)
                    .bind(before.as_micros())
                    .bind(i64::from(decisions_max));
                let thinned: i64 = asked.fetch_one(connection).await.map_err(translate)?;
                Ok(u64::try_from(thinned).unwrap_or_default())
            })
        }))
    }
}
