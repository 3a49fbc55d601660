//! The outbox: measured, relayed by shard, and dropped from the front.

use std::ops::RangeInclusive;
use std::time::Duration;

use sqlx::postgres::PgConnection;
use sqlx::{Executor, Postgres};
use uuid::Uuid;

use super::PostgresStore;
use super::error::translate;
use super::events::EventRow;
use super::parties::affected;
use crate::domain::event::Event;
use crate::domain::time::Timestamp;
use crate::store::outbox::{OutboxShards, Place, Sifted, Waiting};
use crate::store::shards::{LeaseTable, Shards, shard};
use crate::store::{Outbox, StoreError, StoreFuture};

const MEASURE: &str = include_str!("sql/outbox_measure.sql");
const FIRST: &str = include_str!("sql/outbox_first.sql");
const DROP: &str = include_str!("sql/outbox_drop.sql");
const OLDEST: &str = include_str!("sql/outbox_oldest.sql");
const REMOVE: &str = include_str!("sql/outbox_remove.sql");
const LEASES_LOCK: &str = include_str!("sql/outbox_leases_lock.sql");
const LEASES_KEEP: &str = include_str!("sql/outbox_leases_keep.sql");
const TELL: &str = include_str!("sql/outbox_tell.sql");
const NOW: &str = include_str!("sql/time_find.sql");

/// Up to how many rows are counted one by one.
const COUNTED_MAX: i64 = 100_000;

/// What is removed has been published: losing that to a crash only publishes it again.
const NOT_FLUSHED: &str = "set local synchronous_commit to off";

impl Outbox for PostgresStore {
    fn depth(&self) -> StoreFuture<'_, u64> {
        Box::pin(async move {
            let asked = sqlx::query_scalar(MEASURE).bind(COUNTED_MAX);
            let depth: i64 = asked.fetch_one(&mut self.reader().await?).await.map_err(translate)?;
            Ok(u64::try_from(depth).unwrap_or(0))
        })
    }

    fn oldest_at(&self) -> StoreFuture<'_, Option<Timestamp>> {
        Box::pin(async move {
            let asked = sqlx::query_scalar(FIRST);
            let first: Option<i64> =
                asked.fetch_one(&mut self.reader().await?).await.map_err(translate)?;
            Ok(first.map(Timestamp::from_micros))
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

impl OutboxShards for PostgresStore {
    fn lease(&self, relay: Uuid, lasting: Duration) -> StoreFuture<'_, Shards> {
        let lasting_us = i64::try_from(lasting.as_micros()).unwrap_or(i64::MAX);
        self.leases(move |table, now| table.lease(relay, now, now.plus_micros(lasting_us)))
    }

    fn release(&self, relay: Uuid) -> StoreFuture<'_, ()> {
        self.leases(move |table, _| table.release(relay))
    }

    fn oldest(&self, shards: RangeInclusive<u8>, rows_max: u32) -> StoreFuture<'_, Vec<Waiting>> {
        Box::pin(async move {
            let rows = self.front(shards, rows_max).await?;
            rows.into_iter().map(EventRow::waiting).collect()
        })
    }

    fn sift(&self, shards: RangeInclusive<u8>, rows_max: u32) -> StoreFuture<'_, Sifted> {
        Box::pin(async move {
            let mut sifted = Sifted::default();
            for row in self.front(shards, rows_max).await? {
                row.sift_into(&mut sifted)?;
            }
            Ok(sifted)
        })
    }

    fn remove(&self, published: Vec<Waiting>) -> StoreFuture<'_, ()> {
        self.discard(published.iter().map(|row| row.place).collect())
    }

    fn discard(&self, mut places: Vec<Place>) -> StoreFuture<'_, ()> {
        places.sort_unstable();
        let shards: Vec<i16> = places.iter().map(|place| i16::from(place.shard)).collect();
        let orders: Vec<i64> = places.iter().map(|place| place.order).collect();
        Box::pin(self.write(move |connection| {
            Box::pin(async move {
                sqlx::raw_sql(NOT_FLUSHED).execute(&mut *connection).await.map_err(translate)?;
                let removing = sqlx::query(REMOVE).bind(shards).bind(orders);
                removing.execute(connection).await.map(drop).map_err(translate)
            })
        }))
    }
}

impl PostgresStore {
    async fn front(
        &self,
        shards: RangeInclusive<u8>,
        rows_max: u32,
    ) -> Result<Vec<EventRow>, StoreError> {
        let asked = sqlx::query_as(OLDEST)
            .bind(i16::from(*shards.start()))
            .bind(i16::from(*shards.end()))
            .bind(i64::from(rows_max));
        asked.fetch_all(&mut self.reader().await?).await.map_err(translate)
    }

    /// Changes the lease table under its lock. The time is read once that is held.
    fn leases<T: Send + 'static>(
        &self,
        change: impl FnOnce(&mut LeaseTable, Timestamp) -> T + Send + 'static,
    ) -> StoreFuture<'_, T> {
        let offset_us = self.options.clock_offset_us.load(std::sync::atomic::Ordering::SeqCst);
        Box::pin(self.write(move |connection| {
            Box::pin(async move {
                sqlx::raw_sql(NOT_FLUSHED).execute(&mut *connection).await.map_err(translate)?;
                let locking = sqlx::query_scalar(LEASES_LOCK);
                let body: String = locking.fetch_one(&mut *connection).await.map_err(translate)?;
                let now = now(&mut *connection).await?.plus_micros(offset_us);
                let mut table = LeaseTable::read(&body);
                let done = change(&mut table, now);
                let keeping = sqlx::query(LEASES_KEEP).bind(table.written());
                keeping.execute(connection).await.map_err(translate)?;
                Ok(done)
            })
        }))
    }
}

/// Tells an event in the transaction of what it tells of.
pub(super) async fn tell(connection: &mut PgConnection, event: &Event) -> Result<(), StoreError> {
    let telling = sqlx::query(TELL)
        .bind(event.id.uuid())
        .bind(event.kind.as_str())
        .bind(i16::try_from(event.version).unwrap_or(i16::MAX))
        .bind(event.key.as_str())
        .bind(i16::from(shard(&event.key)))
        .bind(event.at.as_micros())
        .bind(event.payload.get());
    affected(connection, telling).await.map(drop)
}

/// The server's time.
pub(super) async fn now(
    connection: impl Executor<'_, Database = Postgres>,
) -> Result<Timestamp, StoreError> {
    let now: i64 = sqlx::query_scalar(NOW).fetch_one(connection).await.map_err(translate)?;
    Ok(Timestamp::from_micros(now))
}
