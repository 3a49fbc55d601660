//! One transaction's share of work: what it has done so far, and who is told once it is committed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sqlx::sqlite::SqliteConnection;

use super::dead::bury_returned;
use super::jobs::{Claimed, Job, Reply};
use super::queues::Queues;
use super::rows;
use crate::broker::topology::Queue;

pub(super) const DELETE: &str = include_str!("sql/messages_delete.sql");
const RETURN: &str = include_str!("sql/messages_return.sql");
const LOST: &str = include_str!("sql/messages_lost.sql");

/// What is told to whom once the transaction is committed.
pub(super) enum Answer {
    Done(Reply<()>),
    Claimed(Reply<Claimed>, Claimed),
    Counted(Reply<BTreeMap<String, u64>>, BTreeMap<String, u64>),
}

/// One transaction's share of work.
pub(super) struct Round {
    pub(super) now_ms: i64,
    pub(super) answers: Vec<Answer>,
    pub(super) gone: Vec<i64>,
    pub(super) back: Vec<i64>,
    /// What comes back without a word of its consumer.
    pub(super) lost: Vec<i64>,
    /// Queues in which something has arrived.
    pub(super) arrived: BTreeSet<String>,
    /// Something came back, to a queue that its row names.
    pub(super) returned: bool,
}

impl Round {
    /// Nothing has been done yet.
    pub(super) fn begin(now_ms: i64) -> Self {
        Self {
            now_ms,
            answers: Vec::new(),
            gone: Vec::new(),
            back: Vec::new(),
            lost: Vec::new(),
            arrived: BTreeSet::new(),
            returned: false,
        }
    }

    /// Everything that only names rows, at once.
    pub(super) async fn sweep(
        &mut self,
        connection: &mut SqliteConnection,
    ) -> Result<(), sqlx::Error> {
        let lost = std::mem::take(&mut self.lost);
        self.returned |= !self.back.is_empty() || !lost.is_empty();
        on_each(connection, DELETE, &std::mem::take(&mut self.gone)).await?;
        on_each(connection, RETURN, &std::mem::take(&mut self.back)).await?;
        on_each(connection, LOST, &lost).await?;
        // That something came back wakes the consumers of dead letters, too.
        bury_returned(connection, &lost, self.now_ms).await
    }

    /// Tells everyone that it is done.
    pub(super) fn settle(self, queues: &Queues) {
        for answer in self.answers {
            // An error only says that nobody is there any more.
            match answer {
                Answer::Done(reply) => drop(reply.send(Ok(()))),
                Answer::Claimed(reply, claimed) => drop(reply.send(Ok(claimed))),
                Answer::Counted(reply, counts) => drop(reply.send(Ok(counts))),
            }
        }
        for queue in &self.arrived {
            queues.wake(queue);
        }
        if self.returned {
            Queue::ALL.iter().for_each(|queue| queues.wake(queue.name()));
        }
    }

    /// Tells everyone that nothing was done.
    pub(super) fn fail(self, error: &str) {
        let error: Arc<str> = format!("could not write: {error}").into();
        for answer in self.answers {
            match answer {
                Answer::Done(reply) => drop(reply.send(Err(Arc::clone(&error)))),
                Answer::Claimed(reply, _) => drop(reply.send(Err(Arc::clone(&error)))),
                Answer::Counted(reply, _) => drop(reply.send(Err(Arc::clone(&error)))),
            }
        }
    }

    /// Jobs that were not run: whoever waits is told with the others.
    pub(super) fn take_replies(&mut self, group: impl IntoIterator<Item = Job>) {
        for job in group {
            match job {
                Job::Publish { reply, .. } | Job::Settle { reply, .. } => {
                    self.answers.push(Answer::Done(reply));
                }
                Job::Claim { reply, .. } => {
                    let nothing = Claimed { deliveries: Vec::new(), wait_ms: None };
                    self.answers.push(Answer::Claimed(reply, nothing));
                }
                Job::Count { reply } => {
                    self.answers.push(Answer::Counted(reply, BTreeMap::new()));
                }
                Job::Release(_) | Job::Lost(_) | Job::Forget(_) | Job::Close(_) => {}
            }
        }
    }
}

/// Runs a statement on the rows of these keys.
pub(super) async fn on_each(
    connection: &mut SqliteConnection,
    statement: &'static str,
    seqs: &[i64],
) -> Result<(), sqlx::Error> {
    if seqs.is_empty() {
        return Ok(());
    }
    sqlx::query(statement).bind(rows::numbers(seqs)).execute(connection).await.map(drop)
}
