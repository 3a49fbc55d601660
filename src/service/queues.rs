//! The message broker as health checks see it: whether it answers, and how its queues stand.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::broker::{Broker, QueueStats};
use crate::domain::time::Timestamp;
use crate::store::{Probe, StoreError, StoreFuture};

/// Asks the broker, and keeps what it said last.
pub struct QueueWatch {
    broker: Arc<dyn Broker>,
    latest: Mutex<Vec<QueueStats>>,
}

impl QueueWatch {
    /// Nothing is known yet.
    pub fn new(broker: Arc<dyn Broker>) -> Self {
        Self { broker, latest: Mutex::default() }
    }

    /// How the queues stand; empty while the broker does not answer.
    pub fn latest(&self) -> Vec<QueueStats> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<QueueStats>> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Probe for QueueWatch {
    fn probe(&self) -> StoreFuture<'_, Option<Timestamp>> {
        Box::pin(async move {
            let asked = self.broker.stats().await;
            let (latest, answer) = match asked {
                Ok(stats) => (stats, Ok(None)),
                Err(error) => (Vec::new(), Err(StoreError::Unavailable(Box::new(error)))),
            };
            *self.lock() = latest;
            answer
        })
    }
}
