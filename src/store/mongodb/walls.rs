//! Walls: a document before the first event of each shard but the lowest, and one behind the last shard.
//! They are never taken away.
//!
//! The server keeps what was removed for a while, for those who read an earlier moment, and passes it by
//! one by one. Whoever has read, or removed, the last event of a shard looks at what comes next: without
//! a wall, all that was lately removed from the next one. Removing an event cost up to three times as
//! much.

use mongodb::Database;
use mongodb::bson::{Document, doc};

use super::connect::durable;
use super::error::{in_reply, translate, unreadable};
use super::outbox::front;
use crate::store::StoreError;
use crate::store::shards::SHARDS;

/// How many there are.
pub(super) const COUNT: u64 = SHARDS as u64;

/// What is no wall.
pub(super) fn none() -> Document {
    doc! { "wall": { "$exists": false } }
}

/// What is no wall and within these bounds.
pub(super) fn none_between(bounds: Document) -> Document {
    let mut filter = none();
    filter.insert("_id", bounds);
    filter
}

/// Puts up those that are not there.
pub(super) async fn build(database: &Database) -> Result<(), StoreError> {
    let walls: Vec<Document> =
        (1..=SHARDS).map(|shard| doc! { "_id": front(shard), "wall": true }).collect();
    let concern = mongodb::bson::serialize_to_bson(&durable()).map_err(unreadable)?;
    let command = doc! {
        "insert": "outbox", "documents": walls, "ordered": false, "writeConcern": concern,
    };
    let reply = database.run_command(command).await.map_err(translate)?;
    let failures = reply.get_array("writeErrors").map(Vec::as_slice).unwrap_or_default();
    let failures = failures.iter().filter_map(|failure| failure.as_document()).map(in_reply);
    let mut others = failures.filter(|failure| !matches!(failure, StoreError::Taken(_)));
    others.next().map_or(Ok(()), Err)
}
