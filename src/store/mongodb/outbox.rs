//! The outbox: events in the order in which each account's were committed, by shard.
//!
//! Their key is 29 bytes: the shard, the order, a number within the batch, the event's id. The order is
//! the time of the batch in microseconds, or one more than the last that any of the batch's accounts
//! has been given: of two batches that share one, the later has read what the earlier wrote, so it
//! grows whatever the clock does.
//! Events of cards are ordered in the same way, each card's by its own last.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{Binary, Bson, Document, RawDocument, RawDocumentBuf, doc};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::MongoStore;
use super::error::{translate, unreadable};
use super::narrow::{bytes, of_bytes};
use super::read::{decode, within};
use super::walls;
use crate::domain::event::Event;
use crate::domain::id::EventId;
use crate::domain::time::Timestamp;
use crate::store::outbox::{OutboxShards, Place, Sifted, Unreadable, Waiting};
use crate::store::shards::{SHARDS, Shards, shard};
use crate::store::{Outbox, StoreError, StoreFuture};

/// How far the order of an event may lie ahead of its time, where a clock was set back.
const AHEAD_MAX_US: i64 = 1_000_000;

/// The bytes of a key: shard, order, number, id.
const POSITION_BYTES: usize = 29;

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

/// The same, read back.
#[derive(Deserialize)]
struct StoredRow {
    #[serde(rename = "_id")]
    position: Binary,
    kind: String,
    version: i32,
    key: String,
    at: Timestamp,
    payload: String,
}

/// The time of one event.
#[derive(Deserialize)]
struct At {
    at: Timestamp,
}

/// The order of what happens at this time to something whose last event has been given this order.
pub(super) fn after(last: i64, at: Timestamp) -> i64 {
    at.as_micros().max(last.saturating_add(1))
}

/// An event's document: the `number`th of a batch with this order.
pub(super) fn event(event: &Event, order: i64, number: u32) -> EventRow<'_> {
    EventRow {
        position: position(Place { shard: shard(&event.key), order, number }, id_of(event)),
        kind: &event.kind,
        version: i32::from(event.version),
        key: &event.key,
        at: event.at,
        payload: event.payload.get(),
    }
}

fn id_of(event: &Event) -> [u8; 16] {
    bytes(&event.id).unwrap_or_default()
}

fn position(place: Place, id: [u8; 16]) -> Binary {
    let mut bytes = Vec::with_capacity(POSITION_BYTES);
    bytes.push(place.shard);
    bytes.extend(place.order.max(0).to_be_bytes());
    bytes.extend(place.number.to_be_bytes());
    bytes.extend(id);
    Binary { subtype: BinarySubtype::Generic, bytes }
}

/// One of these keys, which are in order. In a collection that is kept by its key the server looks at
/// all there is for `$in` alone (6.0), and at what lies between for bounds.
fn among(keys: Vec<Binary>) -> Document {
    let (first, last) = (keys.first().cloned(), keys.last().cloned());
    doc! { "$in": keys, "$gte": first, "$lte": last }
}

/// Before everything of a shard.
pub(super) fn front(shard: u8) -> Binary {
    position(Place { shard, order: 0, number: 0 }, [0; 16])
}

/// What a key says: a place, and the bytes of an event's id.
fn placed(position: &[u8]) -> Result<(Place, [u8; 16]), StoreError> {
    let bytes: [u8; POSITION_BYTES] =
        position.try_into().map_err(|_| unreadable("not a place in the outbox"))?;
    let (shard, rest) = (bytes[0], &bytes[1..]);
    let order = i64::from_be_bytes(part(&rest[..8]));
    let number = u32::from_be_bytes(part(&rest[8..12]));
    Ok((Place { shard, order, number }, part(&rest[12..])))
}

/// Whether a row can be read or not. Of one that can not even its bytes will do: only its place is needed.
fn sift_into(sifted: &mut Sifted, stored: &RawDocument) -> Result<(), StoreError> {
    let bytes = stored.as_bytes();
    match decode(bytes).and_then(waiting) {
        Ok(row) => sifted.waiting.push(row),
        Err(error) => {
            let (place, id) = placed(stored.get_binary("_id").map_err(unreadable)?.bytes)?;
            let id = of_bytes::<EventId>(id).map_or_else(|| hex(&id), |id| id.to_string());
            let row = decode::<Document>(bytes).map_or_else(|_| hex(bytes), |row| row.to_string());
            sifted.unreadable.push(Unreadable { place, id, row, error: error.cause() });
        }
    }
    Ok(())
}

/// Bytes that are no text, as one.
fn hex(bytes: &[u8]) -> String {
    format!("{bytes:02x?}")
}

fn waiting(row: StoredRow) -> Result<Waiting, StoreError> {
    let (place, id) = placed(&row.position.bytes)?;
    let event = Event {
        id: of_bytes(id).ok_or_else(|| unreadable("not an event's id"))?,
        kind: row.kind,
        version: row.version.try_into().map_err(unreadable)?,
        key: row.key,
        at: row.at,
        payload: RawValue::from_string(row.payload).map_err(unreadable)?,
    };
    Ok(Waiting { place, event })
}

fn part<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes.try_into().expect("the parts of a position have their lengths")
}

impl Outbox for MongoStore {
    /// By the collection's own count, which costs nothing. After the server has crashed it may be a
    /// little off for a while.
    fn depth(&self) -> StoreFuture<'_, u64> {
        Box::pin(async move {
            let outbox = self.clients()?.rest.collection::<Document>("outbox");
            within(self.options.call, async {
                let all = outbox.estimated_document_count().await.map_err(translate)?;
                Ok(all.saturating_sub(walls::COUNT))
            })
            .await
        })
    }

    /// Each shard's front is asked for by itself: all of them are in the index, one after the other.
    fn oldest_at(&self) -> StoreFuture<'_, Option<Timestamp>> {
        Box::pin(within(self.options.call, async {
            let outbox = self.clients()?.rest.collection::<At>("outbox");
            let mut oldest: Option<Timestamp> = None;
            for shard in 0..SHARDS {
                let own =
                    walls::none_between(doc! { "$gte": front(shard), "$lt": front(shard + 1) });
                let first =
                    outbox.find_one(own).sort(doc! { "_id": 1 }).await.map_err(translate)?;
                oldest = oldest.into_iter().chain(first.map(|first| first.at)).min();
            }
            Ok(oldest)
        }))
    }

    fn drop_before(&self, before: Timestamp, rows_max: u32) -> StoreFuture<'_, u64> {
        Box::pin(async move {
            let mut dropped = 0;
            for shard in 0..SHARDS {
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
    /// Hands each of the oldest events of these shards on, in order.
    async fn each_of_front(
        &self,
        shards: RangeInclusive<u8>,
        rows_max: u32,
        mut read: impl FnMut(&RawDocument) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let (from, to) = (front(*shards.start()), front(shards.end().saturating_add(1)));
        let outbox = self.clients()?.rest.collection::<RawDocumentBuf>("outbox");
        let found = outbox
            .find(walls::none_between(doc! { "$gte": from, "$lt": to }))
            .sort(doc! { "_id": 1 })
            .limit(i64::from(rows_max))
            .batch_size(rows_max);
        let mut cursor = found.await.map_err(translate)?;
        while cursor.advance().await.map_err(translate)? {
            read(cursor.current())?;
        }
        Ok(())
    }

    async fn drop_of_shard(
        &self,
        shard: u8,
        before: Timestamp,
        rows_max: i64,
    ) -> Result<u64, StoreError> {
        let ahead = before.as_micros().saturating_add(AHEAD_MAX_US);
        let to = position(Place { shard, order: ahead, number: 0 }, [0; 16]);
        let old = doc! {
            "_id": { "$gte": front(shard), "$lt": to }, "at": { "$lt": before.as_micros() },
        };
        let pipeline = vec![
            doc! { "$match": old },
            doc! { "$sort": { "_id": 1 } },
            doc! { "$limit": rows_max },
            doc! { "$project": { "_id": 1 } },
        ];
        let found: Vec<Document> = self.reader()?.rows("outbox", pipeline).await?;
        let key = |mut row: Document| match row.remove("_id") {
            Some(Bson::Binary(key)) => Some(key),
            _ => None,
        };
        let keys: Vec<Binary> = found.into_iter().filter_map(key).collect();
        if keys.is_empty() {
            return Ok(0);
        }
        let outbox = self.clients()?.rest.collection::<Document>("outbox");
        let done = outbox.delete_many(doc! { "_id": among(keys) }).await.map_err(translate)?;
        Ok(done.deleted_count)
    }
}

impl OutboxShards for MongoStore {
    fn lease(&self, relay: Uuid, lasting: Duration) -> StoreFuture<'_, Shards> {
        let lasting_us = i64::try_from(lasting.as_micros()).unwrap_or(i64::MAX);
        self.leases(move |table, now| table.lease(relay, now, now.plus_micros(lasting_us)))
    }

    fn release(&self, relay: Uuid) -> StoreFuture<'_, ()> {
        self.leases(move |table, _| table.release(relay))
    }

    /// What a majority has: a removal that was acknowledged is seen, and so is every earlier event of
    /// whatever is seen of a key.
    fn oldest(&self, shards: RangeInclusive<u8>, rows_max: u32) -> StoreFuture<'_, Vec<Waiting>> {
        Box::pin(within(self.options.call, async move {
            let mut rows = Vec::new();
            let read = |stored: &RawDocument| {
                rows.push(waiting(decode(stored.as_bytes())?)?);
                Ok(())
            };
            self.each_of_front(shards, rows_max, read).await?;
            Ok(rows)
        }))
    }

    fn sift(&self, shards: RangeInclusive<u8>, rows_max: u32) -> StoreFuture<'_, Sifted> {
        Box::pin(within(self.options.call, async move {
            let mut sifted = Sifted::default();
            let read = |stored: &RawDocument| sift_into(&mut sifted, stored);
            self.each_of_front(shards, rows_max, read).await?;
            Ok(sifted)
        }))
    }

    /// Nothing else stands at a place, whatever the event's id.
    fn discard(&self, places: Vec<Place>) -> StoreFuture<'_, ()> {
        let at = |place: Place| {
            let (from, to) = (position(place, [0; 16]), position(place, [u8::MAX; 16]));
            doc! { "_id": { "$gte": from, "$lte": to } }
        };
        let each: Vec<Document> = places.into_iter().map(at).collect();
        Box::pin(within(self.options.call, async move {
            if each.is_empty() {
                return Ok(());
            }
            let outbox = self.clients()?.rest.collection::<Document>("outbox");
            outbox.delete_many(doc! { "$or": each }).await.map(drop).map_err(translate)
        }))
    }

    /// A statement for each shard, between whose first key and last hardly any lies that stays. In one
    /// transaction: by themselves the server writes each row's removal down, and commits it, alone.
    fn remove(&self, published: Vec<Waiting>) -> StoreFuture<'_, ()> {
        let mut of_shards: BTreeMap<u8, BTreeSet<Vec<u8>>> = BTreeMap::new();
        for row in &published {
            let key = position(row.place, id_of(&row.event));
            of_shards.entry(row.place.shard).or_default().insert(key.bytes);
        }
        let statement = |keys: BTreeSet<Vec<u8>>| {
            let key = |bytes| Binary { subtype: BinarySubtype::Generic, bytes };
            doc! { "q": { "_id": among(keys.into_iter().map(key).collect()) }, "limit": 0 }
        };
        let statements: Vec<Document> = of_shards.into_values().map(statement).collect();
        if statements.is_empty() {
            return Box::pin(std::future::ready(Ok(())));
        }
        let command = Arc::new(doc! { "delete": "outbox", "deletes": statements });
        self.write(move |tx| {
            let command = Arc::clone(&command);
            Box::pin(async move { tx.write(&*command).await.map(drop) })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_text_is_kept_by_its_bytes() {
        let told = Event {
            id: EventId::new(Uuid::from_u128(7)),
            kind: "card.issued".to_owned(),
            version: 1,
            key: "k".to_owned(),
            at: Timestamp::from_micros(5),
            payload: RawValue::from_string("{}".to_owned()).unwrap(),
        };
        let stored = mongodb::bson::serialize_to_raw_document_buf(&event(&told, 5, 3)).unwrap();
        let mut bytes = stored.as_bytes().to_vec();
        let kind = bytes.windows(4).position(|part| part == b"card").unwrap();
        bytes[kind] = 0xff;
        let mut sifted = Sifted::default();
        sift_into(&mut sifted, RawDocument::from_bytes(&bytes).unwrap()).unwrap();
        sift_into(&mut sifted, &stored).unwrap();
        let [unreadable] = &sifted.unreadable[..] else { panic!("{sifted:?}") };
        assert_eq!(unreadable.place, Place { shard: shard("k"), order: 5, number: 3 });
        assert_eq!(unreadable.id, told.id.to_string());
        assert!(unreadable.row.contains("ff, 61, 72, 64, 2e"), "{}", unreadable.row);
        assert_eq!(sifted.waiting[0].event.kind, told.kind, "its neighbour");
    }
}
