//! The money home: one turn at the writer's connection is one transaction.

use super::SqliteStore;
use super::load::{self, Found};
use super::persist::persist;
use super::refresh::Reader;
use super::turn::Turn;
use crate::ledger::books::Books;
use crate::ledger::intent::Intent;
use crate::ledger::wanted::Wanted;
use crate::store::refresh::refresh;
use crate::store::{MoneyHome, MoneyTxn, Refreshed, StoreFuture};

impl MoneyHome for SqliteStore {
    fn begin<'a>(&'a self, wanted: &'a Wanted) -> StoreFuture<'a, Box<dyn MoneyTxn>> {
        Box::pin(async move {
            let mut turn = self.jobs.turn().await?;
            // The time is read under the lock: what is decided later is never dated earlier.
            let mut books = Books::at(self.clock.now());
            let found = load::load(turn.connection(), &mut books, wanted).await?;
            let txn: Box<dyn MoneyTxn> = Box::new(SqliteTxn { turn, books, found });
            Ok(txn)
        })
    }
}

/// A transaction. Everything is locked from the beginning: there is one writer.
struct SqliteTxn {
    turn: Turn,
    books: Books,
    found: Found,
}

impl MoneyTxn for SqliteTxn {
    fn refresh_stale_facts<'a>(
        &'a mut self,
        intents: &'a mut [Intent],
    ) -> StoreFuture<'a, Refreshed> {
        Box::pin(async move {
            let connection = self.turn.connection();
            let reader = &mut Reader(&mut *connection);
            let stale = refresh(reader, &self.found.policies, intents).await?;
            if stale.is_empty() {
                return Ok(Refreshed::Current);
            }
            // Fresh facts may count in other windows: nothing that was loaded for stale ones stays.
            self.books = Books::at(self.books.now());
            let wanted = Wanted::by(intents);
            self.found = load::load(connection, &mut self.books, &wanted).await?;
            Ok(Refreshed::Replaced(stale))
        })
    }

    fn books(&mut self) -> &mut Books {
        &mut self.books
    }

    fn commit(self: Box<Self>) -> StoreFuture<'static, ()> {
        Box::pin(async move {
            let Self { mut turn, books, found } = *self;
            if books.unchanged() {
                return Ok(()); // the turn ends here, with nothing to keep
            }
            persist(turn.connection(), &books.changes(), &found).await?;
            turn.commit().await
        })
    }
}
