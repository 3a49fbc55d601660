//! Checkpoints beside the writer: what has been committed is moved from the WAL into the main file
//! on a connection of its own, so that no batch of purchases waits for it.
//!
//! A passive checkpoint never blocks the writer, and so never starts the WAL anew while purchases
//! keep coming: that is left to the writer's own, which is rare and then has little to move.

use std::time::Duration;

use sqlx::ConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use tokio::task::JoinHandle;

use super::error::translate;
use crate::store::StoreError;

/// How long to rest between checkpoints.
const REST: Duration = Duration::from_millis(500);

/// Starts the task; it goes on until it is aborted.
pub(super) fn start(options: SqliteConnectOptions) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut connection = None;
        loop {
            tokio::time::sleep(REST).await;
            if let Err(error) = checkpoint(&options, &mut connection).await {
                tracing::warn!(error = &error as &dyn std::error::Error, "could not checkpoint");
                connection = None;
            }
        }
    })
}

async fn checkpoint(
    options: &SqliteConnectOptions,
    connection: &mut Option<SqliteConnection>,
) -> Result<(), StoreError> {
    let connection = match connection {
        Some(connection) => connection,
        None => connection.insert(options.connect().await.map_err(translate)?),
    };
    let checkpoint = sqlx::query("pragma wal_checkpoint(passive)");
    checkpoint.execute(connection).await.map(drop).map_err(translate)
}
