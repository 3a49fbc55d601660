//! How connections to the file are opened: one that writes, a few that read.

use std::fs::OpenOptions;
use std::path::Path;
use std::time::Duration;

use sqlx::ConnectOptions;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};

use super::SqliteOptions;
use crate::store::StoreError;

/// Pages of WAL (64 MiB) after which a commit also moves them into the main file. The more there are,
/// the more often one page stands for many commits.
const CHECKPOINT_PAGES: &str = "16000";

/// What remains of the WAL file after a checkpoint, at most: 128 MiB.
const WAL_BYTES_MAX: &str = "134217728";

/// How long to wait for another process (a verification at start-up, a backup) to let go.
const BUSY_TIMEOUT: Duration = Duration::from_millis(200);

/// How long a reader waits for its turn.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(1);

/// Creates the file, for its owner alone, if it is not there. SQLite gives its WAL the same mode.
pub(super) fn create(path: &Path) -> Result<(), StoreError> {
    let unavailable = |error| StoreError::Unavailable(Box::new(error));
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(unavailable)?;
    }
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop).map_err(unavailable)
}

/// The connection that writes. `synchronous=FULL`: a commit has reached the disk when it returns.
pub(super) fn writer(path: &Path, options: &SqliteOptions) -> SqliteConnectOptions {
    base(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .pragma("wal_autocheckpoint", CHECKPOINT_PAGES)
        .pragma("journal_size_limit", WAL_BYTES_MAX)
        .pragma("temp_store", "memory")
        .pragma("cache_size", format!("-{}", options.writer_cache_kib))
        .thread_name(|_| "sqlite-writer".to_owned())
}

/// Connections that read beside it.
pub(super) fn readers(path: &Path, options: &SqliteOptions) -> SqlitePool {
    let reader = base(path)
        .pragma("query_only", "on")
        .pragma("cache_size", format!("-{}", options.reader_cache_kib))
        .thread_name(|number| format!("sqlite-reader-{number}"));
    SqlitePoolOptions::new()
        .max_connections(options.readers)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_lazy_with(reader)
}

/// The connection that checkpoints. It keeps no pages: each is copied from file to file.
pub(super) fn checkpointer(path: &Path) -> SqliteConnectOptions {
    base(path)
        .synchronous(SqliteSynchronous::Full)
        .pragma("wal_autocheckpoint", "0")
        .pragma("cache_size", "-64")
        .thread_name(|_| "sqlite-checkpoint".to_owned())
}

/// A connection for one long read. It sorts in files, not in memory.
pub(super) fn auditor(path: &Path) -> SqliteConnectOptions {
    base(path).read_only(true).thread_name(|_| "sqlite-auditor".to_owned())
}

fn base(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
        .disable_statement_logging()
}
