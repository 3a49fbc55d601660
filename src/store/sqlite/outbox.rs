//! The outbox: counted, relayed by shard, and dropped from the front.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;
use sqlx::sqlite::SqliteConnection;
use uuid::Uuid;

use super::SqliteStore;
use super::error::{translate, unreadable};
use super::query::{affected, ask, decode, many, one};
use crate::domain::event::Event;
use crate::domain::id::EventId;
use crate::domain::time::Timestamp;
use crate::store::outbox::{OutboxShards, Place, Sifted, Unreadable, Waiting};
use crate::store::shards::{LeaseTable, Shards, shard};
use crate::store::{Outbox, StoreError, StoreFuture};

const MEASURE: &str = include_str!("sql/outbox_measure.sql");
const FIRST: &str = include_str!("sql/outbox_first.sql");
const DROP: &str = include_str!("sql/outbox_drop.sql");
const OLDEST: &str = include_str!("sql/outbox_oldest.sql");
const SIFT: &str = include_str!("sql/outbox_sift.sql");
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

/// The same as it is stored, whatever that is: texts as their bytes.
#[derive(sqlx::FromRow)]
struct StoredRow {
    shard: u8,
    seq: i64,
    id: Vec<u8>,
    kind: Vec<u8>,
    version: i64,
    key: Vec<u8>,
    at: i64,
    payload: Vec<u8>,
}

impl StoredRow {
    fn place(&self) -> Place {
        Place { shard: self.shard, order: self.seq, number: 0 }
    }

    fn read(&self) -> Result<Waiting, StoreError> {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).map_err(unreadable);
        let event = Event {
            id: decode(&serde_json::json!(text(&self.id)?).to_string())?,
            kind: text(&self.kind)?,
            version: u16::try_from(self.version).map_err(unreadable)?,
            key: text(&self.key)?,
            at: Timestamp::from_micros(self.at),
            payload: RawValue::from_string(text(&self.payload)?).map_err(unreadable)?,
        };
        Ok(Waiting { place: self.place(), event })
    }

    fn sift_into(&self, sifted: &mut Sifted) {
        match self.read() {
            Ok(waiting) => sifted.waiting.push(waiting),
            Err(error) => sifted.unreadable.push(Unreadable {
                place: self.place(),
                id: String::from_utf8_lossy(&self.id).into_owned(),
                row: self.stored(),
                error: error.cause(),
            }),
        }
    }

    fn stored(&self) -> String {
        let text = |bytes| String::from_utf8_lossy(bytes);
        serde_json::json!({
            "id": text(&self.id), "kind": text(&self.kind), "version": self.version, "at": self.at,
            "key": text(&self.key), "payload": text(&self.payload),
        })
        .to_string()
    }
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

    fn sift(&self, shards: RangeInclusive<u8>, rows_max: u32) -> StoreFuture<'_, Sifted> {
        Box::pin(async move {
            let asked = sqlx::query_as(SIFT);
            let asked = asked.bind(*shards.start()).bind(*shards.end()).bind(rows_max);
            let rows: Vec<StoredRow> =
                asked.fetch_all(&mut *self.reader().await?).await.map_err(translate)?;
            let mut sifted = Sifted::default();
            rows.iter().for_each(|row| row.sift_into(&mut sifted));
            Ok(sifted)
        })
    }

    fn remove(&self, published: Vec<Waiting>) -> StoreFuture<'_, ()> {
        self.discard(published.iter().map(|row| row.place).collect())
    }

    fn discard(&self, places: Vec<Place>) -> StoreFuture<'_, ()> {
        let numbers: Vec<String> = places.iter().map(|place| place.order.to_string()).collect();
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
