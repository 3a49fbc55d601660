//! The audit: everything read back in one snapshot, on a connection of its own.

use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{FromRow, Row};
use uuid::Uuid;

use super::PostgresStore;
use super::connect;
use super::error::{translate, unreadable};
use super::rows;
use crate::domain::id::{AccountId, AuthorizationId, CardId, CompanyId, UserId};
use crate::domain::policy::{Counter, CounterKey, Limit};
use crate::store::{
    AccountSums, Audit, AuditSnapshot, CardOwner, ChainSums, RowCounts, StoreError, StoreFuture,
};

/// Rows of a page.
const PAGE_ROWS: i64 = 1000;

/// What has to be summed over whole tables is summed once, into tables of the snapshot's own.
const SUMS: [&str; 4] = [
    include_str!("sql/audit_accounts_create.sql"),
    include_str!("sql/audit_accounts_fill.sql"),
    include_str!("sql/audit_chains_create.sql"),
    include_str!("sql/audit_chains_fill.sql"),
];

const ACCOUNTS: &str = include_str!("sql/audit_accounts_page.sql");
const CHAINS: &str = include_str!("sql/audit_chains_page.sql");
const OWNERS: &str = include_str!("sql/audit_owners_page.sql");
const COUNTERS: &str = include_str!("sql/audit_counters_page.sql");
const COUNTS: &str = include_str!("sql/audit_rows_count.sql");

impl Audit for PostgresStore {
    fn snapshot(&self) -> StoreFuture<'_, Box<dyn AuditSnapshot>> {
        Box::pin(async move {
            self.ready()?;
            let connecting = connect::auditor(&self.options);
            let mut connection = connecting.connect().await.map_err(translate)?;
            // The first statement after this one takes the snapshot.
            let begin = "begin isolation level repeatable read";
            for sql in [begin].into_iter().chain(SUMS) {
                sqlx::raw_sql(sql).execute(&mut connection).await.map_err(translate)?;
            }
            let snapshot: Box<dyn AuditSnapshot> = Box::new(Snapshot { connection });
            Ok(snapshot)
        })
    }
}

/// A transaction that reads. It ends with its connection.
struct Snapshot {
    connection: PgConnection,
}

impl Snapshot {
    /// The first page follows the nil id: a condition on a missing one would keep the index unused,
    /// and every page would read all before it.
    async fn page<T>(&mut self, sql: &'static str, last: Option<Uuid>) -> Result<Vec<T>, StoreError>
    where
        T: for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        let asked = sqlx::query_as(sql).bind(last.unwrap_or_default()).bind(PAGE_ROWS);
        asked.fetch_all(&mut self.connection).await.map_err(translate)
    }
}

fn count(sum: i64) -> u64 {
    u64::try_from(sum).unwrap_or(0)
}

/// The account's columns, then holds, posted, funded and the causes of overdrafts.
type AccountSumsRow = (Uuid, String, i64, i64, i64, i64, i64, i64, i64, i64, i64);

fn account_sums(row: AccountSumsRow) -> Result<AccountSums, StoreError> {
    let (id, currency, limit, funded, held, posted, version, holds, debits, funding, causes) = row;
    Ok(AccountSums {
        account: rows::account((id, currency, limit, funded, held, posted, version))?,
        holds,
        posted: debits,
        funded: funding,
        overdraft_causes: count(causes),
    })
}

/// The chain's columns, then what is stored as held, cleared, refunded and approved.
type ChainSumsRow =
    (Uuid, Uuid, Uuid, String, i32, i64, Option<i64>, Option<Uuid>, String, i64, i64, i64, i64);

fn chain_sums(row: ChainSumsRow) -> Result<ChainSums, StoreError> {
    let (id, account, card, currency, postings, opened, expires, merged, details, ..) = row;
    let chain = (id, account, card, currency, postings, opened, expires, merged, details);
    Ok(ChainSums {
        chain: rows::chain(chain)?,
        stored_hold: row.9,
        cleared: row.10,
        refunded: row.11,
        approved: row.12,
    })
}

impl AuditSnapshot for Snapshot {
    fn accounts(&mut self, last: Option<AccountId>) -> StoreFuture<'_, Vec<AccountSums>> {
        Box::pin(async move {
            let page = self.page(ACCOUNTS, last.map(AccountId::uuid)).await?;
            page.into_iter().map(account_sums).collect()
        })
    }

    fn chains(&mut self, last: Option<AuthorizationId>) -> StoreFuture<'_, Vec<ChainSums>> {
        Box::pin(async move {
            let page = self.page(CHAINS, last.map(AuthorizationId::uuid)).await?;
            page.into_iter().map(chain_sums).collect()
        })
    }

    fn owners(&mut self, last: Option<CardId>) -> StoreFuture<'_, Vec<CardOwner>> {
        Box::pin(async move {
            let page = self.page(OWNERS, last.map(CardId::uuid)).await?;
            let owner = |(card, user, company): (Uuid, Uuid, Option<Uuid>)| CardOwner {
                card: CardId::new(card),
                user: UserId::new(user),
                company: company.map(CompanyId::new),
            };
            Ok(page.into_iter().map(owner).collect())
        })
    }

    fn counters(&mut self) -> StoreFuture<'_, Vec<(CounterKey, Counter, Option<Limit>)>> {
        Box::pin(async move {
            let mut counters: Vec<(CounterKey, Counter, Option<Limit>)> = Vec::new();
            loop {
                let last = counters.last().map(|(key, _, _)| *key);
                let asked = sqlx::query(COUNTERS)
                    .bind(last.map(|key| key.limit.uuid()).unwrap_or_default())
                    .bind(last.map(|key| rows::member_row(key.member).1).unwrap_or_default())
                    .bind(PAGE_ROWS);
                let page = asked.fetch_all(&mut self.connection).await.map_err(translate)?;
                if page.is_empty() {
                    return Ok(counters);
                }
                for row in page {
                    let body: Option<String> = row.try_get("body").map_err(translate)?;
                    let counted = rows::CounterRow::from_row(&row).map_err(unreadable)?;
                    let (key, counter) = rows::counter(counted)?;
                    let limit = body.as_deref().map(rows::json).transpose()?;
                    counters.push((key, counter, limit));
                }
            }
        })
    }

    fn counts(&mut self) -> StoreFuture<'_, RowCounts> {
        Box::pin(async move {
            type Counts = (i64, i64, i64, i64, i64, i64, i64, i64);
            let asked = sqlx::query_as(COUNTS);
            let row: Counts = asked.fetch_one(&mut self.connection).await.map_err(translate)?;
            Ok(RowCounts {
                decisions: count(row.0),
                approved: count(row.1),
                unexplained: count(row.2),
                authorizations: count(row.3),
                chains: count(row.4),
                postings: count(row.5),
                unbalanced: count(row.6),
                outbox: count(row.7),
            })
        })
    }
}
