//! Consumers: at most a prefetch of unsettled deliveries each, woken when something arrives.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::failed;
use super::jobs::{Change, Claimed, Job, Jobs};
use super::queues::Queues;
use super::rows::{self, HeldRow};
use crate::broker::headers::{self, Onward};
use crate::broker::topology::Queue;
use crate::broker::{BrokerError, BrokerFuture, Deliveries, Delivery, Message, Settlement};

/// The most that is taken at once: more only wait here instead of in the file.
const CLAIM_MAX: usize = 64;

/// How long to sleep where nothing has arrived. A net: arrivals wake sooner.
const SLEEP_MAX: Duration = Duration::from_secs(1);

/// A consumer of one queue.
pub(super) struct EmbeddedDeliveries {
    queue: String,
    window: Arc<Semaphore>,
    taken: VecDeque<EmbeddedDelivery>,
    arrivals: watch::Receiver<()>,
    jobs: Jobs,
    queues: Arc<Queues>,
}

impl EmbeddedDeliveries {
    /// Joins the queue.
    pub(super) fn new(queue: String, prefetch: u16, jobs: Jobs, queues: Arc<Queues>) -> Self {
        let arrivals = queues.join(&queue);
        let window = Arc::new(Semaphore::new(usize::from(prefetch.max(1))));
        Self { queue, window, taken: VecDeque::new(), arrivals, jobs, queues }
    }

    /// Takes what there is, or says how long it can take until there is something.
    async fn take(&mut self) -> Result<Option<Duration>, Arc<str>> {
        let window = Arc::clone(&self.window);
        let first = window.acquire_owned().await.map_err(|_| "the window is closed")?;
        let mut permits = vec![first];
        while permits.len() < CLAIM_MAX
            && let Ok(permit) = Arc::clone(&self.window).try_acquire_owned()
        {
            permits.push(permit);
        }
        // What arrives from here on wakes, even if the claim does not see it.
        self.arrivals.borrow_and_update();
        let (queue, jobs) = (self.queue.clone(), self.jobs.clone());
        // Dropped here, the deliveries would come back by themselves.
        let claim = |reply| Job::Claim { queue, permits, jobs, reply };
        let Claimed { deliveries, wait_ms } = self.jobs.ask(claim).await?;
        self.taken.extend(deliveries);
        if !self.taken.is_empty() {
            return Ok(None);
        }
        let wait = wait_ms.and_then(|ms| u64::try_from(ms.max(1)).ok()).map(Duration::from_millis);
        Ok(Some(wait.unwrap_or(SLEEP_MAX).min(SLEEP_MAX)))
    }

    async fn one(&mut self) -> Result<Box<dyn Delivery>, BrokerError> {
        loop {
            if let Some(mut delivery) = self.taken.pop_front() {
                delivery.seen = true;
                return Ok(Box::new(delivery));
            }
            if let Some(sleep) = self.take().await.map_err(|error| failed(&error))? {
                // Woken, or the time has come, or it is worth another look.
                let _ = tokio::time::timeout(sleep, self.arrivals.changed()).await;
            }
        }
    }
}

impl Deliveries for EmbeddedDeliveries {
    fn next(&mut self) -> BrokerFuture<'_, Box<dyn Delivery>> {
        Box::pin(self.one())
    }
}

impl Drop for EmbeddedDeliveries {
    fn drop(&mut self) {
        if self.queues.leave(&self.queue) {
            self.jobs.tell(Job::Forget(std::mem::take(&mut self.queue)));
        }
    }
}

/// A message that is with a consumer. Dropped unsettled, it comes again.
pub(super) struct EmbeddedDelivery {
    seq: i64,
    queue: String,
    message: Message,
    failures: u32,
    redelivered: bool,
    replaced: bool,
    jobs: Jobs,
    settled: bool,
    /// Whether a consumer has it, and not only its window.
    seen: bool,
    _permit: OwnedSemaphorePermit,
}

impl EmbeddedDelivery {
    pub(super) fn new(queue: &str, row: HeldRow, jobs: Jobs, permit: OwnedSemaphorePermit) -> Self {
        Self {
            seq: row.seq,
            queue: queue.to_owned(),
            failures: headers::failures(&row.message),
            message: row.message,
            redelivered: row.redelivered,
            replaced: false,
            jobs,
            settled: false,
            seen: false,
            _permit: permit,
        }
    }

    fn change(&self, settlement: Settlement) -> Change {
        let seq = self.seq;
        let onward = match (Queue::parse(&self.queue), settlement) {
            (Some(queue), settlement) => {
                headers::onward(queue, &self.message, self.failures, settlement)
            }
            (None, Settlement::Done) => Onward::Gone,
            (None, _) => Onward::Back,
        };
        match onward {
            Onward::Gone => Change::Gone(seq),
            Onward::Back => Change::Back(seq),
            Onward::Again(message, index) => Change::Moved {
                seq,
                queue: self.queue.clone(),
                headers: rows::headers(&message.headers),
                body: self.replaced.then(|| message.body.clone()),
                pause_ms: i64::try_from(headers::pause(index).as_millis()).unwrap_or(i64::MAX),
            },
            Onward::Dead(message, _) => Change::Moved {
                seq,
                queue: Queue::DeadLetters.name().to_owned(),
                headers: rows::headers(&message.headers),
                body: self.replaced.then(|| message.body.clone()),
                pause_ms: 0,
            },
        }
    }
}

impl Delivery for EmbeddedDelivery {
    fn message(&self) -> &Message {
        &self.message
    }

    fn replace(&mut self, message: Message) {
        self.message = message;
        self.replaced = true;
    }

    fn failures(&self) -> u32 {
        self.failures
    }

    fn recount(&mut self, failures: u32) {
        self.failures = failures;
    }

    fn redelivered(&self) -> bool {
        self.redelivered
    }

    fn settle(mut self: Box<Self>, settlement: Settlement) -> BrokerFuture<'static, ()> {
        Box::pin(async move {
            let change = self.change(settlement);
            self.settled = true;
            let settled = self.jobs.ask(|reply| Job::Settle { change, reply }).await;
            self.settled = settled.is_ok();
            settled.map_err(|error| failed(&error))
        })
    }
}

impl Drop for EmbeddedDelivery {
    fn drop(&mut self) {
        if !self.settled {
            let job = if self.seen { Job::Lost } else { Job::Release };
            self.jobs.tell(job(self.seq));
        }
    }
}
