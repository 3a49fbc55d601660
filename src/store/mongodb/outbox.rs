//! The outbox: events in the order in which each account's were committed, by share.
//!
//! Their key is 29 bytes: the share, the order, a number within the batch, the event's id. The order is
//! the time of the batch in microseconds, or one more than the last that any of the batch's accounts
//! has been given: it is drawn after the accounts are claimed, so it grows whatever the clock does.

use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{Binary, Bson, Document, doc};
use serde::Serialize;

use super::MongoStore;
use super::error::translate;
use super::narrow::bytes;
use super::read::within;
use crate::domain::event::Event;
use crate::domain::time::Timestamp;
use crate::store::{Outbox, StoreError, StoreFuture};

/// Into how many shares the outbox is dealt, by key: several relays then keep each key's order.
const SHARDS: u32 = 16;

/// How far the order of an event may lie ahead of its time, where a clock was set back.
const AHEAD_MAX_US: i64 = 1_000_000;

/// `outbox`.
#[derive(Serialize)]
pub(super) struct EventRow<'a> {
    #[serde(rename = "_id")]
    position: Binary,
    kind: &'a str,
    version: i32,
    key: &'a str,
    at: Timestamp,
    payload: &'a str,
}

/// An event's document: the `number`th of a batch with this order.
pub(super) fn event(event: &Event, order: i64, number: u32) -> EventRow<'_> {
    let id = bytes(&event.id).unwrap_or_default();
    EventRow {
        position: position(shard(&event.key), order, number, id),
        kind: &event.kind,
        version: i32::from(event.version),
        key: &event.key,
        at: event.at,
        payload: event.payload.get(),
    }
}

fn position(shard: u8, order: i64, number: u32, id: [u8; 16]) -> Binary {
    let mut bytes = Vec::with_capacity(29);
    bytes.push(shard);
    bytes.extend(order.max(0).to_be_bytes());
    bytes.extend(number.to_be_bytes());
    bytes.extend(id);
    Binary { subtype: BinarySubtype::Generic, bytes }
}

/// The same for a key on every machine and in every release.
fn shard(key: &str) -> u8 {
    let fnv = key
        .bytes()
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    (fnv % SHARDS) as u8
}

impl Outbox for MongoStore {
    /// By the collection's own count, which costs nothing. After the server has crashed it may be a
    /// little off for a while.
    fn depth(&self) -> StoreFuture<'_, u64> {
        Box::pin(async move {
            let outbox = self.clients()?.rest.collection::<Document>("outbox");
            within(self.options.call, async {
                outbox.estimated_document_count().await.map_err(translate)
            })
            .await
        })
    }

    fn drop_before(&self, before: Timestamp, rows_max: u32) -> StoreFuture<'_, u64> {
        Box::pin(async move {
            let mut dropped = 0;
            for shard in 0..SHARDS as u8 {
                let left = i64::from(rows_max).saturating_sub_unsigned(dropped);
                if left > 0 {
                    let call = self.drop_of_shard(shard, before, left);
                    dropped += within(self.options.call, call).await?;
                }
            }
            Ok(dropped)
        })
    }
}

impl MongoStore {
    async fn drop_of_shard(
        &self,
        shard: u8,
        before: Timestamp,
        rows_max: i64,
    ) -> Result<u64, StoreError> {
        let ahead = before.as_micros().saturating_add(AHEAD_MAX_US);
        let from = position(shard, 0, 0, [0; 16]);
        let to = position(shard, ahead, 0, [0; 16]);
        let front =
            doc! { "_id": { "$gte": from, "$lt": to }, "at": { "$lt": before.as_micros() } };
        let pipeline = vec![
            doc! { "$match": front },
            doc! { "$sort": { "_id": 1 } },
            doc! { "$limit": rows_max },
            doc! { "$project": { "_id": 1 } },
        ];
        let found: Vec<Document> = self.reader()?.rows("outbox", pipeline).await?;
        let keys: Vec<Bson> = found.into_iter().filter_map(|mut row| row.remove("_id")).collect();
        if keys.is_empty() {
            return Ok(0);
        }
        let outbox = self.clients()?.rest.collection::<Document>("outbox");
        let done = outbox.delete_many(doc! { "_id": { "$in": keys } }).await.map_err(translate)?;
        Ok(done.deleted_count)
    }
}
