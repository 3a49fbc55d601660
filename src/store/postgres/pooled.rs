//! A connection of the pool, which goes back in time or not at all. The driver asks the server before it
//! keeps a connection, and waits for the answer without a limit: of a host that has vanished it hears
//! nothing, and the pool's places would be taken until the kernel gives up, a quarter of an hour later.

use std::ops::{Deref, DerefMut};
use std::time::Duration;

use sqlx::Postgres;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnection, PgPool};
use tokio::time::timeout;

use super::error::translate;
use super::turns::in_few_turns;
use crate::store::StoreError;

/// How long the server may take to say that a connection can be kept. Where a caller went away in the
/// middle of a statement, it says so at the end of that. Most end soon: to close each connection at once
/// would have the server open as many new ones as there are callers who lose their patience.
const RETURN_MAX: Duration = Duration::from_secs(2);

/// A connection that is lent. Dropped, it goes back, or is closed and its place given to another.
#[derive(Debug)]
pub(super) struct Pooled(PoolConnection<Postgres>);

impl Pooled {
    /// Lends one, kept or new.
    pub(super) async fn of(pool: &PgPool) -> Result<Self, StoreError> {
        in_few_turns(pool.acquire()).await.map(Self).map_err(translate)
    }

    /// Lends one that nobody uses. `None`: there is none.
    pub(super) fn idle(pool: &PgPool) -> Option<Self> {
        pool.try_acquire().map(Self)
    }
}

impl Deref for Pooled {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.0
    }
}

impl DerefMut for Pooled {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.0
    }
}

impl Drop for Pooled {
    fn drop(&mut self) {
        // A return that is cut short drops the connection, which closes it.
        tokio::spawn(timeout(RETURN_MAX, self.0.return_to_pool()));
    }
}
