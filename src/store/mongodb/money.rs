//! The money home: one transaction a batch, on a session of its own. It writes all of its wallets last,
//! so that one of two batches that share one is a conflict. While there are conflicts it claims them
//! first as well, so that they show before any work.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mongodb::Database;
use mongodb::bson::{Document, doc};
use tokio::time::Instant;

use super::MongoStore;
use super::load::{self, Found};
use super::narrow::keys;
use super::persist::persist;
use super::read::within;
use super::refresh;
use super::transaction::{Caller, Tx, apart, kill};
use super::wallets::claim;
use crate::ledger::books::Books;
use crate::ledger::intent::Intent;
use crate::ledger::wanted::Wanted;
use crate::store::{MoneyHome, MoneyTxn, Refreshed, StoreError, StoreFuture};

impl MoneyHome for MongoStore {
    fn begin<'a>(&'a self, wanted: &'a Wanted) -> StoreFuture<'a, Box<dyn MoneyTxn>> {
        Box::pin(async move {
            let database = self.clients()?.lanes.clone();
            let until = Instant::now() + self.options.batch;
            let offset_us = self.time_offset_us();
            let tx = Tx::begin(&database).await?;
            let watch = Watch { database, session: tx.id(), until };
            let wanted = wanted.clone();
            let claim = self.contention.is_recent();
            let begun = watch.over(apart(begin(tx, wanted, offset_us, claim))).await;
            let (tx, books, found) = self.contention.noted(begun)?;
            let contention = Arc::clone(&self.contention);
            let txn: Box<dyn MoneyTxn> =
                Box::new(MongoTxn { tx, books, found, watch, offset_us, contention });
            Ok(txn)
        })
    }
}

/// Claims the wallets if it shall, then loads. (An `update` that is part of a transaction never waits
/// for another: see the module's own page.)
async fn begin(
    mut tx: Tx,
    wanted: Wanted,
    offset_us: i64,
    claim_first: bool,
) -> Result<(Tx, Books, Found), StoreError> {
    if claim_first && !wanted.accounts.is_empty() {
        tx.write(&claim(doc! { "_id": { "$in": keys(&wanted.accounts) } })).await?;
    }
    let (books, found) = load::load(&mut tx, &wanted, offset_us).await?;
    Ok((tx, books, found))
}

/// How long the batch has, and what is to be killed afterwards.
struct Watch {
    database: Database,
    session: Document,
    until: Instant,
}

impl Watch {
    fn left(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }

    /// Waits no longer than the batch may take. Past it the transaction is killed: an orphan would
    /// keep its wallets.
    async fn over<T>(
        &self,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let done = within(self.left(), call).await;
        if done.is_err() && self.left().is_zero() {
            kill(&self.database, self.session.clone());
        }
        done
    }
}

/// Whether batches meet others on their wallets: other instances, or changes of resources. A process
/// that has just started takes it for granted.
#[derive(Debug)]
pub(super) struct Contention {
    last: Mutex<Instant>,
    lasting: Duration,
}

impl Contention {
    pub(super) fn new(lasting: Duration) -> Self {
        Self { last: Mutex::new(Instant::now()), lasting }
    }

    fn is_recent(&self) -> bool {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).elapsed() < self.lasting
    }

    fn noted<T>(&self, done: Result<T, StoreError>) -> Result<T, StoreError> {
        if matches!(done, Err(StoreError::Conflict(_))) {
            *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        }
        done
    }
}

/// A transaction that has loaded what it is about.
struct MongoTxn {
    tx: Tx,
    books: Books,
    found: Found,
    watch: Watch,
    offset_us: i64,
    contention: Arc<Contention>,
}

impl MoneyTxn for MongoTxn {
    fn refresh_stale_facts<'a>(
        &'a mut self,
        intents: &'a mut [Intent],
    ) -> StoreFuture<'a, Refreshed> {
        Box::pin(async move {
            let Self { tx, books, found, watch, offset_us, .. } = self;
            let refreshing = refresh::refresh(tx, &found.policies, intents);
            let stale = watch.over(refreshing).await?;
            if stale.is_empty() {
                return Ok(Refreshed::Current);
            }
            let wanted = Wanted::by(intents);
            if wanted.accounts.iter().any(|account| !books.has_account(*account)) {
                return Ok(Refreshed::BeginAgain(stale));
            }
            // Fresh facts may count in other windows: nothing that was loaded for stale ones stays.
            (*books, *found) = watch.over(load::load(tx, &wanted, *offset_us)).await?;
            Ok(Refreshed::Replaced(stale))
        })
    }

    fn books(&mut self) -> &mut Books {
        &mut self.books
    }

    /// Commits even where nothing was changed: only then is what was read, and is answered, known to
    /// be kept by a majority.
    fn commit(self: Box<Self>) -> StoreFuture<'static, ()> {
        Box::pin(async move {
            let Self { mut tx, books, found, watch, contention, .. } = *self;
            let until = watch.until;
            let (_caller, mut waiting) = Caller::here();
            let committing = apart(async move {
                persist(&mut tx, &books, &found).await?;
                if waiting.gone() {
                    return Err(StoreError::Unavailable("nobody waits for this batch".into()));
                }
                tx.commit(until).await
            });
            match tokio::time::timeout(watch.left(), committing).await {
                Ok(done) => contention.noted(done),
                Err(elapsed) => {
                    kill(&watch.database, watch.session);
                    Err(StoreError::OutcomeUnknown(Box::new(elapsed)))
                }
            }
        })
    }
}
