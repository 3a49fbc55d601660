//! A connection of the pool whose statements end in time. The driver sets no keepalive on its sockets:
//! nothing is ever heard of a host that has vanished, and who waits for its answer would wait for ever.

use std::io;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::{BoxStream, unfold};
use sqlx::postgres::{PgQueryResult, PgRow, PgStatement, PgTypeInfo};
use sqlx::{Describe, Either, Execute, Executor, Postgres, SqlStr};
use tokio::time::{Instant, timeout_at};

use super::PostgresOptions;
use super::error::Silence;
use super::pooled::Pooled;

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

/// A connection for single statements.
#[derive(Debug)]
pub(super) struct Limited {
    connection: Pooled,
    limit: Duration,
}

impl Limited {
    pub(super) const fn new(connection: Pooled, limit: Duration) -> Self {
        Self { connection, limit }
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
        let until = Instant::now() + self.limit;
        let rows = Executor::fetch_many(&mut *self.connection, query);
        Box::pin(unfold(rows, move |mut rows| async move {
            let next = timeout_at(until, rows.next()).await;
            next.unwrap_or_else(|_| Some(Err(too_late()))).map(|next| (next, rows))
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
        let until = Instant::now() + self.limit;
        let row = Executor::fetch_optional(&mut *self.connection, query);
        Box::pin(async move { timeout_at(until, row).await.unwrap_or_else(|_| Err(too_late())) })
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
