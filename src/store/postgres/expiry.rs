//! Holds that have run out, by the server's time.

use uuid::Uuid;

use super::PostgresStore;
use super::error::translate;
use super::outbox::now;
use super::rows::{account_id, authorization_id};
use crate::domain::id::CardId;
use crate::domain::time::Timestamp;
use crate::store::{DueHold, DueHolds, StoreFuture};

const DUE: &str = include_str!("sql/holds_due.sql");

/// `holds`.
type DueRow = (Uuid, Uuid, Uuid, i64);

const fn due((chain, account, card, expires_at): DueRow) -> DueHold {
    DueHold {
        chain: authorization_id(chain),
        account: account_id(account),
        card: CardId::new(card),
        expires_at: Timestamp::from_micros(expires_at),
    }
}

impl DueHolds for PostgresStore {
    fn due_holds(&self, from: Timestamp, holds_max: u32) -> StoreFuture<'_, Vec<DueHold>> {
        Box::pin(async move {
            let mut reader = self.reader().await?;
            let offset_us = self.options.clock_offset_us.load(std::sync::atomic::Ordering::SeqCst);
            // The index is no use to a time that is read anew for each row.
            let now = now(&mut reader).await?.plus_micros(offset_us);
            let asked = sqlx::query_as(DUE)
                .bind(from.as_micros())
                .bind(now.as_micros())
                .bind(i64::from(holds_max));
            let rows: Vec<DueRow> = asked.fetch_all(&mut reader).await.map_err(translate)?;
            Ok(rows.into_iter().map(due).collect())
        })
    }
}
