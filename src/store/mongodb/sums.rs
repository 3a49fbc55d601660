//! What rows add up to, by account and by chain: grouped and ordered by the server, read beside the
//! rows themselves, so that nobody holds all of it at once.

use mongodb::action::Aggregate;
use mongodb::bson::{Bson, Document, doc};
use mongodb::options::ReadConcern;
use mongodb::{ClientSession, Database, SessionCursor};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::error::translate;
use super::narrow::Id;
use super::read::decode;
use crate::domain::id::{AccountId, AuthorizationId};
use crate::store::StoreError;

/// What the rows of one account or chain add up to.
pub(super) trait Sum: DeserializeOwned {
    /// Of which one.
    type Key: Ord;
    /// The key.
    fn key(&self) -> Self::Key;
}

/// Of an account.
#[derive(Default, Deserialize)]
pub(super) struct OfAccount {
    #[serde(rename = "_id")]
    account: Option<Id<AccountId>>,
    pub(super) holds: i64,
    pub(super) posted: i64,
    pub(super) funded: i64,
    pub(super) causes: i64,
}

impl Sum for OfAccount {
    type Key = Option<Id<AccountId>>;

    fn key(&self) -> Self::Key {
        self.account
    }
}

/// Of a chain.
#[derive(Default, Deserialize)]
pub(super) struct OfChain {
    #[serde(rename = "_id")]
    chain: Option<Id<AuthorizationId>>,
    pub(super) approved: i64,
    pub(super) cleared: i64,
    pub(super) refunded: i64,
}

impl Sum for OfChain {
    type Key = Option<Id<AuthorizationId>>;

    fn key(&self) -> Self::Key {
        self.chain
    }
}

/// A read of a snapshot session. It must name its read concern: the driver leaves the client's own in
/// place, and the session's moment is then not kept to (3.9.1).
pub(super) fn of_the_moment(aggregate: Aggregate<'_>) -> Aggregate<'_> {
    aggregate.read_concern(ReadConcern::snapshot()).allow_disk_use(true)
}

/// Sums in the order of their keys, each read once.
pub(super) struct Sums<S> {
    cursor: SessionCursor<Document>,
    next: Option<S>,
}

impl<S: Sum> Sums<S> {
    pub(super) async fn open(
        database: &Database,
        session: &mut ClientSession,
        collection: &str,
        pipeline: Vec<Document>,
    ) -> Result<Self, StoreError> {
        let collection = database.collection::<Document>(collection);
        let asked = of_the_moment(collection.aggregate(pipeline)).session(session);
        Ok(Self { cursor: asked.await.map_err(translate)?, next: None })
    }

    /// The sums of this key; `None` where no row has it. Keys must be asked for in order.
    pub(super) async fn of(
        &mut self,
        session: &mut ClientSession,
        key: &S::Key,
    ) -> Result<Option<S>, StoreError> {
        loop {
            if self.next.is_none() {
                if !self.cursor.advance(session).await.map_err(translate)? {
                    return Ok(None);
                }
                self.next = Some(decode(self.cursor.current().as_bytes())?);
            }
            match self.next.take_if(|next| next.key() <= *key) {
                Some(found) if found.key() == *key => return Ok(Some(found)),
                Some(_) => {} // of one that has no row
                None => return Ok(None),
            }
        }
    }
}

/// Begins with `holds`.
pub(super) fn of_accounts() -> Vec<Document> {
    let mut pipeline = vec![doc! { "$project": { "_id": 0, "a": "$account", "holds": "$amount" } }];
    let funding = doc! { "$eq": ["$cause", "fund"] };
    let either = |fund: Bson, other: Bson| doc! { "$cond": [&funding, fund, other] };
    let amount = || Bson::String("$amount".to_owned());
    let negative = || Bson::Document(doc! { "$multiply": ["$amount", -1_i64] });
    let zero = || Bson::Int64(0);
    for (side, funded, posted) in [
        ("debit", either(zero(), zero()), either(zero(), amount())),
        ("credit", either(amount(), zero()), either(zero(), negative())),
    ] {
        let union = vec![
            doc! { "$match": { side: { "$type": "binData" } } },
            doc! { "$project": { "_id": 0, "a": format!("${side}"), "funded": funded,
            "posted": posted } },
        ];
        pipeline.push(doc! { "$unionWith": { "coll": "postings", "pipeline": union } });
    }
    let overdrawn = vec![
        doc! { "$match": { "$or": [
            { "kind": "change_limit" }, { "movement.flags": "overdrawn" }
        ] } },
        doc! { "$project": { "_id": 0, "a": "$account", "causes": { "$literal": 1_i64 } } },
    ];
    pipeline.push(doc! { "$unionWith": { "coll": "intents", "pipeline": overdrawn } });
    let sum = |field: &str| doc! { "$sum": { "$ifNull": [format!("${field}"), 0_i64] } };
    pipeline.push(doc! { "$group": {
        "_id": "$a", "holds": sum("holds"), "posted": sum("posted"), "funded": sum("funded"),
        "causes": sum("causes"),
    } });
    pipeline.push(doc! { "$sort": { "_id": 1 } });
    pipeline
}

/// Begins with `authorizations`. A void undoes a single message: it takes from what the debits or
/// refunds add up to.
pub(super) fn of_chains() -> Vec<Document> {
    let is = |causes: &[&str]| doc! { "$in": ["$cause", causes] };
    let void = |side: &str| {
        doc! { "$and": [
            { "$eq": ["$cause", "void"] },
            { "$eq": [{ "$type": format!("${side}") }, "binData"] },
        ] }
    };
    let total = |counted: Document, undone: Document| {
        doc! { "$switch": {
            "branches": [
                { "case": counted, "then": "$amount" },
                { "case": undone, "then": { "$multiply": ["$amount", -1_i64] } },
            ],
            "default": 0_i64,
        } }
    };
    let cleared = total(is(&["clearing", "force_post", "debit"]), void("credit"));
    let refunded = total(is(&["refund"]), void("debit"));
    let postings = vec![doc! { "$project": {
        "_id": 0, "chain": "$_id.source", "cleared": cleared, "refunded": refunded,
    } }];
    let sum = |field: &str| doc! { "$sum": { "$ifNull": [format!("${field}"), 0_i64] } };
    vec![
        doc! { "$match": {
            "chain": { "$exists": true }, "reason": { "$exists": false },
            "operation": { "$in": ["authorize", "increment", "debit"] },
        } },
        doc! { "$project": { "_id": 0, "chain": 1, "approved": "$amount" } },
        doc! { "$unionWith": { "coll": "postings", "pipeline": postings } },
        doc! { "$group": {
            "_id": "$chain", "approved": sum("approved"), "cleared": sum("cleared"),
            "refunded": sum("refunded"),
        } },
        doc! { "$sort": { "_id": 1 } },
    ]
}
