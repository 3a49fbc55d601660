//! Raw transactions: kept, claimed, settled, and the log of what was tried.

use sqlx::sqlite::SqliteConnection;

use super::SqliteStore;
use super::encode::{Rows, foreign_keys, keys};
use super::error::{translate, unreadable};
use super::query::{affected, ask, many, one};
use crate::domain::decision::Fingerprint;
use crate::domain::id::TransactionId;
use crate::domain::time::Timestamp;
use crate::domain::token::Token;
use crate::domain::transaction::{
    Attempt, Ending, Obstacle, Progress, RawTransaction, Record, Status,
};
use crate::store::ingest::{
    Backlog, Claim, Claimed, Kept, Outcome, RawQuery, RawTransactions, Settled,
};
use crate::store::{StoreError, StoreFuture};

const INSERT: &str = include_str!("sql/raw_transactions_insert.sql");
const KEPT: &str = include_str!("sql/raw_transactions_kept.sql");
const DUE: &str = include_str!("sql/raw_transactions_due.sql");
const LEASE: &str = include_str!("sql/raw_transactions_lease.sql");
const CLAIMED: &str = include_str!("sql/raw_transactions_claimed.sql");
const SETTLE: &str = include_str!("sql/raw_transactions_settle.sql");
const FIND: &str = include_str!("sql/raw_transaction_find.sql");
const PAGE: &str = include_str!("sql/raw_transactions_page.sql");
const UNPARK: &str = include_str!("sql/raw_transaction_unpark.sql");
const COUNT: &str = include_str!("sql/raw_transactions_count.sql");
const LOG: &str = include_str!("sql/processing_logs_insert.sql");
const LOGGED: &str = include_str!("sql/processing_logs_find.sql");

/// `raw_transactions`: the last two are how many attempts were before it was put back.
type RawRow = (TransactionId, Fingerprint, Record, Timestamp, Status, u32, Option<Obstacle>, u32);

/// `processing_logs`.
type LogRow = (TransactionId, u32, Ending, Option<Obstacle>, String, Timestamp, u64);

fn progress(row: RawRow) -> Progress {
    let (id, fingerprint, record, received_at, status, attempts, obstacle, _) = row;
    let raw = RawTransaction { id, fingerprint, record, received_at };
    Progress { raw, status, attempts, obstacle }
}

fn attempt(row: LogRow) -> Attempt {
    let (transaction, number, ending, obstacle, worker, at, took_us) = row;
    Attempt { transaction, number, ending, obstacle, worker: worker.into(), at, took_us }
}

/// In the order of the questions.
fn in_order(raws: &[RawTransaction], found: Vec<KeptRow>) -> Result<Vec<Kept>, StoreError> {
    let found: std::collections::HashMap<Token, _> =
        found.into_iter().map(|(token, id, print, status)| (token, (id, print, status))).collect();
    let kept = |raw: &RawTransaction| {
        let (id, fingerprint, status) = found.get(&raw.record.transaction_id).copied()?;
        Some(Kept { id, fingerprint, status, known: id != raw.id })
    };
    let kept: Option<Vec<_>> = raws.iter().map(kept).collect();
    kept.ok_or_else(|| unreadable("a record that was kept is not there"))
}

type KeptRow = (Token, TransactionId, Fingerprint, Status);

impl RawTransactions for SqliteStore {
    fn keep(&self, raws: Vec<RawTransaction>) -> StoreFuture<'_, Vec<Kept>> {
        let due = self.clock.now();
        Box::pin(self.jobs.write(move |connection| Box::pin(keep(connection, raws, due))))
    }

    fn claim(&self, claim: Claim) -> StoreFuture<'_, Vec<Claimed>> {
        Box::pin(async move {
            let now = self.clock.now();
            // Looked at first beside the writer: mostly there is nothing to do.
            let due = ask(DUE).bind(now.as_micros()).bind(1);
            if many::<(Token, i64)>(&mut *self.reader().await?, due).await?.is_empty() {
                return Ok(Vec::new());
            }
            self.jobs.write(move |connection| Box::pin(claim_due(connection, claim, now))).await
        })
    }

    fn settle(
        &self,
        lease: uuid::Uuid,
        settled: Vec<Settled>,
        log: Vec<Attempt>,
    ) -> StoreFuture<'_, ()> {
        let now = self.clock.now();
        Box::pin(self.jobs.write(move |connection| {
            Box::pin(async move {
                let log = sqlx::query(LOG).bind(log_rows(&log));
                affected(connection, log).await?;
                let change = sqlx::query(SETTLE).bind(settled_rows(&settled, now));
                affected(connection, change.bind(lease.to_string())).await.map(drop)
            })
        }))
    }

    fn progress(&self, id: TransactionId) -> StoreFuture<'_, Option<Progress>> {
        Box::pin(async move {
            let asked = ask(FIND).bind(id.to_string());
            Ok(one(&mut *self.reader().await?, asked).await?.map(progress))
        })
    }

    fn unprocessed(&self, query: RawQuery) -> StoreFuture<'_, Vec<Progress>> {
        Box::pin(async move {
            let cards = (!query.cards.is_empty())
                .then(|| foreign_keys(query.cards.iter().map(Token::as_str)));
            let within = query.within;
            let before = query.before.map_or_else(|| "txn_~".to_owned(), |id| id.to_string());
            let asked = ask(PAGE)
                .bind(query.status.as_str())
                .bind(before)
                .bind(within.from.map_or(i64::MIN, Timestamp::as_micros))
                .bind(within.to.map_or(i64::MAX, Timestamp::as_micros))
                .bind(within.amount_min.unwrap_or(0))
                .bind(within.amount_max.unwrap_or(i64::MAX))
                .bind(cards)
                .bind(query.rows_max);
            let rows: Vec<RawRow> = many(&mut *self.reader().await?, asked).await?;
            Ok(rows.into_iter().map(progress).collect())
        })
    }

    fn attempts(&self, id: TransactionId) -> StoreFuture<'_, Vec<Attempt>> {
        Box::pin(async move {
            let asked = ask(LOGGED).bind(id.to_string());
            let rows: Vec<LogRow> = many(&mut *self.reader().await?, asked).await?;
            Ok(rows.into_iter().map(attempt).collect())
        })
    }

    fn unpark(&self, id: TransactionId) -> StoreFuture<'_, bool> {
        let now = self.clock.now().as_micros();
        Box::pin(self.jobs.write(move |connection| {
            Box::pin(async move {
                let change = sqlx::query(UNPARK).bind(id.to_string()).bind(now);
                Ok(affected(connection, change).await? > 0)
            })
        }))
    }

    fn backlog(&self) -> StoreFuture<'_, Backlog> {
        Box::pin(async move {
            let rows: Vec<(Status, u64)> = many(&mut *self.reader().await?, ask(COUNT)).await?;
            let of = |wanted| {
                let found = rows.iter().find(|(status, _)| *status == wanted);
                found.map_or(0, |(_, count)| *count)
            };
            Ok(Backlog { accepted: of(Status::Accepted), parked: of(Status::Parked) })
        })
    }
}

async fn keep(
    connection: &mut SqliteConnection,
    raws: Vec<RawTransaction>,
    due: Timestamp,
) -> Result<Vec<Kept>, StoreError> {
    let rows = Rows::of(&raws, |mut row, raw| {
        row.plain(&raw.record.transaction_id)
            .plain(raw.id)
            .plain(raw.fingerprint)
            .plain(&raw.record.card)
            .number(raw.record.amount.minor())
            .number(raw.record.occurred_at.as_micros())
            .number(raw.received_at.as_micros())
            .wide(&raw.record);
    });
    let (narrow, wide) = rows.into_arguments();
    let insert = sqlx::query(INSERT).bind(narrow).bind(wide).bind(due.as_micros());
    affected(connection, insert).await?;
    let asked = keys(raws.iter().map(|raw| &raw.record.transaction_id));
    in_order(&raws, many(connection, ask(KEPT).bind(asked)).await?)
}

async fn claim_due(
    connection: &mut SqliteConnection,
    claim: Claim,
    now: Timestamp,
) -> Result<Vec<Claimed>, StoreError> {
    let due = ask(DUE).bind(now.as_micros()).bind(claim.rows_max);
    let due: Vec<(Token, i64)> = many(connection, due).await?;
    let lost = due.first().is_some_and(|(_, lost)| *lost != 0);
    let due = due.iter().filter(|(_, other)| (*other != 0) == lost);
    let taken = keys(due.map(|(token, _)| token).take(if lost { 1 } else { usize::MAX }));
    let lasts = i64::try_from(claim.lasts.as_micros()).unwrap_or(i64::MAX);
    let lease = sqlx::query(LEASE)
        .bind(taken.clone())
        .bind(claim.lease.to_string())
        .bind(now.plus_micros(lasts).as_micros());
    lease.execute(&mut *connection).await.map_err(translate)?;
    let rows: Vec<RawRow> = many(connection, ask(CLAIMED).bind(taken)).await?;
    let claimed = |row: RawRow| {
        let forgiven = row.7;
        let Progress { raw, attempts, .. } = progress(row);
        Claimed { raw, attempt: attempts, forgiven, lost }
    };
    Ok(rows.into_iter().map(claimed).collect())
}

fn log_rows(log: &[Attempt]) -> String {
    let rows = Rows::of(log, |mut row, attempt| {
        row.plain(attempt.transaction)
            .number(attempt.number)
            .plain(attempt.ending.as_str())
            .maybe_plain(attempt.obstacle.map(Obstacle::as_str))
            .text(&attempt.worker)
            .number(attempt.at.as_micros())
            .number(i64::try_from(attempt.took_us).unwrap_or(i64::MAX));
    });
    rows.into_array()
}

fn settled_rows(settled: &[Settled], now: Timestamp) -> String {
    let rows = Rows::of(settled, |mut row, settled| {
        let (status, due, obstacle, undone) = match settled.outcome {
            Outcome::Processed => (Status::Processed, None, None, 0),
            Outcome::Park(obstacle) => (Status::Parked, None, Some(obstacle), 0),
            Outcome::Retry(obstacle, pause) => {
                let pause = i64::try_from(pause.as_micros()).unwrap_or(i64::MAX);
                (Status::Accepted, Some(now.plus_micros(pause)), Some(obstacle), 0)
            }
            Outcome::Release => (Status::Accepted, Some(now), None, 1),
        };
        row.plain(&settled.transaction_id)
            .plain(status.as_str())
            .maybe_number(due.map(Timestamp::as_micros))
            .maybe_plain(obstacle.map(Obstacle::as_str))
            .number(undone);
    });
    rows.into_array()
}
