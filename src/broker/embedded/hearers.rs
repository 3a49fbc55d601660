//! Whoever hears events: each has a queue in memory, as on a server each has one that goes with it.

use std::sync::{Mutex, PoisonError};

use tokio::sync::mpsc::{Receiver, Sender, channel};

use crate::broker::{BrokerError, BrokerFuture, Deliveries, Delivery, Message, Settlement};

/// Events that wait for one who hears them. Whoever falls behind further hears no more.
const WAITING_MAX: usize = 16_384;

/// Those who hear events now.
#[derive(Default)]
pub(super) struct Hearers(Mutex<Vec<Sender<Message>>>);

impl Hearers {
    /// One more, from now on.
    pub(super) fn join(&self) -> Heard {
        let (sender, messages) = channel(WAITING_MAX);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(sender);
        Heard(messages)
    }

    /// Tells everyone. Those who have gone, or are too far behind, are told no more.
    pub(super) fn tell(&self, events: Vec<Message>) {
        let mut hearers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for event in events {
            hearers.retain(|hearer| hearer.try_send(event.clone()).is_ok());
        }
    }

    /// Whether there is nobody to tell.
    pub(super) fn is_empty(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Nobody is told any more.
    pub(super) fn close(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// What one of them hears.
pub(super) struct Heard(Receiver<Message>);

impl Deliveries for Heard {
    fn next(&mut self) -> BrokerFuture<'_, Box<dyn Delivery>> {
        Box::pin(async move {
            match self.0.recv().await {
                Some(message) => Ok(Box::new(HeardEvent(message)) as Box<dyn Delivery>),
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
