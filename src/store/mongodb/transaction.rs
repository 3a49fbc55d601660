//! Transactions, each on a session of its own. Dropped before its commit, a transaction is aborted by
//! a task of its own: the driver's session sees to that, once its first statement has returned. So
//! first statements run in tasks that no caller cancels ([`apart`]).

use std::time::Duration;

use mongodb::bson::{Bson, Document, RawDocumentBuf, doc};
use mongodb::options::{ReadConcern, TransactionOptions};
use mongodb::{ClientSession, Database};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::connect::durable;
use super::error::{self, commit_is_unknown, in_reply, moved_on, translate, unreadable};
use super::read::{decode, within};
use crate::store::StoreError;

/// How often a commit whose outcome is unknown is sent, and the pause before it is sent again.
const COMMITS_MAX: u32 = 4;
const COMMIT_PAUSE: Duration = Duration::from_millis(5);

/// How many rows the first reply may carry: all that fit.
const REPLY_ROWS_MAX: i32 = 1_000_000;

/// How many documents one command writes at most: far below the size of the largest command.
const COMMAND_ROWS_MAX: usize = 1_000;

/// How long a server that does not answer is asked to kill a session. What it still holds after that
/// it ends by its own limit.
const KILL_FOR: Duration = Duration::from_secs(60);

/// How often a session is killed. A server that had been standing still may kill it first, and only
/// then read the statement that was sent before, which begins the transaction again.
const KILLS: u32 = 3;

/// Between two of them, or two tries.
const KILL_AGAIN: Duration = Duration::from_millis(300);

/// How many documents one statement gives values to: each looks for its own among all of them.
const SET_ROWS_MAX: usize = 128;

/// How long the server may take to kill a session.
const KILL_TIMEOUT: Duration = Duration::from_secs(1);

/// A transaction that has begun.
pub(super) struct Tx {
    session: ClientSession,
    database: Database,
}

/// One change of an `update` command.
#[derive(Serialize)]
pub(super) struct Change<Q, U> {
    pub(super) q: Q,
    pub(super) u: U,
    pub(super) upsert: bool,
}

/// An `update` that gives each of these documents the fields of its own row. One look among the ids for
/// each document: the server goes through them.
#[derive(Serialize)]
struct SetEach<'a, T> {
    q: Document,
    u: [Document; 1],
    c: OfEach<'a, T>,
    multi: bool,
}

/// Its constants: the ids, and their rows in the same order.
#[derive(Serialize)]
struct OfEach<'a, T> {
    ids: &'a [Bson],
    rows: &'a [T],
}

#[derive(Serialize)]
struct Insert<'a, T> {
    insert: &'a str,
    documents: &'a [T],
}

#[derive(Serialize)]
struct Update<'a, T> {
    update: &'a str,
    updates: &'a [T],
}

impl Tx {
    /// Begins. Nothing is sent yet.
    pub(super) async fn begin(database: &Database) -> Result<Self, StoreError> {
        let mut session = database.client().start_session().await.map_err(translate)?;
        let options = TransactionOptions::builder()
            .read_concern(ReadConcern::majority())
            .write_concern(durable())
            .build();
        session.start_transaction().with_options(options).await.map_err(translate)?;
        Ok(Self { session, database: database.clone() })
    }

    /// The session's name, for [`kill`].
    pub(super) fn id(&self) -> Document {
        self.session.id().clone()
    }

    /// All documents that a pipeline ends in.
    pub(super) async fn aggregate<T: DeserializeOwned>(
        &mut self,
        collection: &str,
        pipeline: Vec<Document>,
    ) -> Result<Vec<T>, StoreError> {
        let cursor = doc! { "batchSize": REPLY_ROWS_MAX };
        let command = doc! { "aggregate": collection, "pipeline": pipeline, "cursor": cursor };
        self.each(command, |row| decode(row)).await
    }

    /// Reads every document of a cursor command.
    pub(super) async fn each<T>(
        &mut self,
        command: Document,
        mut read: impl FnMut(&[u8]) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let asked = self.database.run_cursor_command(command).session(&mut self.session);
        let mut cursor = asked.await.map_err(translate)?;
        let mut rows = Vec::new();
        while cursor.advance(&mut self.session).await.map_err(translate)? {
            rows.push(read(cursor.current().as_bytes())?);
        }
        Ok(rows)
    }

    /// Inserts. A key that is taken is [`StoreError::Taken`].
    pub(super) async fn insert<T: Serialize>(
        &mut self,
        collection: &'static str,
        rows: &[T],
    ) -> Result<(), StoreError> {
        for documents in rows.chunks(COMMAND_ROWS_MAX) {
            let command = Insert { insert: collection, documents };
            let done = self.write(&command).await?;
            if done != documents.len() {
                return Err(moved_on(collection));
            }
        }
        Ok(())
    }

    /// Updates one document for each change. Where one matches none, it is a conflict.
    pub(super) async fn update<Q: Serialize, U: Serialize>(
        &mut self,
        collection: &'static str,
        changes: &[Change<Q, U>],
    ) -> Result<(), StoreError> {
        for updates in changes.chunks(COMMAND_ROWS_MAX) {
            if self.matched(collection, updates).await? != updates.len() {
                return Err(moved_on(collection));
            }
        }
        Ok(())
    }

    /// Gives the `n`th document the fields of the `n`th row, all documents in one statement: to the
    /// server, statements cost more than what they change. Where a document is missing, it is a
    /// conflict. Ids must be in order, so that documents are always changed in the same one.
    pub(super) async fn set<T: Serialize>(
        &mut self,
        collection: &'static str,
        ids: &[Bson],
        rows: &[T],
    ) -> Result<(), StoreError> {
        let own = doc! { "$arrayElemAt": ["$$rows", { "$indexOfArray": ["$$ids", "$_id"] }] };
        let merged = doc! { "$replaceWith": { "$mergeObjects": ["$$ROOT", own] } };
        for (ids, rows) in ids.chunks(SET_ROWS_MAX).zip(rows.chunks(SET_ROWS_MAX)) {
            let change = SetEach {
                q: doc! { "_id": { "$in": ids } },
                u: [merged.clone()],
                c: OfEach { ids, rows },
                multi: true,
            };
            let met = self.write(&Update { update: collection, updates: &[change] }).await?;
            if met != ids.len() {
                return Err(moved_on(collection));
            }
        }
        Ok(())
    }

    /// Makes changes and says how many documents they met.
    pub(super) async fn matched<Q: Serialize, U: Serialize>(
        &mut self,
        collection: &'static str,
        updates: &[Change<Q, U>],
    ) -> Result<usize, StoreError> {
        self.write(&Update { update: collection, updates }).await
    }

    /// Runs a write command and says how many documents it met.
    pub(super) async fn write(&mut self, command: &impl Serialize) -> Result<usize, StoreError> {
        let command: RawDocumentBuf =
            mongodb::bson::serialize_to_raw_document_buf(command).map_err(unreadable)?;
        let asked = self.database.run_raw_command(command).session(&mut self.session);
        met(&asked.await.map_err(translate)?)
    }

    /// Finds one document, changes it, and reads one of its versions.
    pub(super) async fn find_and_modify<T: DeserializeOwned>(
        &mut self,
        command: Document,
    ) -> Result<Option<T>, StoreError> {
        let asked = self.database.run_command(command).session(&mut self.session);
        match asked.await.map_err(translate)?.remove("value") {
            None | Some(Bson::Null) => Ok(None),
            Some(value) => {
                mongodb::bson::deserialize_from_bson(value).map(Some).map_err(unreadable)
            }
        }
    }

    /// Commits. Where the outcome is unknown the commit is sent again, a few times until `until`.
    pub(super) async fn commit(mut self, until: Instant) -> Result<(), StoreError> {
        let mut sent = 0;
        loop {
            let Err(failure) = self.session.commit_transaction().await else { return Ok(()) };
            sent += 1;
            if !commit_is_unknown(&failure) {
                return Err(translate(failure));
            }
            if sent == COMMITS_MAX || Instant::now() >= until {
                return Err(error::unknown(&failure));
            }
            tokio::time::sleep(COMMIT_PAUSE).await;
        }
    }
}

/// How many documents a write command met, by its reply.
pub(super) fn met(reply: &Document) -> Result<usize, StoreError> {
    if let Ok(failures) = reply.get_array("writeErrors")
        && let Some(Bson::Document(first)) = failures.first()
    {
        return Err(in_reply(first));
    }
    if let Ok(failure) = reply.get_document("writeConcernError") {
        return Err(StoreError::Unavailable(failure.to_string().into())); // no majority has it
    }
    Ok(usize::try_from(reply.get_i32("n").unwrap_or_default()).unwrap_or_default())
}

/// Runs work that must not be cut short in a task of its own: when its caller goes, it goes on to its
/// end, and what it ends in (a transaction, that is rolled back by it) is dropped there.
pub(super) async fn apart<T: Send + 'static>(
    work: impl Future<Output = Result<T, StoreError>> + Send + 'static,
) -> Result<T, StoreError> {
    tokio::spawn(work).await.unwrap_or_else(|panic| Err(unreadable(panic)))
}

/// The caller's end of an [`apart`] task: while it is held, somebody waits.
pub(super) struct Caller {
    _held: oneshot::Sender<()>,
}

/// The task's end.
pub(super) struct Waiting(oneshot::Receiver<()>);

impl Caller {
    /// Both ends.
    pub(super) fn here() -> (Self, Waiting) {
        let (held, waiting) = oneshot::channel();
        (Self { _held: held }, Waiting(waiting))
    }
}

impl Waiting {
    /// Whether the caller has gone.
    pub(super) fn gone(&mut self) -> bool {
        matches!(self.0.try_recv(), Err(oneshot::error::TryRecvError::Closed))
    }
}

/// Aborts whatever a session is at, from another connection: its own may hang.
pub(super) fn kill(database: &Database, session: Document) {
    let admin = database.client().database("admin");
    let until = Instant::now() + KILL_FOR;
    tokio::spawn(async move {
        let (mut killed, mut told) = (0, false);
        while killed < KILLS && Instant::now() < until {
            let command = doc! { "killSessions": [session.clone()] };
            let killing = async { admin.run_command(command).await.map(drop).map_err(translate) };
            match within(KILL_TIMEOUT, killing).await {
                Ok(()) => killed += 1,
                Err(error) if !told => {
                    let cause = error.cause();
                    tracing::warn!(cause, "a transaction is still open; trying for a while");
                    told = true;
                }
                Err(_) => {}
            }
            tokio::time::sleep(KILL_AGAIN).await;
        }
    });
}
