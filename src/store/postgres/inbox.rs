//! The inbox: attempts of messages that came again.

use super::PostgresStore;
use super::error::translate;
use crate::domain::time::Timestamp;
use crate::store::{Inbox, StoreFuture};

const GET: &str = include_str!("sql/inbox_get.sql");
const BEGIN: &str = include_str!("sql/inbox_begin.sql");
const UNDO: &str = include_str!("sql/inbox_undo.sql");
const END: &str = include_str!("sql/inbox_end.sql");
const DROP: &str = include_str!("sql/inbox_drop.sql");

impl Inbox for PostgresStore {
    fn begun(&self, queue: &'static str, message: String) -> StoreFuture<'_, u32> {
        Box::pin(async move {
            let query = sqlx::query_scalar(GET).bind(queue).bind(message);
            let attempts: Option<i64> =
                query.fetch_optional(&mut self.reader().await?).await.map_err(translate)?;
            Ok(u32::try_from(attempts.unwrap_or(0)).unwrap_or(u32::MAX))
        })
    }

    fn begin(
        &self,
        queue: &'static str,
        message: String,
        attempt: u32,
        now: Timestamp,
    ) -> StoreFuture<'_, u32> {
        Box::pin(self.write(move |connection| {
            Box::pin(async move {
                let query = sqlx::query_scalar(BEGIN).bind(queue).bind(message);
                let query = query.bind(i64::from(attempt)).bind(now.as_micros());
                let attempts: i64 = query.fetch_one(connection).await.map_err(translate)?;
                Ok(u32::try_from(attempts).unwrap_or(u32::MAX))
            })
        }))
    }

    fn undo(&self, queue: &'static str, message: String, attempt: u32) -> StoreFuture<'_, ()> {
        Box::pin(self.write(move |connection| {
            Box::pin(async move {
                let query = sqlx::query(UNDO).bind(queue).bind(message).bind(i64::from(attempt));
                query.execute(connection).await.map(drop).map_err(translate)
            })
        }))
    }

    fn end(&self, queue: &'static str, message: String) -> StoreFuture<'_, ()> {
        Box::pin(self.write(move |connection| {
            Box::pin(async move {
                let query = sqlx::query(END).bind(queue).bind(message);
                query.execute(connection).await.map(drop).map_err(translate)
            })
        }))
    }

    fn drop_before(&self, before: Timestamp) -> StoreFuture<'_, u64> {
        Box::pin(self.write(move |connection| {
            Box::pin(async move {
                let query = sqlx::query(DROP).bind(before.as_micros());
                Ok(query.execute(connection).await.map_err(translate)?.rows_affected())
            })
        }))
    }
}
