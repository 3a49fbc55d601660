//! The outbox: counted, relayed by shard, and dropped from the front.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;
use sqlx::sqlite::SqliteConnection;
use uuid::Uuid;

use super::SqliteStore;
use super::error::translate;
use super::query::{affected, ask, many, one};
use crate::domain::event::Event;
use crate::domain::id::EventId;
use crate::domain::time::Timestamp;
use crate::store::outbox::{OutboxShards, Place, Waiting};
use crate::store::shards::{LeaseTable, Shards, shard};
use crate::store::{Outbox, StoreError, StoreFuture};

const MEASURE: &str = include_str!("sql/outbox_measure.sql");
const FIRST: &str = include_str!("sql/outbox_first.sql");
const DROP: &str = include_str!("sql/outbox_drop.sql");
const OLDEST: &str = include_str!("sql/outbox_oldest.sql");
const REMOVE: &str = include_str!("sql/outbox_remove.sql");
const TELL: &str = include_str!("sql/outbox_tell.sql");
const LEASES_FIND: &str = include_str!("sql/outbox_leases_find.sql");
const LEASES_KEEP: &str = include_str!("sql/outbox_leases_keep.sql");

/// Up to how many rows are counted one by one.
const COUNTED_MAX: u32 = 10_000;

impl Outbox for SqliteStore {
    fn depth(&self) -> StoreFuture<'_, u64> {
        Box::pin(async move {
            let asked = ask(MEASURE).bind(COUNTED_MAX);
            Ok(one(&mut *self.reader().await?, asked).await?.unwrap_or(0))
        })
    }

    fn oldest_at(&self) -> StoreFuture<'_, Option<Timestamp>> {
        Box::pin(async move { one(&mut *self.reader().await?, ask(FIRST)).await })
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

/// `outbox`.
#[derive(Deserialize)]
struct EventRow(u8, i64, EventId, String, u16, String, Timestamp, Box<RawValue>);

fn waiting(row: EventRow) -> Waiting {
    let EventRow(shard, order, id, kind, version, key, at, payload) = row;
    let event = Event { id, kind, version, key, at, payload };
    Waiting { place: Place { shard, order, number: 0 }, event }
}

impl OutboxShards for SqliteStore {
    fn lease(&self, relay: Uuid, lasting: Duration) -> StoreFuture<'_, Shards> {
        let lasting_us = i64::try_from(lasting.as_micros()).unwrap_or(i64::MAX);
        self.leases(move |table, now| table.lease(relay, now, now.plus_micros(lasting_us)))
    }

    fn release(&self, relay: Uuid) -> StoreFuture<'_, ()> {
        self.leases(move |table, _| table.release(relay))
    }

    fn oldest(&self, shards: RangeInclusive<u8>, rows_max: u32) -> StoreFuture<'_, Vec<Waiting>> {
        Box::pin(async move {
            let asked = ask(OLDEST).bind(*shards.start()).bind(*shards.end()).bind(rows_max);
            let rows = many(&mut *self.reader().await?, asked).await?;
            Ok(rows.into_iter().map(waiting).collect())
        })
    }

    fn remove(&self, published: Vec<Waiting>) -> StoreFuture<'_, ()> {
        let numbers: Vec<String> =
            published.iter().map(|row| row.place.order.to_string()).collect();
        let numbers = format!("[{}]", numbers.join(","));
        Box::pin(self.jobs.write(move |connection| {
            Box::pin(async move {
                affected(connection, sqlx::query(REMOVE).bind(numbers)).await.map(drop)
            })
        }))
    }
}

impl SqliteStore {
    /// Changes the lease table. There is one writer, so nobody else does meanwhile.
    fn leases<T: Send + 'static>(
        &self,
        change: impl FnOnce(&mut LeaseTable, Timestamp) -> T + Send + 'static,
    ) -> StoreFuture<'_, T> {
        let clock = Arc::clone(&self.clock);
        Box::pin(self.jobs.write(move |connection| {
            Box::pin(async move {
                let found: Option<String> = one(connection, ask(LEASES_FIND)).await?;
                let mut table = LeaseTable::read(&found.unwrap_or_default());
                let done = change(&mut table, clock.now());
                let keeping = sqlx::query(LEASES_KEEP).bind(table.written());
                affected(connection, keeping).await?;
                Ok(done)
            })
        }))
    }
}

/// Tells an event in the transaction of what it tells of.
pub(super) async fn tell(
    connection: &mut SqliteConnection,
    event: &Event,
) -> Result<(), StoreError> {
    let telling = sqlx::query(TELL)
        .bind(event.id.to_string())
        .bind(event.kind.clone())
        .bind(event.version)
        .bind(event.key.clone())
        .bind(shard(&event.key))
        .bind(event.at.as_micros())
        .bind(event.payload.get().to_owned());
    affected(connection, telling).await.map(drop)
}
