//! What the driver says, in the words of the port. The one place that knows PostgreSQL's codes.

use sqlx::error::DatabaseError;

use crate::store::{Source, StoreError};

/// Codes (postgresql.org/docs, appendix A) that mean something to a caller.
mod code {
    pub(super) const UNIQUE: &str = "23505";
    pub(super) const SERIALIZATION: &str = "40001";
    pub(super) const DEADLOCK: &str = "40P01";
    pub(super) const LOCK_TIMEOUT: &str = "55P03";
    pub(super) const READ_ONLY: &str = "25006";
    pub(super) const IDLE_IN_TRANSACTION: &str = "25P03";
    /// Classes: connection, resources, operator's intervention (a cancelled statement among them),
    /// system errors.
    pub(super) const UNAVAILABLE: [&str; 4] = ["08", "53", "57", "58"];
}

/// Translates an error of the driver.
pub(super) fn translate(error: sqlx::Error) -> StoreError {
    match error {
        sqlx::Error::Database(error) => of_database(error),
        sqlx::Error::Io(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => StoreError::Unavailable(Box::new(error)),
        other => StoreError::Failed(Box::new(other)),
    }
}

fn of_database(error: Box<dyn DatabaseError>) -> StoreError {
    let code = error.code().unwrap_or_default().into_owned();
    if code == code::UNIQUE {
        return StoreError::Taken(field(error.constraint()));
    }
    let class = code.get(..2).unwrap_or_default();
    let source: Source = Box::new(sqlx::Error::Database(error));
    match code.as_str() {
        code::SERIALIZATION | code::DEADLOCK | code::LOCK_TIMEOUT => StoreError::Conflict(source),
        code::READ_ONLY | code::IDLE_IN_TRANSACTION => StoreError::Unavailable(source),
        _ if code::UNAVAILABLE.contains(&class) => StoreError::Unavailable(source),
        _ => StoreError::Failed(source),
    }
}

fn field(constraint: Option<&str>) -> &'static str {
    match constraint {
        Some("companies_marqeta_token" | "users_marqeta_token" | "cards_marqeta_token") => {
            "marqeta_token"
        }
        _ => "id",
    }
}

/// In a batch a taken key means that someone else was there first.
pub(super) fn clash(error: sqlx::Error) -> StoreError {
    match translate(error) {
        taken @ StoreError::Taken(_) => StoreError::Conflict(Box::new(taken)),
        other => other,
    }
}

/// What a commit has come to where the server has not said that it failed.
pub(super) fn of_commit(error: sqlx::Error) -> StoreError {
    may_be_committed(clash(error))
}

/// What a statement that is committed with its end has come to, or a commit.
pub(super) fn may_be_committed(error: StoreError) -> StoreError {
    match error {
        StoreError::Unavailable(source) => StoreError::OutcomeUnknown(source),
        other => other,
    }
}

/// What is stored can not be read back.
pub(super) fn unreadable(error: impl Into<Source>) -> StoreError {
    StoreError::Failed(error.into())
}

/// Why the store does not answer, where no server has said so.
#[derive(Clone, Copy, Debug, thiserror::Error)]
pub(super) enum Silence {
    #[error("the store is not prepared yet")]
    Unprepared,
    #[error("the store is closed")]
    Closed,
    #[error("the server has taken too long; the connection is given up")]
    TooLong,
    #[error("a task of the store was stopped in the middle")]
    Stopped,
}

/// Nothing was committed.
pub(super) fn silent(why: Silence) -> StoreError {
    StoreError::Unavailable(Box::new(why))
}

/// The commit may have taken effect.
pub(super) fn unknown(why: Silence) -> StoreError {
    StoreError::OutcomeUnknown(Box::new(why))
}
