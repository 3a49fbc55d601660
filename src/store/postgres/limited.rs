//! A connection of the pool whose statements end in time. The driver sets no keepalive on its sockets:
//! nothing is ever heard of a host that has vanished, and who waits for its answer would wait for ever.

use std::io;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::{BoxStream, unfold};
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgQueryResult, PgRow, PgStatement, PgTypeInfo};
use sqlx::{Describe, Either, Execute, Executor, Postgres, SqlStr};
use tokio::time::{Instant, timeout_at};

use super::PostgresOptions;
use super::error::Silence;

/// How much longer than the server's own limit an answer may take: the server ends what is slow, and
/// only one that says nothing at all is given up.
const GRACE: Duration = Duration::from_secs(5);

/// How long a statement may take until it is answered.
pub(super) fn statement_limit(options: &PostgresOptions) -> Duration {
    options.statement_timeout + GRACE
}

/// How long a transaction may take.
pub(super) fn write_limit(options: &PostgresOptions) -> Duration {
    options.statement_timeout * 2 + GRACE
}

/// A connection for single statements. One that was not answered in time is closed.
#[derive(Debug)]
pub(super) struct Limited {
    connection: PoolConnection<Postgres>,
    limit: Duration,
    overdue: bool,
}

impl Limited {
    pub(super) const fn new(connection: PoolConnection<Postgres>, limit: Duration) -> Self {
        Self { connection, limit, overdue: false }
    }
}

impl Drop for Limited {
    fn drop(&mut self) {
        if self.overdue {
            self.connection.close_on_drop();
        }
    }
}

impl<'c> Executor<'c> for &'c mut Limited {
    type Database = Postgres;

    fn fetch_many<'e, 'q: 'e, E>(
        self,
        query: E,
    ) -> BoxStream<'e, Result<Either<PgQueryResult, PgRow>, sqlx::Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let Limited { connection, limit, overdue } = self;
        let until = Instant::now() + *limit;
        let rows = Executor::fetch_many(&mut **connection, query);
        Box::pin(unfold((rows, overdue), move |(mut rows, overdue)| async move {
            let next = timeout_at(until, rows.next()).await;
            let next = next.unwrap_or_else(|_| {
                *overdue = true;
                Some(Err(too_late()))
            });
            next.map(|next| (next, (rows, overdue)))
        }))
    }

    fn fetch_optional<'e, 'q: 'e, E>(
        self,
        query: E,
    ) -> BoxFuture<'e, Result<Option<PgRow>, sqlx::Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let Limited { connection, limit, overdue } = self;
        let until = Instant::now() + *limit;
        let row = Executor::fetch_optional(&mut **connection, query);
        Box::pin(async move {
            timeout_at(until, row).await.unwrap_or_else(|_| {
                *overdue = true;
                Err(too_late())
            })
        })
    }

    /// Nothing here prepares by itself.
    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [PgTypeInfo],
    ) -> BoxFuture<'e, Result<PgStatement, sqlx::Error>>
    where
        'c: 'e,
    {
        Executor::prepare_with(&mut *self.connection, sql, parameters)
    }

    /// Nor describes.
    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<Postgres>, sqlx::Error>>
    where
        'c: 'e,
    {
        Executor::describe(&mut *self.connection, sql)
    }
}

fn too_late() -> sqlx::Error {
    sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, Silence::TooLong))
}
