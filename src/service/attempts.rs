//! Attempts at messages that came again, counted before they begin: a process that dies of a message can
//! not count it afterwards.

use std::sync::Arc;
use std::time::Duration;

use super::error::Error;
use crate::broker::topology::Queue;
use crate::domain::clock::Clock;
use crate::store::Inbox;

/// How long an attempt is remembered that nobody has settled.
const REMEMBER: Duration = Duration::from_secs(7 * 24 * 3_600);

/// Between two rounds of forgetting.
const FORGET_EVERY: Duration = Duration::from_secs(3_600);

/// Counts attempts.
pub struct Attempts {
    inbox: Arc<dyn Inbox>,
    clock: Arc<dyn Clock>,
}

impl Attempts {
    /// Counts in this inbox.
    pub fn new(inbox: Arc<dyn Inbox>, clock: Arc<dyn Clock>) -> Self {
        Self { inbox, clock }
    }

    /// How many attempts are written down.
    pub async fn begun(&self, queue: Queue, message: &str) -> Result<u32, Error> {
        Ok(self.inbox.begun(queue.name(), message.to_owned()).await?)
    }

    /// The attempt with this number begins; says how many have, should more be known. May be repeated.
    pub async fn begin(&self, queue: Queue, message: &str, attempt: u32) -> Result<u32, Error> {
        let begun =
            self.inbox.begin(queue.name(), message.to_owned(), attempt, self.clock.now()).await?;
        Ok(begun)
    }

    /// The attempt was none: a store did not answer, or the process does not wait for its end. May be
    /// repeated.
    pub async fn undo(&self, queue: Queue, message: &str, attempt: u32) -> Result<(), Error> {
        Ok(self.inbox.undo(queue.name(), message.to_owned(), attempt).await?)
    }

    /// The message is settled, or handled and about to be. Where that can not be written down, it is
    /// forgotten later.
    pub async fn end(&self, queue: Queue, message: &str) {
        if let Err(error) = self.inbox.end(queue.name(), message.to_owned()).await {
            let error = &error as &dyn std::error::Error;
            tracing::debug!(error, "could not forget a settled message");
        }
    }

    /// Forgets, once an hour and for ever, what nobody has settled.
    pub async fn forget_for_ever(&self) {
        loop {
            tokio::time::sleep(FORGET_EVERY).await;
            let age_us = i64::try_from(REMEMBER.as_micros()).unwrap_or(i64::MAX);
            let before = self.clock.now().plus_micros(age_us.saturating_neg());
            if let Err(error) = self.inbox.drop_before(before).await {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "could not forget old messages; trying again in an hour");
            }
        }
    }
}
