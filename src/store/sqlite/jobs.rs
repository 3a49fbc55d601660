//! What is asked of the writer task: turns for lanes, and writes that join its transactions.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use sqlx::sqlite::SqliteConnection;
use tokio::sync::{mpsc, oneshot};

use super::audit_log;
use super::error::closed;
use super::turn::Turn;
use crate::domain::audit::{Act, Recording};
use crate::store::{StoreError, StoreFuture};

/// One thing for the writer to do.
pub(super) enum Job {
    /// A lane waits for the connection.
    Turn(oneshot::Sender<Result<Turn, StoreError>>),
    /// A write to be run in the next transaction.
    Write(Box<dyn Write>),
    /// Finish what is queued before, and close.
    Close(oneshot::Sender<()>),
}

/// A write on its way through a transaction.
pub(super) trait Write: Send {
    /// Runs it, and keeps what it answers until the commit. An `Err` has changed nothing that a
    /// rollback to the savepoint before it does not undo.
    fn run<'a>(&'a mut self, connection: &'a mut SqliteConnection) -> StoreFuture<'a, ()>;

    /// Tells the caller. `Ok`: committed.
    fn settle(self: Box<Self>, outcome: Result<(), StoreError>);
}

/// The way to the writer task.
#[derive(Clone)]
pub(super) struct Jobs {
    queue: mpsc::Sender<Job>,
    /// What the first write that is committed has to leave in the audit log.
    record: Recording,
}

impl Jobs {
    /// The two ends of a queue of at most `jobs_max`.
    pub(super) fn queue(jobs_max: usize) -> (Self, mpsc::Receiver<Job>) {
        let (sender, receiver) = mpsc::channel(jobs_max);
        (Self { queue: sender, record: None }, receiver)
    }

    /// Waits for the connection, in a transaction that has begun.
    pub(super) async fn turn(&self) -> Result<Turn, StoreError> {
        let (reply, turn) = oneshot::channel();
        self.queue.send(Job::Turn(reply)).await.map_err(|_| closed())?;
        turn.await.map_err(|_| closed())?
    }

    /// The same way, with a record that is to be left.
    pub(super) fn recording(&self, record: Recording) -> Self {
        Self { queue: self.queue.clone(), record }
    }

    /// Runs a write in the next transaction, and waits for its commit. Dropping this call does not
    /// stop the write.
    pub(super) async fn write<T, W>(&self, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: for<'c> FnOnce(&'c mut SqliteConnection) -> StoreFuture<'c, T> + Send + 'static,
    {
        let Some(record) = self.record.clone() else { return self.run(work).await };
        let act = record.pending();
        let done =
            self.run(move |connection| Box::pin(write_and_record(connection, work, act))).await?;
        record.committed();
        Ok(done)
    }

    async fn run<T, W>(&self, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: for<'c> FnOnce(&'c mut SqliteConnection) -> StoreFuture<'c, T> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let pending = Pending { work: Some(work), done: None, reply };
        self.queue.send(Job::Write(Box::new(pending))).await.map_err(|_| closed())?;
        answer.await.map_err(|_| closed())?
    }

    /// Waits until everything queued before is done and the connection is closed.
    pub(super) async fn close(&self) {
        let (reply, done) = oneshot::channel();
        if self.queue.send(Job::Close(reply)).await.is_ok() {
            let _ = done.await; // an error means that it is closed already
        }
    }
}

async fn write_and_record<T, W>(
    connection: &mut SqliteConnection,
    work: W,
    act: Option<Act>,
) -> Result<T, StoreError>
where
    W: for<'c> FnOnce(&'c mut SqliteConnection) -> StoreFuture<'c, T>,
{
    let done = work(connection).await?;
    if let Some(act) = act {
        audit_log::add(connection, act).await?;
    }
    Ok(done)
}

struct Pending<T, W> {
    work: Option<W>,
    done: Option<T>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, W> Write for Pending<T, W>
where
    T: Send + 'static,
    W: for<'c> FnOnce(&'c mut SqliteConnection) -> StoreFuture<'c, T> + Send + 'static,
{
    fn run<'a>(&'a mut self, connection: &'a mut SqliteConnection) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            let Some(work) = self.work.take() else { return Err(closed()) };
            let run = AssertUnwindSafe(async move { work(connection).await }).catch_unwind();
            self.done = Some(run.await.unwrap_or_else(|_panic| Err(panicked()))?);
            Ok(())
        })
    }

    fn settle(self: Box<Self>, outcome: Result<(), StoreError>) {
        let answer = match (outcome, self.done) {
            (Ok(()), Some(done)) => Ok(done),
            (Ok(()), None) => Err(closed()),
            (Err(error), _) => Err(error),
        };
        let _ = self.reply.send(answer); // nobody there any more: it was committed all the same
    }
}

fn panicked() -> StoreError {
    StoreError::Failed("a write panicked".into())
}
