//! Who waits at which queue. Everything here is gone when the process ends; messages are not.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

/// The queues' consumers.
#[derive(Default)]
pub(super) struct Queues(Mutex<BTreeMap<String, Waiting>>);

struct Waiting {
    /// Changes whenever something has arrived.
    arrivals: watch::Sender<()>,
    consumers: u64,
    /// A queue of answers, which is there as long as its one consumer.
    replies: bool,
}

impl Default for Waiting {
    fn default() -> Self {
        Self { arrivals: watch::Sender::new(()), consumers: 0, replies: false }
    }
}

impl Queues {
    /// One more consumer; what it is woken by.
    pub(super) fn join(&self, queue: &str) -> watch::Receiver<()> {
        let mut queues = self.lock();
        let waiting = queues.entry(queue.to_owned()).or_default();
        waiting.consumers += 1;
        waiting.arrivals.subscribe()
    }

    /// One consumer less. Says whether the queue was its own, and has gone with it.
    pub(super) fn leave(&self, queue: &str) -> bool {
        let mut queues = self.lock();
        let Some(waiting) = queues.get_mut(queue) else { return false };
        waiting.consumers = waiting.consumers.saturating_sub(1);
        let gone = waiting.replies && waiting.consumers == 0;
        if gone {
            queues.remove(queue);
        }
        gone
    }

    /// Something has arrived.
    pub(super) fn wake(&self, queue: &str) {
        if let Some(waiting) = self.lock().get(queue) {
            waiting.arrivals.send_replace(());
        }
    }

    /// Makes a queue of answers; `false`: there is one.
    pub(super) fn open_replies(&self, queue: &str) -> bool {
        let mut queues = self.lock();
        if queues.contains_key(queue) {
            return false;
        }
        queues.insert(queue.to_owned(), Waiting { replies: true, ..Waiting::default() });
        true
    }

    /// Whether there is such a queue of answers.
    pub(super) fn replies_to(&self, queue: &str) -> bool {
        self.lock().get(queue).is_some_and(|waiting| waiting.replies)
    }

    /// How many consume a queue.
    pub(super) fn consumers(&self, queue: &str) -> u64 {
        self.lock().get(queue).map_or(0, |waiting| waiting.consumers)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Waiting>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
