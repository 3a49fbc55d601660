//! Whoever hears events: each has a queue in memory, as on a server each has one that goes with it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::failed;
use super::jobs::closed;
use crate::broker::{BrokerError, BrokerFuture, Deliveries, Delivery, Message, Settlement};

/// Events that wait for one who hears them. Whoever falls behind further hears no more.
const WAITING_MAX: usize = 16_384;

/// Those who hear events now; `None`: the broker is closed.
pub(super) struct Hearers(Shared);

type Shared = Arc<Mutex<Option<Vec<Sender<Message>>>>>;

impl Hearers {
    /// Nobody so far.
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(Some(Vec::new()))))
    }

    /// One more, from now on.
    pub(super) fn join(&self) -> Result<Heard, BrokerError> {
        let (sender, messages) = channel(WAITING_MAX);
        lock(&self.0).as_mut().ok_or_else(|| failed(&closed()))?.push(sender);
        Ok(Heard { messages, hearers: Arc::clone(&self.0) })
    }

    /// Tells everyone. Those who have gone, or are too far behind, are told no more.
    pub(super) fn tell(&self, events: Vec<Message>) {
        let mut hearers = lock(&self.0);
        let Some(hearers) = hearers.as_mut() else { return };
        for event in events {
            hearers.retain(|hearer| hearer.try_send(event.clone()).is_ok());
        }
    }

    /// Whether there is nobody to tell.
    pub(super) fn is_empty(&self) -> bool {
        lock(&self.0).as_ref().is_none_or(Vec::is_empty)
    }

    /// Nobody is told any more.
    pub(super) fn close(&self) {
        *lock(&self.0) = None;
    }
}

fn lock(hearers: &Shared) -> MutexGuard<'_, Option<Vec<Sender<Message>>>> {
    hearers.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What one of them hears.
pub(super) struct Heard {
    messages: Receiver<Message>,
    hearers: Shared,
}

impl Deliveries for Heard {
    fn next(&mut self) -> BrokerFuture<'_, Box<dyn Delivery>> {
        Box::pin(async move {
            match self.messages.recv().await {
                Some(message) => Ok(Box::new(HeardEvent(message)) as Box<dyn Delivery>),
                None if lock(&self.hearers).is_none() => Err(failed(&closed())),
                None => {
                    Err(BrokerError::Unavailable("events came faster than they were heard".into()))
                }
            }
        })
    }
}

/// An event that was heard: whatever becomes of it, it does not come again.
struct HeardEvent(Message);

impl Delivery for HeardEvent {
    fn message(&self) -> &Message {
        &self.0
    }

    fn replace(&mut self, message: Message) {
        self.0 = message;
    }

    fn failures(&self) -> u32 {
        0
    }

    fn recount(&mut self, _: u32) {}

    fn redelivered(&self) -> bool {
        false
    }

    fn settle(self: Box<Self>, _: Settlement) -> BrokerFuture<'static, ()> {
        Box::pin(std::future::ready(Ok(())))
    }
}
