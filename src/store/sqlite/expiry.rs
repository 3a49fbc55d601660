//! Holds that have run out, by the injected clock.

use super::SqliteStore;
use super::query::{ask, many};
use crate::domain::id::{AccountId, AuthorizationId, CardId};
use crate::domain::time::Timestamp;
use crate::store::{DueHold, DueHolds, StoreFuture};

const DUE: &str = include_str!("sql/holds_due.sql");

/// `holds`.
type DueRow = (AuthorizationId, AccountId, CardId, Timestamp);

impl DueHolds for SqliteStore {
    fn due_holds(&self, from: Timestamp, holds_max: u32) -> StoreFuture<'_, Vec<DueHold>> {
        Box::pin(async move {
            let now = self.clock.now().as_micros();
            let asked = ask(DUE).bind(from.as_micros()).bind(now).bind(holds_max);
            let rows: Vec<DueRow> = many(&mut *self.reader().await?, asked).await?;
            let due =
                |(chain, account, card, expires_at)| DueHold { chain, account, card, expires_at };
            Ok(rows.into_iter().map(due).collect())
        })
    }
}
