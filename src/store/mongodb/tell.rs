//! Events of people and cards, told in the transaction of the change, at the server's time.

use mongodb::bson::{DateTime, Document, doc};
use serde::Deserialize;

use super::error::unreadable;
use super::outbox;
use super::transaction::Tx;
use super::{MongoStore, read::Reader};
use crate::domain::event::Event;
use crate::domain::time::Timestamp;
use crate::store::StoreError;

#[derive(Deserialize)]
struct Now {
    now: DateTime,
}

/// One document that is always there, and the time.
fn asked() -> Vec<Document> {
    let now = doc! { "$project": { "_id": 0, "now": "$$NOW" } };
    vec![doc! { "$match": { "_id": "program" } }, now]
}

/// The server's time, to the millisecond.
pub(super) async fn now(reader: &mut Reader<'_>) -> Result<Timestamp, StoreError> {
    let found: Option<Now> = reader.row("policy_versions", asked()).await?;
    let found = found.ok_or_else(|| unreadable("the program has no policy version"))?;
    Ok(Timestamp::from_micros(found.now.timestamp_millis().saturating_mul(1_000)))
}

/// Tells an event of an object, in this order among the object's own.
pub(super) async fn tell(tx: &mut Tx, event: &Event, order: i64) -> Result<(), StoreError> {
    tx.insert("outbox", &[outbox::event(event, order, 0)]).await
}

impl MongoStore {
    /// The server's time, as this store is told to see it.
    pub(super) async fn server_time(&self) -> Result<Timestamp, StoreError> {
        Ok(now(&mut self.reader()?).await?.plus_micros(self.time_offset_us()))
    }
}
