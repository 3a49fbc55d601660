//! Reading documents: within a transaction, or outside of one as of one moment.

use std::time::Duration;

use mongodb::Database;
use mongodb::bson::{Document, RawDocumentBuf};
use mongodb::options::ReadConcern;
use serde::de::DeserializeOwned;

use super::error::{translate, unreadable};
use super::transaction::Tx;
use crate::store::StoreError;

/// Where is read.
pub(super) enum Reader<'a> {
    /// In a transaction.
    Tx(&'a mut Tx),
    /// Outside: what a majority has, as of one moment, however many collections are joined.
    Snapshot(&'a Database, Duration),
}

impl Reader<'_> {
    /// All documents that a pipeline ends in.
    pub(super) async fn rows<T: DeserializeOwned>(
        &mut self,
        collection: &str,
        pipeline: Vec<Document>,
    ) -> Result<Vec<T>, StoreError> {
        match self {
            Self::Tx(tx) => tx.aggregate(collection, pipeline).await,
            Self::Snapshot(database, limit) => {
                within(*limit, outside(database, collection, pipeline)).await
            }
        }
    }

    /// The first document of a pipeline.
    pub(super) async fn row<T: DeserializeOwned>(
        &mut self,
        collection: &str,
        pipeline: Vec<Document>,
    ) -> Result<Option<T>, StoreError> {
        Ok(self.rows(collection, pipeline).await?.into_iter().next())
    }
}

async fn outside<T: DeserializeOwned>(
    database: &Database,
    collection: &str,
    pipeline: Vec<Document>,
) -> Result<Vec<T>, StoreError> {
    let collection = database.collection::<RawDocumentBuf>(collection);
    let asked = collection.aggregate(pipeline).read_concern(ReadConcern::snapshot());
    let mut cursor = asked.await.map_err(translate)?;
    let mut rows = Vec::new();
    while cursor.advance().await.map_err(translate)? {
        rows.push(decode(cursor.current().as_bytes())?);
    }
    Ok(rows)
}

/// One document.
pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, StoreError> {
    mongodb::bson::deserialize_from_slice(bytes).map_err(unreadable)
}

/// A call under our own limit: the driver has none.
pub(super) async fn within<T>(
    limit: Duration,
    call: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    match tokio::time::timeout(limit, call).await {
        Ok(done) => done,
        Err(elapsed) => Err(StoreError::Unavailable(Box::new(elapsed))),
    }
}
