//! What the driver says, in the words of the port. The one place that knows SQLite's result codes.

use std::fmt;
use std::sync::Arc;

use sqlx::error::{DatabaseError, ErrorKind};

use crate::store::{Source, StoreError};

/// Primary result codes (sqlite.org/rescode.html): the low byte of what the driver reports.
mod code {
    pub(super) const BUSY: i32 = 5;
    pub(super) const LOCKED: i32 = 6;
    pub(super) const NOMEM: i32 = 7;
    pub(super) const READONLY: i32 = 8;
    pub(super) const INTERRUPT: i32 = 9;
    pub(super) const IOERR: i32 = 10;
    pub(super) const FULL: i32 = 13;
    pub(super) const CANTOPEN: i32 = 14;
    pub(super) const PROTOCOL: i32 = 15;
}

/// Translates an error of the driver.
pub(super) fn translate(error: sqlx::Error) -> StoreError {
    match error {
        sqlx::Error::Database(error) => of_database(error),
        sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::Io(_) => StoreError::Unavailable(Box::new(error)),
        other => StoreError::Failed(Box::new(other)),
    }
}

fn of_database(error: Box<dyn DatabaseError>) -> StoreError {
    if error.kind() == ErrorKind::UniqueViolation {
        return StoreError::Taken(field(error.message()));
    }
    let extended: i32 = error.code().and_then(|code| code.parse().ok()).unwrap_or(0);
    let source: Source = Box::new(sqlx::Error::Database(error));
    match extended & 0xff {
        code::BUSY | code::LOCKED => StoreError::Conflict(source),
        code::NOMEM
        | code::READONLY
        | code::INTERRUPT
        | code::IOERR
        | code::FULL
        | code::CANTOPEN
        | code::PROTOCOL => StoreError::Unavailable(source),
        _ => StoreError::Failed(source),
    }
}

/// SQLite names the columns of a broken unique constraint, not the constraint.
fn field(message: &str) -> &'static str {
    if message.ends_with(".marqeta_token") { "marqeta_token" } else { "id" }
}

/// In a batch a taken key means that someone else was there first.
pub(super) fn clash(error: sqlx::Error) -> StoreError {
    match translate(error) {
        taken @ StoreError::Taken(_) => StoreError::Conflict(Box::new(taken)),
        other => other,
    }
}

/// What is stored can not be read back.
pub(super) fn unreadable(error: impl Into<Source>) -> StoreError {
    StoreError::Failed(error.into())
}

/// A failure that concerns several callers at once.
#[derive(Clone, Debug)]
pub(super) struct Shared(Arc<StoreError>);

impl Shared {
    pub(super) fn new(error: StoreError) -> Self {
        Self(Arc::new(error))
    }

    /// Nothing was committed.
    pub(super) fn not_done(&self) -> StoreError {
        match &*self.0 {
            StoreError::Conflict(_) => StoreError::Conflict(Box::new(self.clone())),
            _ => StoreError::Unavailable(Box::new(self.clone())),
        }
    }

    /// The commit may have taken effect.
    pub(super) fn unknown(&self) -> StoreError {
        StoreError::OutcomeUnknown(Box::new(self.clone()))
    }
}

impl fmt::Display for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl std::error::Error for Shared {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}

/// The writer task has ended: the store is closed.
#[derive(Debug, thiserror::Error)]
#[error("the store is closed")]
pub(super) struct Closed;

/// The writer has ended, so nothing was done.
pub(super) fn closed() -> StoreError {
    StoreError::Unavailable(Box::new(Closed))
}
