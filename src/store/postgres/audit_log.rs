//! The audit log: entries, and the last one's hash beside them.

use sqlx::postgres::PgConnection;
use sqlx::{Executor, Postgres};

use super::PostgresStore;
use super::error::{translate, unreadable};
use super::parties::affected;
use crate::domain::audit::{Act, Entry, Hash, Outcome};
use crate::domain::time::Timestamp;
use crate::store::audit_log::AuditLog;
use crate::store::{StoreError, StoreFuture};

type Row =
    (i64, i64, String, String, String, Option<String>, String, Option<String>, Vec<u8>, Vec<u8>);

fn entry(row: Row) -> Result<Entry, StoreError> {
    let (number, at, who, reach, what, object, request_id, outcome, previous, hash) = row;
    let reach = reach.parse().map_err(unreadable)?;
    let at = Timestamp::from_micros(at);
    let outcome = outcome.map_or(Some(Outcome::Done), |outcome| Outcome::parse(&outcome));
    let outcome = outcome.ok_or_else(|| unreadable("an outcome that there is not"))?;
    let act = Act { at, who: who.into(), reach, what, object, request_id, outcome };
    Ok(Entry { number, act, previous: as_hash(&previous)?, hash: as_hash(&hash)? })
}

pub(super) fn as_hash(bytes: &[u8]) -> Result<Hash, StoreError> {
    bytes.try_into().map_err(|_| unreadable("a hash that is not 32 bytes long"))
}

async fn last(
    connection: impl Executor<'_, Database = Postgres>,
    sql: &'static str,
) -> Result<(i64, Hash), StoreError> {
    let asked = sqlx::query_as(sql);
    let (number, hash): (i64, Vec<u8>) = asked.fetch_one(connection).await.map_err(translate)?;
    Ok((number, as_hash(&hash)?))
}

/// Adds an entry. The last one is locked until the commit, so this is the last statement of a transaction.
pub(super) async fn add(connection: &mut PgConnection, act: Act) -> Result<(), StoreError> {
    let last = last(&mut *connection, include_str!("sql/audit_head_lock.sql")).await?;
    let entry = Entry::after(last, act);
    let done = entry.act.outcome == Outcome::Done;
    let outcome = (!done).then(|| entry.act.outcome.as_str());
    let insert = sqlx::query(include_str!("sql/audit_entry_insert.sql"))
        .bind(entry.number)
        .bind(entry.act.at.as_micros())
        .bind(entry.act.who.to_string())
        .bind(entry.act.reach.to_string())
        .bind(entry.act.what)
        .bind(entry.act.object)
        .bind(entry.act.request_id)
        .bind(outcome)
        .bind(entry.previous.to_vec())
        .bind(entry.hash.to_vec());
    affected(connection, insert).await?;
    let head = sqlx::query(include_str!("sql/audit_head_update.sql"))
        .bind(entry.number)
        .bind(entry.hash.to_vec());
    affected(connection, head).await.map(drop)
}

impl PostgresStore {
    async fn page(
        &self,
        sql: &'static str,
        number: i64,
        rows_max: u32,
    ) -> Result<Vec<Entry>, StoreError> {
        let asked = sqlx::query_as(sql).bind(number).bind(i64::from(rows_max));
        let rows: Vec<Row> = asked.fetch_all(&mut self.reader().await?).await.map_err(translate)?;
        rows.into_iter().map(entry).collect()
    }
}

impl AuditLog for PostgresStore {
    fn append(&self, act: Act) -> StoreFuture<'_, ()> {
        Box::pin(self.write(move |connection| Box::pin(add(connection, act))))
    }

    fn entries(&self, after: i64, rows_max: u32) -> StoreFuture<'_, Vec<Entry>> {
        let sql = include_str!("sql/audit_entries_after.sql");
        Box::pin(self.page(sql, after, rows_max))
    }

    fn latest(&self, before: Option<i64>, rows_max: u32) -> StoreFuture<'_, Vec<Entry>> {
        let sql = include_str!("sql/audit_entries_before.sql");
        Box::pin(self.page(sql, before.unwrap_or(i64::MAX), rows_max))
    }

    fn head(&self) -> StoreFuture<'_, (i64, Hash)> {
        Box::pin(async move {
            last(&mut self.reader().await?, include_str!("sql/audit_head_find.sql")).await
        })
    }
}
