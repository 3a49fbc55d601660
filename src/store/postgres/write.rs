//! Writes outside the lanes: each a transaction in a task of its own, which no caller can cancel.

use std::time::Duration;

use sqlx::postgres::{PgConnection, PgPool};
use tokio::time::timeout;

use super::error::{Silence, may_be_committed, of_commit, translate, unknown};
use super::limited::{statement_limit, write_limit};
use super::pooled::Pooled;
use super::{PostgresStore, audit_log};
use crate::domain::audit::Act;
use crate::store::{StoreError, StoreFuture};

impl PostgresStore {
    /// Runs a write in a transaction of its own and waits for its commit. Dropping this call does
    /// not stop the write.
    pub(super) async fn write<T, W>(&self, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: for<'c> FnOnce(&'c mut PgConnection) -> StoreFuture<'c, T> + Send + 'static,
    {
        let pool = self.writers()?.clone();
        let act = self.record.as_ref().and_then(|record| record.pending());
        let task = tokio::spawn(transact(pool, write_limit(&self.options), work, act));
        // A panic may have come before or after the commit.
        let done = task.await.unwrap_or_else(|_| Err(unknown(Silence::Stopped)))?;
        self.record.iter().for_each(|record| record.committed());
        Ok(done)
    }

    /// Runs a write that is one statement: a transaction by itself, which takes one round trip instead
    /// of three. Dropping this call does not stop it either.
    pub(super) async fn write_once<T, W>(&self, statement: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: for<'c> FnOnce(&'c mut PgConnection) -> StoreFuture<'c, T> + Send + 'static,
    {
        if self.record.is_some() {
            return self.write(statement).await; // with what it leaves in the audit log
        }
        let pool = self.writers()?.clone();
        let limit = statement_limit(&self.options);
        let task = tokio::spawn(async move {
            let mut connection = Pooled::of(&pool).await?;
            let done = timeout(limit, statement(&mut connection)).await;
            done.unwrap_or_else(|_| Err(unknown(Silence::TooLong))).map_err(may_be_committed)
        });
        task.await.unwrap_or_else(|_| Err(unknown(Silence::Stopped)))
    }
}

async fn transact<T, W>(
    pool: PgPool,
    limit: Duration,
    work: W,
    act: Option<Act>,
) -> Result<T, StoreError>
where
    W: for<'c> FnOnce(&'c mut PgConnection) -> StoreFuture<'c, T>,
{
    let mut connection = Pooled::of(&pool).await?;
    let done = timeout(limit, transaction(&mut connection, work, act)).await;
    // What is not answered may be committed.
    done.unwrap_or_else(|_| Err(unknown(Silence::TooLong)))
}

async fn transaction<T, W>(
    connection: &mut PgConnection,
    work: W,
    act: Option<Act>,
) -> Result<T, StoreError>
where
    W: for<'c> FnOnce(&'c mut PgConnection) -> StoreFuture<'c, T>,
{
    sqlx::raw_sql("begin").execute(&mut *connection).await.map_err(translate)?;
    let done = match written(&mut *connection, work, act).await {
        Ok(done) => done,
        Err(error) => {
            // Where this fails, giving the connection back fails too, and it is closed.
            let _ = sqlx::raw_sql("rollback").execute(&mut *connection).await;
            return Err(error);
        }
    };
    match sqlx::raw_sql("commit").execute(&mut *connection).await {
        Ok(_) => Ok(done),
        Err(error) => Err(of_commit(error)),
    }
}

/// The work, and the entry of the audit log that it leaves.
async fn written<T, W>(
    connection: &mut PgConnection,
    work: W,
    act: Option<Act>,
) -> Result<T, StoreError>
where
    W: for<'c> FnOnce(&'c mut PgConnection) -> StoreFuture<'c, T>,
{
    let done = work(connection).await?;
    if let Some(act) = act {
        audit_log::add(connection, act).await?;
    }
    Ok(done)
}
