//! Explanations that are older than they are kept: their checks and stage times go.

use super::SqliteStore;
use super::query::{affected, ask, one};
use crate::domain::time::Timestamp;
use crate::store::{Explanations, StoreFuture};

const LAST: &str = include_str!("sql/explanations_last.sql");
const THIN: &str = include_str!("sql/explanations_thin.sql");
const MARK: &str = include_str!("sql/explanations_mark.sql");

impl Explanations for SqliteStore {
    fn thin(&self, before: Timestamp, decisions_max: u32) -> StoreFuture<'_, u64> {
        Box::pin(self.jobs.write(move |connection| {
            Box::pin(async move {
                let asked = ask(LAST).bind(before.as_micros()).bind(decisions_max);
                let last: Option<i64> = one(&mut *connection, asked).await?;
                let Some(last) = last else { return Ok(0) };
                let thinned = affected(&mut *connection, sqlx::query(THIN).bind(last)).await?;
                affected(connection, sqlx::query(MARK).bind(last)).await?;
                Ok(thinned)
            })
        }))
    }
}
