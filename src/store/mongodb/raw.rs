//! Raw transactions: kept, claimed, settled, and the log of what was tried. Each document is changed
//! by itself, so no transaction is needed: what a worker has not finished is claimed again once its
//! lease is over, by the server's time.

mod rows;

use std::collections::HashMap;
use std::sync::Arc;

use mongodb::bson::{Bson, Document, RawDocumentBuf, Uuid, doc};
use mongodb::error::ErrorKind;
use mongodb::options::Hint;
use mongodb::{Collection, Cursor, Database};
use serde::Serialize;

use super::MongoStore;
use super::error::translate;
use super::narrow::key;
use super::read::within;
use super::transaction::apart;
use crate::domain::id::TransactionId;
use crate::domain::time::Timestamp;
use crate::domain::token::Token;
use crate::domain::transaction::{Attempt, Progress, RawTransaction, Status};
use crate::store::ingest::{
    Backlog, Claim, Claimed, Kept, Outcome, RawQuery, RawTransactions, Settled,
};
use crate::store::{StoreError, StoreFuture};

use rows::{Found, KeptRow, LogRow, RawRow};

const RAW: &str = "raw_transactions";
const LOGS: &str = "processing_logs";

/// What the server says of a key that is taken.
const DUPLICATE_KEY: i32 = 11_000;

impl RawTransactions for MongoStore {
    fn keep(&self, raws: Vec<RawTransaction>) -> StoreFuture<'_, Vec<Kept>> {
        Box::pin(async move {
            let (database, limit) = (self.clients()?.rest.clone(), self.options.call);
            let (time, offset_us) = (Arc::clone(&self.server_time), self.time_offset_us());
            let work = async move {
                within(limit, async {
                    // Not later than it is: what is kept may be claimed at once.
                    let due_us = time.now(&database).await?.earliest_us.saturating_add(offset_us);
                    keep(&database, &raws, Timestamp::from_micros(due_us)).await
                })
                .await
            };
            apart(work).await
        })
    }

    fn claim(&self, claim: Claim) -> StoreFuture<'_, Vec<Claimed>> {
        Box::pin(async move {
            let (database, limit) = (self.clients()?.rest.clone(), self.options.call);
            let (time, offset_us) = (Arc::clone(&self.server_time), self.time_offset_us());
            let work = async move {
                within(limit, async {
                    // Not earlier than it is: what was given back a moment ago is due.
                    let now_us = time.now(&database).await?.latest_us.saturating_add(offset_us);
                    take(&database, claim, now_us).await
                })
                .await
            };
            apart(work).await
        })
    }

    fn settle(
        &self,
        lease: uuid::Uuid,
        settled: Vec<Settled>,
        log: Vec<Attempt>,
    ) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            let (database, limit) = (self.clients()?.rest.clone(), self.options.call);
            let offset = self.time_offset_us();
            let work = async move {
                within(limit, async {
                    write_log(&database, &log).await?;
                    write_outcomes(&database, lease, &settled, offset).await
                })
                .await
            };
            apart(work).await
        })
    }

    fn progress(&self, id: TransactionId) -> StoreFuture<'_, Option<Progress>> {
        Box::pin(async move {
            let pipeline = vec![doc! { "$match": { "id": key(&id) } }];
            let row: Option<RawRow> = self.reader()?.row(RAW, pipeline).await?;
            row.map(RawRow::progress).transpose()
        })
    }

    fn unprocessed(&self, query: RawQuery) -> StoreFuture<'_, Vec<Progress>> {
        Box::pin(async move {
            let pipeline = vec![
                doc! { "$match": filter(&query) },
                doc! { "$sort": { "id": -1 } },
                doc! { "$limit": i64::from(query.rows_max) },
            ];
            let rows: Vec<RawRow> = self.reader()?.rows(RAW, pipeline).await?;
            rows.into_iter().map(RawRow::progress).collect()
        })
    }

    fn attempts(&self, id: TransactionId) -> StoreFuture<'_, Vec<Attempt>> {
        Box::pin(async move {
            let from = doc! { "transaction": key(&id), "attempt": Bson::MinKey };
            let to = doc! { "transaction": key(&id), "attempt": Bson::MaxKey };
            let pipeline = vec![
                doc! { "$match": { "_id": { "$gte": from, "$lte": to } } },
                doc! { "$sort": { "_id": 1 } },
            ];
            let rows: Vec<LogRow> = self.reader()?.rows(LOGS, pipeline).await?;
            Ok(rows.into_iter().map(LogRow::attempt).collect())
        })
    }

    fn unpark(&self, id: TransactionId) -> StoreFuture<'_, bool> {
        Box::pin(async move {
            let filter = doc! { "id": key(&id), "state": Status::Parked.as_str() };
            let now = now(self.time_offset_us());
            let change = vec![
                doc! { "$set": { "state": "accepted", "due": now, "forgiven": "$attempts" } },
                doc! { "$unset": "obstacle" },
            ];
            let raw = raw(&self.clients()?.rest);
            let call = async { raw.update_one(filter, change).await.map_err(translate) };
            Ok(within(self.options.call, call).await?.matched_count > 0)
        })
    }

    fn backlog(&self) -> StoreFuture<'_, Backlog> {
        Box::pin(async move {
            let raw = raw(&self.clients()?.rest);
            let count = async |status: Status| {
                let asked = raw.count_documents(doc! { "state": status.as_str() });
                within(self.options.call, async { asked.await.map_err(translate) }).await
            };
            let accepted = count(Status::Accepted).await?;
            Ok(Backlog { accepted, parked: count(Status::Parked).await? })
        })
    }
}

fn raw(database: &Database) -> Collection<Document> {
    database.collection(RAW)
}

/// The server's time in microseconds, as an expression.
fn now(offset_us: i64) -> Document {
    let micros = doc! { "$multiply": [{ "$toLong": "$$NOW" }, 1_000_i64] };
    doc! { "$add": [micros, offset_us] }
}

async fn keep(
    database: &Database,
    raws: &[RawTransaction],
    due: Timestamp,
) -> Result<Vec<Kept>, StoreError> {
    let rows: Vec<RawRow> =
        raws.iter().map(|raw| RawRow::new(raw, due)).collect::<Result<_, _>>()?;
    let known = insert(&database.collection::<RawRow>(RAW), &rows).await?;
    let fresh = |raw: &RawTransaction| Kept {
        id: raw.id,
        fingerprint: raw.fingerprint,
        status: Status::Accepted,
        known: false,
    };
    let mut kept: Vec<Kept> = raws.iter().map(fresh).collect();
    if known.is_empty() {
        return Ok(kept);
    }
    let names: Vec<Bson> = known
        .iter()
        .filter_map(|at| raws.get(*at))
        .map(|raw| raw.record.transaction_id.as_str().into())
        .collect();
    // What is there may have been written by another caller a moment ago: read it as it is, not as of
    // a snapshot that may lie before that.
    let kept_rows = database.collection::<KeptRow>(RAW);
    let mut found = HashMap::new();
    let mut cursor = kept_rows.find(doc! { "_id": { "$in": names } }).await.map_err(translate)?;
    while cursor.advance().await.map_err(translate)? {
        let row: KeptRow = cursor.deserialize_current().map_err(translate)?;
        found.insert(row.transaction_id.clone(), row);
    }
    for at in known {
        let row = raws.get(at).and_then(|raw| found.get(&raw.record.transaction_id));
        let row = row.ok_or_else(|| StoreError::Unavailable("a record is being written".into()))?;
        if let (Some(kept), Some(raw)) = (kept.get_mut(at), raws.get(at)) {
            *kept = row.kept(raw.id);
        }
    }
    Ok(kept)
}

/// Inserts, and says which were there already, by their places.
async fn insert<T: Serialize + Send + Sync>(
    collection: &Collection<T>,
    rows: &[T],
) -> Result<Vec<usize>, StoreError> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let Err(error) = collection.insert_many(rows).ordered(false).await else {
        return Ok(Vec::new());
    };
    if let ErrorKind::InsertMany(failures) = &*error.kind
        && failures.write_concern_error.is_none()
        && let Some(failures) = &failures.write_errors
        && failures.iter().all(|failure| failure.code == DUPLICATE_KEY)
    {
        return Ok(failures.iter().map(|failure| failure.index).collect());
    }
    Err(translate(error))
}

/// Looks for documents that are due, and puts the lease on those that still are: whoever was quicker
/// has changed what they are looked for by. Where all of them were met, they are as they were read, but
/// for one more attempt; only where not is it read which ones they are.
async fn take(database: &Database, claim: Claim, now_us: i64) -> Result<Vec<Claimed>, StoreError> {
    let raw = database.collection::<RawDocumentBuf>(RAW);
    let mut due = due(&raw, claim.rows_max, now_us).await?;
    let Some(first) = due.first() else { return Ok(Vec::new()) };
    let (last_lease, attempts) = (first.leased.lease, first.leased.attempts);
    match last_lease {
        Some(_) => due.truncate(1), // its worker may have died of it
        None => due.retain(|found| found.leased.lease.is_none()),
    }
    let alike = due.iter().all(|found| found.leased.attempts == attempts);
    let names: Vec<&str> = due.iter().map(|found| found.leased.transaction_id.as_str()).collect();
    let mut still_due = doc! {
        "_id": { "$in": &names }, "due": { "$lte": now_us },
        "lease": last_lease.map_or(Bson::Null, Bson::from),
    };
    if alike {
        still_due.insert("attempts", attempts);
    }
    let lasts = i64::try_from(claim.lasts.as_micros()).unwrap_or(i64::MAX);
    let lease = Uuid::from_bytes(claim.lease.into_bytes());
    let change = doc! {
        "$set": { "lease": lease, "due": now_us.saturating_add(lasts) },
        "$inc": { "attempts": 1 },
    };
    // By their names: the index by time changes while it is walked, and may begin far before them.
    let leasing = raw.update_many(still_due, change).hint(Hint::Keys(doc! { "_id": 1 }));
    let met = leasing.await.map_err(translate)?.matched_count;
    if met == 0 {
        return Ok(Vec::new());
    }
    let lost = last_lease.is_some();
    if alike && usize::try_from(met).is_ok_and(|met| met == due.len()) {
        return Ok(due.into_iter().filter_map(|found| found.claimed(1, lost)).collect());
    }
    let own = doc! { "_id": { "$in": names }, "lease": lease };
    let own = raw.find(own).batch_size(claim.rows_max);
    let own = read(own.await.map_err(translate)?).await?;
    Ok(own.into_iter().filter_map(|found| found.claimed(0, lost)).collect())
}

/// The longest waiting first, in one reply where it can hold them.
async fn due(
    raw: &Collection<RawDocumentBuf>,
    rows_max: u32,
    now_us: i64,
) -> Result<Vec<Found>, StoreError> {
    let found = raw
        .find(doc! { "due": { "$lte": now_us } })
        .sort(doc! { "due": 1 })
        .limit(i64::from(rows_max))
        .batch_size(rows_max);
    read(found.await.map_err(translate)?).await
}

async fn read(mut cursor: Cursor<RawDocumentBuf>) -> Result<Vec<Found>, StoreError> {
    let mut found = Vec::new();
    while cursor.advance().await.map_err(translate)? {
        found.push(Found::read(cursor.current().as_bytes())?);
    }
    Ok(found)
}

async fn write_log(database: &Database, log: &[Attempt]) -> Result<(), StoreError> {
    let rows: Vec<LogRow> = log.iter().map(LogRow::new).collect();
    insert(&database.collection::<LogRow>(LOGS), &rows).await.map(drop)
}

/// One statement for each kind of outcome.
async fn write_outcomes(
    database: &Database,
    lease: uuid::Uuid,
    settled: &[Settled],
    offset_us: i64,
) -> Result<(), StoreError> {
    let mut same: Vec<(Outcome, Vec<Bson>)> = Vec::new();
    for Settled { transaction_id, outcome } in settled {
        let name = Bson::from(transaction_id.as_str());
        match same.iter_mut().find(|(other, _)| other == outcome) {
            Some((_, names)) => names.push(name),
            None => same.push((*outcome, vec![name])),
        }
    }
    let lease = Uuid::from_bytes(lease.into_bytes());
    for (outcome, names) in same {
        let own = doc! { "_id": { "$in": names }, "lease": lease };
        let done = match outcome {
            Outcome::Processed => {
                let change = doc! {
                    "$set": { "processed": true },
                    "$unset": { "due": "", "lease": "", "state": "", "obstacle": "" },
                };
                raw(database).update_many(own, change).await
            }
            Outcome::Park(obstacle) => {
                let change = doc! {
                    "$set": { "state": "parked", "obstacle": obstacle.as_str() },
                    "$unset": { "due": "", "lease": "" },
                };
                raw(database).update_many(own, change).await
            }
            Outcome::Retry(obstacle, pause) => {
                let pause = i64::try_from(pause.as_micros()).unwrap_or(i64::MAX);
                let due = now(offset_us.saturating_add(pause));
                let change = vec![
                    doc! { "$set": { "due": due, "obstacle": obstacle.as_str() } },
                    doc! { "$unset": "lease" },
                ];
                raw(database).update_many(own, change).await
            }
            Outcome::Release => {
                let before = doc! { "$subtract": ["$attempts", 1] };
                let change = vec![
                    doc! { "$set": { "due": now(offset_us), "attempts": before } },
                    doc! { "$unset": "lease" },
                ];
                raw(database).update_many(own, change).await
            }
        };
        done.map_err(translate)?;
    }
    Ok(())
}

fn filter(query: &RawQuery) -> Document {
    let mut filter = doc! { "state": query.status.as_str() };
    if let Some(before) = &query.before {
        filter.insert("id", doc! { "$lt": key(before) });
    }
    if !query.cards.is_empty() {
        let cards: Vec<&str> = query.cards.iter().map(Token::as_str).collect();
        filter.insert("card", doc! { "$in": cards });
    }
    let within = query.within;
    let from = within.from.map_or(i64::MIN, Timestamp::as_micros);
    let to = within.to.map_or(i64::MAX, Timestamp::as_micros);
    filter.insert("occurred_at", doc! { "$gte": from, "$lt": to });
    let (min, max) = (within.amount_min.unwrap_or(0), within.amount_max.unwrap_or(i64::MAX));
    filter.insert("amount", doc! { "$gte": min, "$lte": max });
    filter
}
