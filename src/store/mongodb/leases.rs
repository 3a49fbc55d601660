//! Who relays which shard: one document, changed only where nobody else has changed it meanwhile.

use std::time::Duration;

use mongodb::bson::{DateTime, Document, doc};
use mongodb::options::ReadConcern;
use serde::Deserialize;

use super::MongoStore;
use super::error::{refused, translate};
use super::read::within;
use crate::domain::time::Timestamp;
use crate::store::shards::LeaseTable;
use crate::store::{StoreError, StoreFuture};

/// How often it is tried: relays ask every few seconds, so that two rarely meet.
const TRIES_MAX: u64 = 20;

/// `outbox_leases`, with the time at which it was read.
#[derive(Deserialize)]
struct Table {
    rev: i64,
    body: String,
    now: DateTime,
}

impl MongoStore {
    /// Changes the lease table, as of the server's time.
    pub(super) fn leases<T: Send + 'static>(
        &self,
        change: impl Fn(&mut LeaseTable, Timestamp) -> T + Send + 'static,
    ) -> StoreFuture<'_, T> {
        Box::pin(within(self.options.call, async move {
            for tries in 1..=TRIES_MAX {
                let found = self.table().await?;
                let now = found.now.timestamp_millis().saturating_mul(1_000);
                let now = Timestamp::from_micros(now).plus_micros(self.time_offset_us());
                let mut table = LeaseTable::read(&found.body);
                let done = change(&mut table, now);
                if self.keep(found.rev, &table).await? {
                    return Ok(done);
                }
                tokio::time::sleep(Duration::from_millis(tries)).await;
            }
            Err(StoreError::Conflict("the lease table changes all the time".into()))
        }))
    }

    /// The table. Where it is gone (someone has cleared the collection), an empty one is put there:
    /// relays that hold shards lose them, and events are published twice rather than never.
    async fn table(&self) -> Result<Table, StoreError> {
        if let Some(found) = self.find_table().await? {
            return Ok(found);
        }
        let leases = self.clients()?.rest.collection::<Document>("outbox_leases");
        let empty = doc! { "$setOnInsert": { "rev": 0_i64, "body": "" } };
        let put = leases.update_one(doc! { "_id": "shards" }, empty).upsert(true);
        put.await.map_err(translate)?;
        self.find_table().await?.ok_or_else(|| refused("there is no lease table"))
    }

    async fn find_table(&self) -> Result<Option<Table>, StoreError> {
        let pipeline = [
            doc! { "$match": { "_id": "shards" } },
            doc! { "$project": { "rev": 1, "body": 1, "now": "$$NOW" } },
        ];
        let leases = self.clients()?.rest.collection::<Document>("outbox_leases");
        // Local: the document is replaced only if it is still the one that was read.
        let asked = leases.aggregate(pipeline).read_concern(ReadConcern::local());
        let mut cursor = asked.with_type::<Table>().await.map_err(translate)?;
        if !cursor.advance().await.map_err(translate)? {
            return Ok(None);
        }
        cursor.deserialize_current().map(Some).map_err(translate)
    }

    async fn keep(&self, rev: i64, table: &LeaseTable) -> Result<bool, StoreError> {
        let leases = self.clients()?.rest.collection::<Document>("outbox_leases");
        let change = doc! { "$set": { "rev": rev.saturating_add(1), "body": table.written() } };
        let kept = leases.update_one(doc! { "_id": "shards", "rev": rev }, change).await;
        Ok(kept.map_err(translate)?.matched_count == 1)
    }
}
