//! The embedded store: one SQLite file for both homes. One task writes, a few connections read.

mod api_keys;
mod audit;
mod audit_log;
mod checkpoint;
mod connect;
mod daily_runs;
mod dead_letters;
mod encode;
mod error;
mod expiry;
mod explanations;
mod facts;
mod history;
mod inbox;
mod jobs;
mod kyc;
mod lists;
mod load;
mod money;
mod outbox;
mod parties;
mod persist;
mod policies;
mod query;
mod raw;
mod refresh;
mod resources;
mod rows;
mod transactions;
mod turn;
mod webhooks;
mod writer;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sqlx::pool::PoolConnection;
use sqlx::{ConnectOptions, Sqlite, SqlitePool};
use tokio::task::AbortHandle;

use crate::domain::audit::Recording;
use crate::domain::clock::Clock;
use crate::domain::time::Timestamp;
use crate::store::{Probe, StoreError, StoreFuture};
use error::translate;
use jobs::Jobs;
use query::{ask, one};
use writer::Writer;

/// What may be set about the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqliteOptions {
    /// Connections that read.
    pub readers: u32,
    /// Page cache of the connection that writes, in KiB.
    pub writer_cache_kib: u32,
    /// Page cache of each connection that reads, in KiB.
    pub reader_cache_kib: u32,
    /// How many writes may wait for the writer; more wait outside.
    pub jobs_max: usize,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self { readers: 4, writer_cache_kib: 4_096, reader_cache_kib: 1_024, jobs_max: 256 }
    }
}

/// The embedded store. Both homes, facts, resources, history, outbox and audit in one file.
pub struct SqliteStore {
    path: PathBuf,
    clock: Arc<dyn Clock>,
    jobs: Jobs,
    readers: SqlitePool,
    checkpoints: Arc<Checkpoints>,
}

/// Stops with the last handle of the store.
struct Checkpoints(AbortHandle);

impl Drop for Checkpoints {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl SqliteStore {
    /// Opens the file, created with mode 0600 if it is not there, brings its schema up to date and
    /// starts the writer. Needs a tokio runtime, and stays open until [`SqliteStore::close`] or
    /// until it is dropped.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] where the file can not be opened, [`StoreError::Failed`] where it
    /// is not ours or is newer than this release.
    pub async fn open(
        path: &Path,
        clock: Arc<dyn Clock>,
        options: SqliteOptions,
    ) -> Result<Arc<Self>, StoreError> {
        connect::create(path)?;
        let connecting = connect::writer(path, &options);
        let mut connection = connecting.connect().await.map_err(translate)?;
        sqlx::migrate!("migrations/sqlite").run(&mut connection).await.map_err(migration)?;
        let (jobs, queue) = Jobs::queue(options.jobs_max);
        tokio::spawn(Writer::new(queue, connecting, connection).run());
        let checkpoints = checkpoint::start(connect::checkpointer(path)).abort_handle();
        let checkpoints = Arc::new(Checkpoints(checkpoints));
        let readers = connect::readers(path, &options);
        Ok(Arc::new(Self { path: path.to_owned(), clock, jobs, readers, checkpoints }))
    }

    /// Finishes what has been asked, and closes the file. Later calls are
    /// [`StoreError::Unavailable`].
    pub async fn close(&self) {
        self.checkpoints.0.abort();
        self.readers.close().await;
        self.jobs.close().await;
    }

    /// The same store, whose first committed write leaves a record.
    fn recording_with(&self, record: Recording) -> Self {
        Self {
            path: self.path.clone(),
            clock: Arc::clone(&self.clock),
            jobs: self.jobs.recording(record),
            readers: self.readers.clone(),
            checkpoints: Arc::clone(&self.checkpoints),
        }
    }

    /// A connection that reads what has been committed.
    async fn reader(&self) -> Result<PoolConnection<Sqlite>, StoreError> {
        self.readers.acquire().await.map_err(translate)
    }
}

fn migration(error: sqlx::migrate::MigrateError) -> StoreError {
    match error {
        sqlx::migrate::MigrateError::Execute(error) => translate(error),
        other => StoreError::Failed(Box::new(other)),
    }
}

impl Probe for SqliteStore {
    fn probe(&self) -> StoreFuture<'_, Option<Timestamp>> {
        Box::pin(async move {
            let asked = ask(include_str!("sql/store_probe.sql"));
            one::<i64>(&mut *self.reader().await?, asked).await.map(|_| None)
        })
    }
}
