//! Marks of work that is done once a day.

use super::SqliteStore;
use super::error::translate;
use crate::domain::time::Timestamp;
use crate::store::StoreFuture;
use crate::store::daily_runs::{DailyRun, DailyRuns};

const CLAIM: &str = include_str!("sql/daily_run_claim.sql");
const RELEASE: &str = include_str!("sql/daily_run_release.sql");
const FINISH: &str = include_str!("sql/daily_run_finish.sql");
const LAST: &str = include_str!("sql/daily_run_last.sql");

impl DailyRuns for SqliteStore {
    fn now(&self) -> StoreFuture<'_, Timestamp> {
        Box::pin(std::future::ready(Ok(self.clock.now())))
    }

    fn claim(&self, run: DailyRun, now: Timestamp, until: Timestamp) -> StoreFuture<'_, bool> {
        Box::pin(self.jobs.write(move |connection| {
            Box::pin(async move {
                let runner = run.runner.to_string();
                let query = sqlx::query(CLAIM).bind(run.name).bind(run.day).bind(runner);
                let query = query.bind(now.as_micros()).bind(until.as_micros());
                let done = query.execute(connection).await.map_err(translate)?;
                Ok(done.rows_affected() > 0)
            })
        }))
    }

    fn release(&self, run: DailyRun) -> StoreFuture<'_, ()> {
        Box::pin(self.jobs.write(move |connection| {
            Box::pin(async move {
                let query =
                    sqlx::query(RELEASE).bind(run.name).bind(run.day).bind(run.runner.to_string());
                query.execute(connection).await.map(drop).map_err(translate)
            })
        }))
    }

    fn finish(&self, run: DailyRun, now: Timestamp) -> StoreFuture<'_, ()> {
        Box::pin(self.jobs.write(move |connection| {
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
                query.fetch_optional(&mut *self.reader().await?).await.map_err(translate)?;
            Ok(done_at.map(Timestamp::from_micros))
        })
    }
}
