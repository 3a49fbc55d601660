//! What is asked of the writer task.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use super::consumer::EmbeddedDelivery;
use super::rows::NewRow;

/// How an answer comes back. The text says what went wrong, to everyone whose job was in the same
/// transaction.
pub(super) type Reply<T> = oneshot::Sender<Result<T, Arc<str>>>;

/// One thing for the writer to do.
pub(super) enum Job {
    /// Keep these messages.
    Publish { rows: Vec<NewRow>, reply: Reply<()> },
    /// Hand out at most as many messages as there are permits.
    Claim { queue: String, permits: Vec<OwnedSemaphorePermit>, jobs: Jobs, reply: Reply<Claimed> },
    /// A delivery has been settled.
    Settle { change: Change, reply: Reply<()> },
    /// A message was taken, and nobody has seen it: it comes again.
    Release(i64),
    /// A delivery was dropped unsettled: it comes again, unless it has too often.
    Lost(i64),
    /// Nobody reads this queue of answers any more.
    Forget(String),
    /// How many messages wait in each queue.
    Count { reply: Reply<BTreeMap<String, u64>> },
    /// Finish what is queued before, and close.
    Close(oneshot::Sender<()>),
}

/// What a settlement does to a row.
pub(super) enum Change {
    /// It goes.
    Gone(i64),
    /// It comes again.
    Back(i64),
    /// It goes elsewhere, or comes again later, with other headers and perhaps another body.
    Moved { seq: i64, queue: String, headers: String, body: Option<Bytes>, pause_ms: i64 },
}

/// What was handed out.
pub(super) struct Claimed {
    pub(super) deliveries: Vec<EmbeddedDelivery>,
    /// Where there was nothing: how long until the next message's turn, if there is one.
    pub(super) wait_ms: Option<i64>,
}

/// The way to the writer task. It has no bound of its own: publishers wait for their answers, and
/// consumers have no more deliveries than their prefetch.
#[derive(Clone)]
pub(super) struct Jobs(mpsc::UnboundedSender<Job>);

impl Jobs {
    /// The two ends.
    pub(super) fn queue() -> (Self, mpsc::UnboundedReceiver<Job>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self(sender), receiver)
    }

    /// Asks, and waits for the answer. Dropping this call does not stop the job.
    pub(super) async fn ask<T>(&self, job: impl FnOnce(Reply<T>) -> Job) -> Result<T, Arc<str>> {
        let (reply, answer) = oneshot::channel();
        self.0.send(job(reply)).map_err(|_| closed())?;
        answer.await.map_err(|_| closed())?
    }

    /// Tells, and does not wait. A writer that has gone needs not be told.
    pub(super) fn tell(&self, job: Job) {
        let _ = self.0.send(job);
    }

    /// Waits until everything queued before is done and the file is closed.
    pub(super) async fn close(&self) {
        let (reply, done) = oneshot::channel();
        if self.0.send(Job::Close(reply)).is_ok() {
            let _ = done.await; // an error means that it is closed already
        }
    }
}

/// Why nothing is done any more.
pub(super) fn closed() -> Arc<str> {
    "the embedded broker is closed".into()
}
