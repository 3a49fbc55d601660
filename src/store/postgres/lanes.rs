//! The connections of lanes: a small set, lent out a transaction at a time. One comes back only when
//! its transaction is over for certain; otherwise it is closed, and another takes its place.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use super::error::{Silence, of_commit, silent, translate, unknown};
use super::turns::in_few_turns;
use crate::store::StoreError;

/// The set.
pub(super) struct Lanes {
    connecting: PgConnectOptions,
    permits: Arc<Semaphore>,
    idle: Mutex<Vec<PgConnection>>,
    /// What is sent on a new connection before its first transaction.
    prepare: &'static str,
    /// How long a transaction may take from its first wait to its last.
    transaction_max: Duration,
}

impl Lanes {
    /// At most `count` connections, opened as they are needed.
    pub(super) fn new(
        connecting: PgConnectOptions,
        prepare: &'static str,
        count: u32,
        transaction_max: Duration,
    ) -> Self {
        let count = usize::try_from(count.max(1)).unwrap_or(1);
        let permits = Arc::new(Semaphore::new(count));
        Self { connecting, permits, idle: Mutex::default(), prepare, transaction_max }
    }

    async fn open(&self) -> Result<PgConnection, sqlx::Error> {
        let mut connection = self.connecting.connect().await?;
        sqlx::raw_sql(self.prepare).execute(&mut connection).await?;
        Ok(connection)
    }

    /// Lends a connection, kept or new.
    pub(super) async fn lend(self: &Arc<Self>) -> Result<Lent, StoreError> {
        let until = Instant::now() + self.transaction_max;
        let permit = timeout_at(until, Arc::clone(&self.permits).acquire_owned()).await;
        let permit = permit.map_err(|_| silent(Silence::TooLong))?;
        let permit = permit.map_err(|_| silent(Silence::Closed))?;
        let kept = self.kept().pop();
        let mut lent = Lent {
            is_kept: kept.is_some(),
            lanes: Arc::clone(self),
            permit: Some(permit),
            connection: kept,
            state: State::Clean,
            until,
        };
        if !lent.is_kept {
            lent.connect().await?;
        }
        Ok(lent)
    }

    /// Lends nothing any more, and closes what is not lent.
    pub(super) async fn close(&self) {
        self.permits.close();
        let kept = std::mem::take(&mut *self.kept());
        for connection in kept {
            let _ = sqlx::Connection::close(connection).await; // gone either way
        }
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Vec<PgConnection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, connection: PgConnection) {
        if !self.permits.is_closed() {
            self.kept().push(connection);
        }
    }
}

/// What is known of a lent connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing has begun.
    Clean,
    /// A transaction is open, and no statement is on its way.
    Open,
    /// A statement is on its way, or was when its caller went away: only closing ends it for certain.
    Busy,
}

/// A connection that was lent. Dropped, its transaction is rolled back, or it is closed.
pub(super) struct Lent {
    lanes: Arc<Lanes>,
    permit: Option<OwnedSemaphorePermit>,
    connection: Option<PgConnection>,
    is_kept: bool,
    state: State,
    until: Instant,
}

impl Lent {
    /// Whether it has worked before: then the server may have closed it meanwhile.
    pub(super) const fn is_kept(&self) -> bool {
        self.is_kept
    }

    /// Opens a new connection in place of this one. What else was kept is as old, so it goes too.
    pub(super) async fn connect(&mut self) -> Result<(), StoreError> {
        self.connection = None;
        self.lanes.kept().clear();
        self.is_kept = false;
        let connected = timeout_at(self.until, in_few_turns(self.lanes.open())).await;
        let connection = connected.map_err(|_| silent(Silence::TooLong))?.map_err(translate)?;
        self.connection = Some(connection);
        self.state = State::Clean;
        Ok(())
    }

    /// The connection, and until when its statement may take. Whoever goes away before
    /// [`Lent::ended`] has been told of the result closes it.
    pub(super) fn busy(&mut self) -> Result<(&mut PgConnection, Instant), StoreError> {
        self.state = State::Busy;
        let connection = self.connection.as_mut().ok_or_else(|| silent(Silence::Closed))?;
        Ok((connection, self.until))
    }

    /// The statement has ended. What leaves the connection in doubt leaves it to be closed.
    pub(super) fn ended<T>(&mut self, done: Result<T, StoreError>) -> Result<T, StoreError> {
        if !matches!(done, Err(StoreError::Unavailable(_) | StoreError::OutcomeUnknown(_))) {
            self.state = State::Open;
        }
        done
    }

    /// Commits, in a task of its own: a caller that goes away does not stop it half-way.
    pub(super) async fn commit(self) -> Result<(), StoreError> {
        let task = tokio::spawn(self.commit_now());
        task.await.unwrap_or_else(|_| Err(unknown(Silence::Stopped)))
    }

    async fn commit_now(mut self) -> Result<(), StoreError> {
        let (connection, until) = self.busy()?;
        let committing = timeout_at(until, sqlx::raw_sql("commit").execute(connection));
        let done = committing.await.map_err(|_| unknown(Silence::TooLong))?;
        done.map_err(of_commit)?;
        self.state = State::Clean;
        Ok(())
    }

    /// Ends the transaction with nothing kept, and gives the connection back if that has worked.
    async fn roll_back(mut self) {
        let soon = Instant::now() + self.lanes.transaction_max;
        let Ok((connection, _)) = self.busy() else { return };
        if let Ok(Ok(_)) = timeout_at(soon, sqlx::raw_sql("rollback").execute(connection)).await {
            self.state = State::Clean;
        }
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        match self.state {
            State::Clean => self.lanes.keep(connection),
            State::Busy => drop(connection), // the server rolls back when it sees the end of it
            State::Open => {
                // Without a runtime nothing can be sent: closing has to do.
                let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
                let lent = Self {
                    lanes: Arc::clone(&self.lanes),
                    permit: self.permit.take(),
                    connection: Some(connection),
                    is_kept: self.is_kept,
                    // A runtime that is ending drops the task unrun: then it is closed, not sent
                    // here again.
                    state: State::Busy,
                    until: self.until,
                };
                runtime.spawn(lent.roll_back());
            }
        }
    }
}

/// What a statement comes to by then.
pub(super) async fn within<T>(
    until: Instant,
    statement: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    timeout_at(until, statement).await.unwrap_or_else(|_| Err(silent(Silence::TooLong)))
}
