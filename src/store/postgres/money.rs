//! The money home: a lane's transaction on a connection lent to it alone.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, FromRow};

use super::PostgresStore;
use super::error::translate;
use super::facts::Reader;
use super::lanes::{Lent, within};
use super::load::{self, Found};
use super::persist::persist;
use super::rows;
use crate::domain::facts::Facts;
use crate::domain::id::{AccountId, Home};
use crate::domain::party::Account;
use crate::domain::time::Timestamp;
use crate::ledger::books::Books;
use crate::ledger::intent::Intent;
use crate::ledger::wanted::Wanted;
use crate::store::refresh::refresh;
use crate::store::{MoneyHome, MoneyTxn, Refreshed, StoreError, StoreFuture};

/// Prepared on every connection of a lane: parsed and planned once, not with each batch.
pub(super) const PREPARE_LOCK: &str =
    concat!("prepare accounts_lock (uuid[]) as\n", include_str!("sql/accounts_lock.sql"));

/// How often chains may lead to accounts that are not locked yet.
const LOCKS_MAX: u32 = 4;

impl MoneyHome for PostgresStore {
    fn begin<'a>(&'a self, wanted: &'a Wanted) -> StoreFuture<'a, Box<dyn MoneyTxn>> {
        Box::pin(async move {
            let lent = self.lanes()?.lend().await?;
            let mut txn = PostgresTxn {
                lent,
                requested: wanted.accounts.clone(),
                locked: Vec::new(),
                books: Books::at(Timestamp::default()),
                found: Found::default(),
                clock_offset_us: Arc::clone(&self.options.clock_offset_us),
            };
            txn.begin(wanted).await?;
            let txn: Box<dyn MoneyTxn> = Box::new(txn);
            Ok(txn)
        })
    }
}

/// A transaction. Dropped, it is rolled back, or its connection is closed.
struct PostgresTxn {
    lent: Lent,
    /// What was to be locked, whether it is there or not.
    requested: BTreeSet<AccountId>,
    locked: Vec<Account>,
    books: Books,
    found: Found,
    clock_offset_us: Arc<AtomicI64>,
}

impl PostgresTxn {
    /// Locks and loads. What chains lead to must be locked before they are read, in order with all
    /// the rest: so it is begun again with it.
    async fn begin(&mut self, wanted: &Wanted) -> Result<(), StoreError> {
        let mut begin = "begin";
        for _ in 0..LOCKS_MAX {
            self.locked = self.lock(begin).await?;
            self.load(wanted).await?;
            let missing = self.books.missing_accounts();
            if missing.is_subset(&self.requested) {
                return Ok(());
            }
            self.requested.extend(missing);
            begin = "rollback; begin";
        }
        Err(StoreError::Conflict("chains lead to ever more accounts".into()))
    }

    /// The first statement on a connection that was kept may find that the server has closed it.
    /// Nothing has been done then, so a new one takes its place.
    async fn lock(&mut self, begin: &str) -> Result<Vec<Account>, StoreError> {
        let sql = locking(begin, &self.requested);
        let tried = self.locking(&sql).await;
        if self.lent.is_kept() && matches!(tried, Err(StoreError::Unavailable(_))) {
            self.lent.connect().await?;
            return self.locking(&sql).await;
        }
        tried
    }

    async fn locking(&mut self, sql: &str) -> Result<Vec<Account>, StoreError> {
        let (connection, until) = self.lent.busy()?;
        let locked = within(until, lock(connection, sql)).await;
        self.lent.ended(locked)
    }

    async fn load(&mut self, wanted: &Wanted) -> Result<(), StoreError> {
        let offset_us = self.clock_offset_us.load(Ordering::SeqCst);
        let (connection, until) = self.lent.busy()?;
        let loaded = load::load(connection, &self.locked, wanted, offset_us);
        let loaded = within(until, loaded).await;
        (self.books, self.found) = self.lent.ended(loaded)?;
        Ok(())
    }

    async fn refresh(&mut self, intents: &mut [Intent]) -> Result<Vec<Facts>, StoreError> {
        let (connection, until) = self.lent.busy()?;
        let reader = &mut Reader(connection);
        let stale = within(until, refresh(reader, &self.found.policies, intents)).await;
        self.lent.ended(stale)
    }

    async fn persist(&mut self) -> Result<(), StoreError> {
        let (connection, until) = self.lent.busy()?;
        let changes = self.books.changes();
        let persisted = within(until, persist(connection, &changes, &self.found)).await;
        self.lent.ended(persisted)
    }
}

/// Beginning and locking as one text: a round trip less than one after the other. It is a simple query,
/// which takes no arguments; ids are written out, and can not be anything but ids.
fn locking(begin: &str, accounts: &BTreeSet<AccountId>) -> String {
    let own = accounts.iter().filter(|account| account.home() == Home::Business);
    let mut ids = String::new();
    let mut separator = "";
    for account in own {
        write!(ids, "{separator}{}", account.uuid().simple()).expect("a string takes everything");
        separator = ",";
    }
    if ids.is_empty() {
        return begin.to_owned();
    }
    format!("{begin}; execute accounts_lock ('{{{ids}}}')")
}

async fn lock(connection: &mut PgConnection, sql: &str) -> Result<Vec<Account>, StoreError> {
    let asked = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
    let found = asked.fetch_all(connection).await.map_err(translate)?;
    found.iter().map(|row| rows::account(FromRow::from_row(row).map_err(translate)?)).collect()
}

impl MoneyTxn for PostgresTxn {
    fn refresh_stale_facts<'a>(
        &'a mut self,
        intents: &'a mut [Intent],
    ) -> StoreFuture<'a, Refreshed> {
        Box::pin(async move {
            let stale = self.refresh(intents).await?;
            if stale.is_empty() {
                return Ok(Refreshed::Current);
            }
            let wanted = Wanted::by(intents);
            if !wanted.accounts.is_subset(&self.requested) {
                return Ok(Refreshed::BeginAgain(stale));
            }
            // Fresh facts may count in other windows: nothing that was loaded for stale ones stays.
            self.load(&wanted).await?;
            if !self.books.missing_accounts().is_subset(&self.requested) {
                return Ok(Refreshed::BeginAgain(stale));
            }
            Ok(Refreshed::Replaced(stale))
        })
    }

    fn books(&mut self) -> &mut Books {
        &mut self.books
    }

    fn commit(mut self: Box<Self>) -> StoreFuture<'static, ()> {
        Box::pin(async move {
            if self.books.unchanged() {
                return Ok(()); // it is rolled back here: there is nothing to keep
            }
            self.persist().await?;
            let Self { lent, .. } = *self;
            lent.commit().await
        })
    }
}
