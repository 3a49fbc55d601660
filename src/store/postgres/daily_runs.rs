//! Marks of work that is done once a day.

use std::sync::atomic::Ordering;

use super::PostgresStore;
use super::error::translate;
use super::outbox::now;
use crate::domain::time::Timestamp;
use crate::store::StoreFuture;
use crate::store::daily_runs::{DailyRun, DailyRuns};

const CLAIM: &str = include_str!("sql/daily_run_claim.sql");
const RELEASE: &str = include_str!("sql/daily_run_release.sql");
const FINISH: &str = include_str!("sql/daily_run_finish.sql");
const LAST: &str = include_str!("sql/daily_run_last.sql");

impl DailyRuns for PostgresStore {
    fn now(&self) -> StoreFuture<'_, Timestamp> {
        Box::pin(async move {
            let offset_us = self.options.clock_offset_us.load(Ordering::SeqCst);
            Ok(now(&mut self.reader().await?).await?.plus_micros(offset_us))
        })
    }

    fn claim(&self, run: DailyRun, now: Timestamp, until: Timestamp) -> StoreFuture<'_, bool> {
        Box::pin(self.write(move |connection| {
            Box::pin(async move {
                let query = sqlx::query(CLAIM).bind(run.name).bind(run.day).bind(run.runner);
                let query = query.bind(now.as_micros()).bind(until.as_micros());
                let done = query.execute(connection).await.map_err(translate)?;
                Ok(done.rows_affected() > 0)
            })
        }))
    }

    fn release(&self, run: DailyRun) -> StoreFuture<'_, ()> {
        Box::pin(self.write(move |connection| {
            Box::pin(async move {
                let query = sqlx::query(RELEASE).bind(run.name).bind(run.day).bind(run.runner);
                query.execute(connection).await.map(drop).map_err(translate)
            })
        }))
    }

    fn finish(&self, run: DailyRun, now: Timestamp) -> StoreFuture<'_, ()> {
        Box::pin(self.write(move |connection| {
            Box::pin(async move {
                let query = sqlx::query(FINISH).bind(run.name).bind(run.day).bind(now.as_micros());
                query.execute(connection).await.map(drop).map_err(translate)
            })
        }))
    }

    fn last(&self, name: &'static str) -> StoreFuture<'_, Option<Timestamp>> {
        Box::pin(async move {
            let query = sqlx::query_scalar(LAST).bind(name);
            let done_at: Option<i64> =
                query.fetch_optional(&mut self.reader().await?).await.map_err(translate)?;
            Ok(done_at.map(Timestamp::from_micros))
        })
    }
}
