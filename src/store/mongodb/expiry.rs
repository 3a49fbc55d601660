//! Holds that have run out, by the server's time.

use mongodb::bson::doc;
use serde::Deserialize;

use super::MongoStore;
use super::narrow::Id;
use crate::domain::id::{AccountId, AuthorizationId, CardId};
use crate::domain::time::Timestamp;
use crate::store::{DueHold, DueHolds, StoreFuture};

/// `holds`.
#[derive(Deserialize)]
struct DueRow {
    #[serde(rename = "_id")]
    chain: Id<AuthorizationId>,
    account: Id<AccountId>,
    card: Id<CardId>,
    expires_at: Timestamp,
}

impl From<DueRow> for DueHold {
    fn from(row: DueRow) -> Self {
        let (chain, account, card) = (row.chain.0, row.account.0, row.card.0);
        Self { chain, account, card, expires_at: row.expires_at }
    }
}

impl DueHolds for MongoStore {
    fn due_holds(&self, from: Timestamp, holds_max: u32) -> StoreFuture<'_, Vec<DueHold>> {
        Box::pin(async move {
            let now = self.server_time().await?;
            let run_out = doc! { "$gte": from.as_micros(), "$lte": now.as_micros() };
            let pipeline = vec![
                doc! { "$match": { "state": "active", "expires_at": run_out } },
                doc! { "$sort": { "expires_at": 1 } },
                doc! { "$limit": i64::from(holds_max) },
                doc! { "$project": { "account": 1, "card": 1, "expires_at": 1 } },
            ];
            let found: Vec<DueRow> = self.reader()?.rows("holds", pipeline).await?;
            Ok(found.into_iter().map(DueHold::from).collect())
        })
    }
}
