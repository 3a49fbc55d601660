//! The lock under which one instance at a time changes the schema: a document with a holder and a
//! time, so that an instance that was killed does not hold it for ever.

use std::time::Duration;

use mongodb::Database;
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{DateTime, Document, doc};
use mongodb::options::ReturnDocument;
use tokio::time::Instant;

use super::error::translate;
use crate::store::StoreError;

/// How long a lease lasts without being renewed, in milliseconds of the server's time.
const LEASE_MS: i64 = 10_000;

/// How long to wait for another instance: a lease, and a little more. And how often to look.
const WAIT_MAX: Duration = Duration::from_secs(15);
const PAUSE: Duration = Duration::from_millis(100);

/// The document's name.
const LOCK: &str = "lock";

/// A held lease.
pub(super) struct Lease<'a> {
    database: &'a Database,
    holder: ObjectId,
}

impl<'a> Lease<'a> {
    /// Waits for the lease.
    pub(super) async fn take(database: &'a Database) -> Result<Self, StoreError> {
        let holder = ObjectId::new();
        let until = Instant::now() + WAIT_MAX;
        let lease = Self { database, holder };
        loop {
            if lease.hold(doc! { "_id": LOCK }, true).await? {
                return Ok(lease);
            }
            if Instant::now() > until {
                let waited = "another instance is changing the schema";
                return Err(StoreError::Unavailable(waited.into()));
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Holds on to it.
    pub(super) async fn renew(&mut self) -> Result<(), StoreError> {
        if self.hold(doc! { "_id": LOCK, "holder": self.holder }, false).await? {
            return Ok(());
        }
        Err(StoreError::Unavailable("another instance has taken over the schema".into()))
    }

    /// Gives it back.
    pub(super) async fn release(self) -> Result<(), StoreError> {
        let own = doc! { "_id": LOCK, "holder": self.holder };
        let schema = self.database.collection::<Document>("schema");
        schema.delete_one(own).await.map(drop).map_err(translate)
    }

    /// Takes the lease if it is free, or holds it for longer; says whether it is held.
    async fn hold(&self, filter: Document, upsert: bool) -> Result<bool, StoreError> {
        let own = doc! { "$eq": ["$holder", self.holder] };
        let over = doc! { "$lt": [{ "$ifNull": ["$until", DateTime::from_millis(0)] }, "$$NOW"] };
        let free = doc! { "$or": [own, over] };
        let until = doc! { "$add": ["$$NOW", LEASE_MS] };
        let change = vec![doc! { "$set": {
            "holder": { "$cond": [&free, self.holder, "$holder"] },
            "until": { "$cond": [&free, until, "$until"] },
        } }];
        let schema = self.database.collection::<Document>("schema");
        let held = schema
            .find_one_and_update(filter, change)
            .upsert(upsert)
            .return_document(ReturnDocument::After)
            .await;
        match held.map_err(translate) {
            Ok(held) => {
                let holder = held.and_then(|held| held.get_object_id("holder").ok());
                Ok(holder == Some(self.holder))
            }
            // Someone else wrote the document at the same time.
            Err(StoreError::Taken(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }
}
