//! The audit: everything read back as of one moment, on a session of its own. The server keeps that
//! moment for `minSnapshotHistoryWindowInSeconds` (300 by default): an audit that takes longer fails.

use mongodb::bson::{Bson, Document, RawDocumentBuf, doc};
use mongodb::options::SessionOptions;
use mongodb::{ClientSession, Database};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::MongoStore;
use super::error::translate;
use super::narrow::{Id, Narrow, key};
use super::parties::CardRow;
use super::read::decode;
use super::rows::{AccountRow, CounterRow, HoldRow};
use super::sums::{self, OfAccount, OfChain, Sums};
use super::walls;
use crate::domain::id::{AccountId, AuthorizationId, CardId};
use crate::domain::policy::{Counter, CounterKey, Limit};
use crate::store::{
    AccountSums, Audit, AuditSnapshot, CardOwner, ChainSums, RowCounts, StoreError, StoreFuture,
};

/// Rows of a page.
const PAGE_ROWS: i64 = 1_000;

impl Audit for MongoStore {
    fn snapshot(&self) -> StoreFuture<'_, Box<dyn AuditSnapshot>> {
        Box::pin(async move {
            let database = self.clients()?.rest.clone();
            let options = SessionOptions::builder().snapshot(true).build();
            let starting = database.client().start_session().with_options(options);
            let session = starting.await.map_err(translate)?;
            let mut snapshot = Snapshot { database, session, accounts: None, chains: None };
            // The first read sets the moment.
            let _: Vec<Document> = snapshot.rows("policy_versions", after::<CardId>(None)).await?;
            let snapshot: Box<dyn AuditSnapshot> = Box::new(snapshot);
            Ok(snapshot)
        })
    }
}

/// A session whose reads are all of one moment.
struct Snapshot {
    database: Database,
    session: ClientSession,
    accounts: Option<Sums<OfAccount>>,
    chains: Option<Sums<OfChain>>,
}

#[derive(Deserialize)]
struct Counted {
    rows: i64,
}

#[derive(Deserialize)]
struct CounterFound {
    #[serde(flatten)]
    counter: CounterRow,
    body: Vec<Limit>,
}

impl Snapshot {
    async fn rows<T: DeserializeOwned>(
        &mut self,
        collection: &str,
        pipeline: Vec<Document>,
    ) -> Result<Vec<T>, StoreError> {
        let collection = self.database.collection::<RawDocumentBuf>(collection);
        let asked = sums::of_the_moment(collection.aggregate(pipeline)).session(&mut self.session);
        let mut cursor = asked.await.map_err(translate)?;
        let mut rows = Vec::new();
        while cursor.advance(&mut self.session).await.map_err(translate)? {
            rows.push(decode(cursor.current().as_bytes())?);
        }
        Ok(rows)
    }

    async fn count(
        &mut self,
        collection: &str,
        mut pipeline: Vec<Document>,
    ) -> Result<u64, StoreError> {
        pipeline.push(doc! { "$count": "rows" });
        let counted: Vec<Counted> = self.rows(collection, pipeline).await?;
        let rows = counted.first().map_or(0, |counted| counted.rows);
        Ok(u64::try_from(rows).unwrap_or(0))
    }
}

/// A page in id order.
fn after<T: Narrow>(id: Option<T>) -> Vec<Document> {
    let mut pipeline = Vec::new();
    if let Some(id) = id {
        pipeline.push(doc! { "$match": { "_id": { "$gt": key(&id) } } });
    }
    pipeline.extend([doc! { "$sort": { "_id": 1 } }, doc! { "$limit": PAGE_ROWS }]);
    pipeline
}

impl AuditSnapshot for Snapshot {
    fn accounts(&mut self, last: Option<AccountId>) -> StoreFuture<'_, Vec<AccountSums>> {
        Box::pin(async move {
            let page: Vec<AccountRow> = self.rows("wallets", after(last)).await?;
            let Self { database, session, accounts, .. } = self;
            let mut sums = match accounts.take().filter(|_| last.is_some()) {
                Some(sums) => sums,
                None => Sums::open(database, session, "holds", sums::of_accounts()).await?,
            };
            let mut found = Vec::with_capacity(page.len());
            for row in page {
                let account = row.account();
                let sum = sums.of(session, &Some(Id(account.id))).await?.unwrap_or_default();
                found.push(AccountSums {
                    account,
                    holds: sum.holds,
                    posted: sum.posted,
                    funded: sum.funded,
                    overdraft_causes: u64::try_from(sum.causes).unwrap_or(0),
                });
            }
            *accounts = Some(sums);
            Ok(found)
        })
    }

    fn chains(&mut self, last: Option<AuthorizationId>) -> StoreFuture<'_, Vec<ChainSums>> {
        Box::pin(async move {
            let page: Vec<HoldRow> = self.rows("holds", after(last)).await?;
            let Self { database, session, chains, .. } = self;
            let mut sums = match chains.take().filter(|_| last.is_some()) {
                Some(sums) => sums,
                None => Sums::open(database, session, "authorizations", sums::of_chains()).await?,
            };
            let mut found = Vec::with_capacity(page.len());
            for (chain, stored_hold) in page.into_iter().map(HoldRow::chain) {
                let sum = sums.of(session, &Some(Id(chain.id))).await?.unwrap_or_default();
                let OfChain { approved, cleared, refunded, .. } = sum;
                found.push(ChainSums { chain, stored_hold, cleared, refunded, approved });
            }
            *chains = Some(sums);
            Ok(found)
        })
    }

    fn owners(&mut self, last: Option<CardId>) -> StoreFuture<'_, Vec<CardOwner>> {
        Box::pin(async move {
            let page: Vec<CardRow> = self.rows("personal_cards", after(last)).await?;
            let owner =
                |row: CardRow| CardOwner { card: row.id(), user: row.user.0, company: None };
            Ok(page.into_iter().map(owner).collect())
        })
    }

    fn counters(&mut self) -> StoreFuture<'_, Vec<(CounterKey, Counter, Option<Limit>)>> {
        Box::pin(async move {
            let limits = doc! { "$lookup": {
                "from": "limits", "localField": "limit", "foreignField": "_id", "as": "body",
            } };
            let pipeline = vec![doc! { "$sort": { "_id": 1 } }, limits];
            let found: Vec<CounterFound> = self.rows("counters", pipeline).await?;
            let counter = |found: CounterFound| {
                let (key, counter) = found.counter.counter();
                (key, counter, found.body.into_iter().next())
            };
            Ok(found.into_iter().map(counter).collect())
        })
    }

    fn counts(&mut self) -> StoreFuture<'_, RowCounts> {
        Box::pin(async move {
            let approved = vec![doc! { "$match": { "reason": { "$exists": false } } }];
            let events = vec![doc! { "$match": walls::none() }];
            Ok(RowCounts {
                decisions: self.count("decisions", Vec::new()).await?,
                approved: self.count("decisions", approved).await?,
                unexplained: self.count("decisions", unexplained()).await?,
                authorizations: self.count("authorizations", Vec::new()).await?,
                chains: self.count("holds", Vec::new()).await?,
                postings: self.count("postings", Vec::new()).await?,
                unbalanced: self.count("postings", unbalanced()).await?,
                outbox: self.count("outbox", events).await?,
            })
        })
    }
}

/// Decisions whose authorization is missing or says otherwise.
fn unexplained() -> Vec<Document> {
    let same = |field: &str| {
        let (own, other) = (format!("${field}"), format!("$made.{field}"));
        let or_null = |path: String| doc! { "$ifNull": [path, Bson::Null] };
        doc! { "$eq": [or_null(own), or_null(other)] }
    };
    let token = doc! { "$eq": ["$_id", "$made.token"] };
    vec![
        doc! { "$lookup": {
            "from": "authorizations", "localField": "authorization", "foreignField": "_id",
            "as": "made",
        } },
        doc! { "$set": { "made": { "$first": "$made" } } },
        doc! { "$match": { "$expr": { "$not": [{ "$and": [token, same("reason"), same("code")] }] } } },
    ]
}

/// Postings whose sides are the same, or whose amount is not above zero, or of another currency than
/// their account's.
fn unbalanced() -> Vec<Document> {
    let join = |side: &str, name: &str| {
        doc! { "$lookup": {
            "from": "wallets", "localField": side, "foreignField": "_id", "as": name,
        } }
    };
    let wrong = |side: &str, name: &str| {
        let is_account = doc! { "$eq": [{ "$type": format!("${side}") }, "binData"] };
        let currency = doc! { "$first": format!("${name}.currency") };
        doc! { "$and": [is_account, { "$ne": [currency, "$currency"] }] }
    };
    let same = doc! { "$eq": ["$debit", "$credit"] };
    let none = doc! { "$lte": ["$amount", 0_i64] };
    let wrong = doc! { "$or": [same, none, wrong("debit", "from"), wrong("credit", "to")] };
    vec![join("debit", "from"), join("credit", "to"), doc! { "$match": { "$expr": wrong } }]
}
