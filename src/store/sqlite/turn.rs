//! A lane's turn: the writer's connection, lent out with a transaction that has begun.

use sqlx::sqlite::SqliteConnection;
use tokio::sync::oneshot;

use super::error::closed;
use crate::store::StoreError;

/// The lent connection. However it ends, it goes back: dropped, with nothing to be kept.
pub(super) struct Turn {
    connection: Option<SqliteConnection>,
    back: Option<oneshot::Sender<Returned>>,
}

/// What the writer gets back.
pub(super) struct Returned {
    /// The connection. A statement that its holder has abandoned ends before the next begins.
    pub(super) connection: SqliteConnection,
    /// Who waits for the commit of what was written; `None`: it is to be rolled back.
    pub(super) persisted: Option<oneshot::Sender<Result<(), StoreError>>>,
}

impl Turn {
    /// A turn, and where the connection comes back.
    pub(super) fn lend(connection: SqliteConnection) -> (Self, oneshot::Receiver<Returned>) {
        let (back, returned) = oneshot::channel();
        (Self { connection: Some(connection), back: Some(back) }, returned)
    }

    /// The connection.
    pub(super) fn connection(&mut self) -> &mut SqliteConnection {
        self.connection.as_mut().expect("a turn has its connection until it ends")
    }

    /// Gives the connection back, and waits until what was written is committed.
    pub(super) async fn commit(mut self) -> Result<(), StoreError> {
        let (reply, committed) = oneshot::channel();
        self.give_back(Some(reply));
        committed.await.map_err(|_| closed())?
    }

    fn give_back(&mut self, persisted: Option<oneshot::Sender<Result<(), StoreError>>>) {
        if let (Some(connection), Some(back)) = (self.connection.take(), self.back.take()) {
            // An error means that the writer has gone. Then the connection closes here, and what
            // it had not committed is undone.
            let _ = back.send(Returned { connection, persisted });
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.give_back(None);
    }
}
