//! The writer task: it alone writes. Whatever has queued up (writes, and one lane's batch) goes into
//! one transaction, and everybody is answered once that has reached the disk.
//!
//! Nothing here is cancelled by a caller: callers wait on channels, and may go.

use std::collections::VecDeque;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection};
use tokio::sync::{mpsc, oneshot};

use super::error::{Shared, closed, translate};
use super::jobs::{Job, Write};
use super::turn::{Returned, Turn};
use crate::store::StoreError;

/// How many writes join one transaction, so that a lane that waits is not kept waiting.
const WRITES_MAX: usize = 64;

type Waiting = oneshot::Sender<Result<Turn, StoreError>>;

/// The task's state.
pub(super) struct Writer {
    jobs: mpsc::Receiver<Job>,
    options: SqliteConnectOptions,
    /// `None` after a failure that leaves its state in doubt: the next group opens a new one.
    connection: Option<SqliteConnection>,
    writes: VecDeque<Box<dyn Write>>,
    turns: VecDeque<Waiting>,
    closing: Option<oneshot::Sender<()>>,
}

/// What goes into one transaction.
struct Group {
    writes: Vec<(Box<dyn Write>, Result<(), StoreError>)>,
    lane: Lane,
}

/// What has become of the lane's part.
enum Lane {
    Absent,
    Waits(Waiting),
    Persisted(oneshot::Sender<Result<(), StoreError>>),
}

/// How a transaction ended.
enum End {
    Committed,
    /// Nothing was committed.
    Undone(StoreError),
    /// Nobody knows.
    Unknown(StoreError),
}

impl Writer {
    pub(super) fn new(
        jobs: mpsc::Receiver<Job>,
        options: SqliteConnectOptions,
        connection: SqliteConnection,
    ) -> Self {
        Self {
            jobs,
            options,
            connection: Some(connection),
            writes: VecDeque::new(),
            turns: VecDeque::new(),
            closing: None,
        }
    }

    /// Works until nobody can ask any more, or it is told to close.
    pub(super) async fn run(mut self) {
        while let Some(mut group) = self.gather().await {
            let end = self.transact(&mut group).await;
            group.settle(end);
        }
        if let Some(connection) = self.connection.take()
            && let Err(error) = connection.close().await
        {
            tracing::warn!(error = &error as &dyn std::error::Error, "could not close the store");
        }
        if let Some(done) = self.closing.take() {
            let _ = done.send(()); // whoever asked has stopped waiting
        }
    }

    /// The next group; `None`: there will be none.
    async fn gather(&mut self) -> Option<Group> {
        if self.writes.is_empty() && self.turns.is_empty() && self.closing.is_none() {
            let job = self.jobs.recv().await?;
            self.sort(job);
        }
        while self.closing.is_none()
            && self.writes.len() < WRITES_MAX
            && let Ok(job) = self.jobs.try_recv()
        {
            self.sort(job);
        }
        if self.writes.is_empty() && self.turns.is_empty() {
            return None;
        }
        let writes = self.writes.drain(..self.writes.len().min(WRITES_MAX));
        let writes = writes.map(|write| (write, Ok(()))).collect();
        let lane = self.turns.pop_front().map_or(Lane::Absent, Lane::Waits);
        Some(Group { writes, lane })
    }

    fn sort(&mut self, job: Job) {
        match job {
            Job::Turn(waiting) => self.turns.push_back(waiting),
            Job::Write(write) => self.writes.push_back(write),
            Job::Close(done) => {
                self.jobs.close();
                self.closing = Some(done);
            }
        }
    }

    /// One transaction. Only a connection whose state is certain is kept.
    async fn transact(&mut self, group: &mut Group) -> End {
        let connection = match self.connection.take() {
            Some(connection) => Ok(connection),
            None => self.options.connect().await,
        };
        let mut connection = match connection {
            Ok(connection) => connection,
            Err(error) => return End::Undone(translate(error)),
        };
        if let Err(error) = run(&mut connection, "begin immediate").await {
            return End::Undone(error);
        }
        let connection = match group.fill(connection).await {
            Ok(connection) => connection,
            Err(error) => return End::Undone(error),
        };
        self.end(connection, group.has_written()).await
    }

    async fn end(&mut self, mut connection: SqliteConnection, written: bool) -> End {
        if !written {
            if run(&mut connection, "rollback").await.is_ok() {
                self.connection = Some(connection);
            }
            return End::Committed; // of nothing
        }
        match run(&mut connection, "commit").await {
            Ok(()) => {
                self.connection = Some(connection);
                End::Committed
            }
            Err(error) => End::Unknown(error),
        }
    }
}

impl Group {
    /// Runs the writes, then lends the connection to the lane: the judge sees what was written. An
    /// `Err` means that the transaction is lost.
    async fn fill(
        &mut self,
        mut connection: SqliteConnection,
    ) -> Result<SqliteConnection, StoreError> {
        for (write, outcome) in &mut self.writes {
            run(&mut connection, "savepoint item").await?;
            *outcome = write.run(&mut connection).await;
            if outcome.is_err() {
                run(&mut connection, "rollback to item").await?;
            }
            run(&mut connection, "release item").await?;
        }
        match std::mem::replace(&mut self.lane, Lane::Absent) {
            Lane::Waits(waiting) => self.lend(connection, waiting).await,
            other => {
                self.lane = other;
                Ok(connection)
            }
        }
    }

    async fn lend(
        &mut self,
        mut connection: SqliteConnection,
        waiting: Waiting,
    ) -> Result<SqliteConnection, StoreError> {
        // Without writes before it, the lane's part is the whole transaction. A savepoint would
        // copy every page that it changes.
        let shared = self.has_written();
        if shared {
            run(&mut connection, "savepoint lane").await?;
        }
        let (turn, returned) = Turn::lend(connection);
        let _ = waiting.send(Ok(turn)); // a lane that has gone drops its turn, which comes back
        let Returned { mut connection, persisted } = returned.await.map_err(|_| closed())?;
        match persisted {
            Some(reply) => self.lane = Lane::Persisted(reply),
            None if shared => run(&mut connection, "rollback to lane").await?,
            None => {}
        }
        Ok(connection)
    }

    fn has_written(&self) -> bool {
        matches!(self.lane, Lane::Persisted(_))
            || self.writes.iter().any(|(_, outcome)| outcome.is_ok())
    }

    /// Tells everyone.
    fn settle(self, end: End) {
        let failed: Option<Box<dyn Fn() -> StoreError>> = match end {
            End::Committed => None,
            End::Undone(error) => {
                let shared = Shared::new(error);
                tracing::warn!(error = &shared as &dyn std::error::Error, "could not write");
                Some(Box::new(move || shared.not_done()))
            }
            End::Unknown(error) => {
                let shared = Shared::new(error);
                tracing::error!(
                    error = &shared as &dyn std::error::Error,
                    "a commit failed: its outcome is unknown"
                );
                Some(Box::new(move || shared.unknown()))
            }
        };
        let common = || failed.as_ref().map_or(Ok(()), |error| Err(error()));
        for (write, own) in self.writes {
            write.settle(own.and_then(|()| common()));
        }
        match self.lane {
            Lane::Absent => {}
            Lane::Waits(waiting) => {
                let error = failed.as_ref().map_or_else(closed, |error| error());
                let _ = waiting.send(Err(error)); // gone
            }
            Lane::Persisted(reply) => {
                let _ = reply.send(common()); // gone, and committed all the same
            }
        }
    }
}

async fn run(connection: &mut SqliteConnection, sql: &'static str) -> Result<(), StoreError> {
    sqlx::query(sql).execute(connection).await.map(drop).map_err(translate)
}
