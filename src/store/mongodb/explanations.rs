//! Explanations that are older than they are kept: their checks and stage times go. Each step may be taken twice,
//! so that no transaction is needed, and several instances may be at it.

use mongodb::bson::{Bson, Document, Uuid, doc};
use serde::Deserialize;

use super::MongoStore;
use super::error::translate;
use super::read::within;
use crate::domain::time::Timestamp;
use crate::store::{Explanations, StoreError, StoreFuture};

/// The only document of `explanations_thinned`.
const MARK: &str = "authorizations";

/// `explanations_thinned`: the last authorization that was thinned.
#[derive(Deserialize)]
struct Mark {
    up_to: Bson,
}

/// `authorizations`.
#[derive(Deserialize)]
struct Made {
    #[serde(rename = "_id")]
    id: Bson,
    at: Timestamp,
}

impl Explanations for MongoStore {
    fn thin(&self, before: Timestamp, decisions_max: u32) -> StoreFuture<'_, u64> {
        Box::pin(async move {
            let after = self.thinned_up_to().await?;
            let pipeline = vec![
                doc! { "$match": { "_id": { "$gt": &after } } },
                doc! { "$sort": { "_id": 1 } },
                doc! { "$limit": i64::from(decisions_max) },
                doc! { "$project": { "at": 1 } },
            ];
            let next: Vec<Made> = self.reader()?.rows("authorizations", pipeline).await?;
            let old: Vec<Bson> =
                next.into_iter().take_while(|made| made.at < before).map(|made| made.id).collect();
            let Some(last) = old.last() else { return Ok(0) };
            within(self.options.call, self.thin_between(after, last.clone())).await?;
            Ok(u64::try_from(old.len()).unwrap_or(u64::MAX))
        })
    }
}

impl MongoStore {
    async fn thinned_up_to(&self) -> Result<Bson, StoreError> {
        let pipeline = vec![doc! { "$match": { "_id": MARK } }];
        let found: Option<Mark> = self.reader()?.row("explanations_thinned", pipeline).await?;
        // Below every id. (Nothing is above `MinKey` in a clustered collection of 6.0.)
        Ok(found.map_or_else(|| Uuid::from_bytes([0; 16]).into(), |mark| mark.up_to))
    }

    async fn thin_between(&self, after: Bson, last: Bson) -> Result<(), StoreError> {
        let database = &self.clients()?.rest;
        let of_lot = doc! { "_id": { "$gt": after, "$lte": &last } };
        let change = doc! { "$unset": { "findings": "", "stages": "" } };
        let made = database.collection::<Document>("authorizations");
        made.update_many(of_lot, change).await.map_err(translate)?;
        let behind = doc! { "$max": { "up_to": last } };
        let marks = database.collection::<Document>("explanations_thinned");
        marks.update_one(doc! { "_id": MARK }, behind).upsert(true).await.map_err(translate)?;
        Ok(())
    }
}
