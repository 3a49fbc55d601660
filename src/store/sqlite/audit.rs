//! The audit: everything read back in one snapshot, on a connection of its own.

use serde::de::DeserializeOwned;
use sqlx::ConnectOptions;
use sqlx::sqlite::SqliteConnection;

use super::SqliteStore;
use super::connect;
use super::error::translate;
use super::query::{Asked, ask, many, one};
use super::rows;
use crate::domain::id::{AccountId, AuthorizationId, CardId};
use crate::domain::policy::{Counter, CounterKey, Limit};
use crate::store::{
    AccountSums, Audit, AuditSnapshot, CardOwner, ChainSums, RowCounts, StoreError, StoreFuture,
};

/// Rows of a page.
const PAGE_ROWS: u32 = 1000;

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

impl Audit for SqliteStore {
    fn snapshot(&self) -> StoreFuture<'_, Box<dyn AuditSnapshot>> {
        Box::pin(async move {
            let connecting = connect::auditor(&self.path);
            let mut connection = connecting.connect().await.map_err(translate)?;
            for sql in ["begin"].into_iter().chain(SUMS) {
                sqlx::query(sql).execute(&mut connection).await.map_err(translate)?;
            }
            let snapshot: Box<dyn AuditSnapshot> = Box::new(Snapshot { connection });
            Ok(snapshot)
        })
    }
}

/// A read transaction. It ends with its connection.
struct Snapshot {
    connection: SqliteConnection,
}

impl Snapshot {
    async fn page<T: DeserializeOwned>(&mut self, asked: Asked) -> Result<Vec<T>, StoreError> {
        many(&mut self.connection, asked.bind(PAGE_ROWS)).await
    }
}

/// The id as text; before the first one, the empty text.
fn after(id: Option<impl ToString>) -> String {
    id.map(|id| id.to_string()).unwrap_or_default()
}

impl AuditSnapshot for Snapshot {
    fn accounts(&mut self, last: Option<AccountId>) -> StoreFuture<'_, Vec<AccountSums>> {
        Box::pin(async move {
            let page = self.page(ask(ACCOUNTS).bind(after(last))).await?;
            Ok(page.into_iter().map(rows::account_sums).collect())
        })
    }

    fn chains(&mut self, last: Option<AuthorizationId>) -> StoreFuture<'_, Vec<ChainSums>> {
        Box::pin(async move {
            let page = self.page(ask(CHAINS).bind(after(last))).await?;
            Ok(page.into_iter().map(rows::chain_sums).collect())
        })
    }

    fn owners(&mut self, last: Option<CardId>) -> StoreFuture<'_, Vec<CardOwner>> {
        Box::pin(async move {
            let page = self.page(ask(OWNERS).bind(after(last))).await?;
            let owner = |(card, user, company)| CardOwner { card, user, company };
            Ok(page.into_iter().map(owner).collect())
        })
    }

    fn counters(&mut self) -> StoreFuture<'_, Vec<(CounterKey, Counter, Option<Limit>)>> {
        Box::pin(async move {
            let mut counters: Vec<(CounterKey, Counter, Option<Limit>)> = Vec::new();
            loop {
                let last = counters.last().map(|(key, _, _)| *key);
                let limit = after(last.map(|key| key.limit));
                let member = after(last.map(|key| key.member));
                let page = self.page(ask(COUNTERS).bind(limit).bind(member)).await?;
                if page.is_empty() {
                    return Ok(counters);
                }
                for (limit, member, start, amount, count, body) in page {
                    let (key, counter) = rows::counter((limit, member, start, amount, count));
                    counters.push((key, counter, body));
                }
            }
        })
    }

    fn counts(&mut self) -> StoreFuture<'_, RowCounts> {
        Box::pin(async move {
            let counts = one(&mut self.connection, ask(COUNTS)).await?;
            Ok(counts.map(rows::counts).unwrap_or_default())
        })
    }
}
