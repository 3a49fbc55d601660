//! A broker in memory, as a subscriber sees it: what was published, in order. It can lose confirms, lose
//! messages, and be down.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tollgate::broker::topology::Queue;
use tollgate::broker::{
    Broker, BrokerError, BrokerFuture, Deliveries, Message, Outgoing, QueueStats, Target,
};

/// Takes what is published.
#[derive(Default)]
pub struct Subscriber {
    seen: Mutex<Vec<(String, Message)>>,
    pub down: AtomicBool,
    /// One call in so many breaks in the middle; 0: none.
    pub breaks_every: AtomicU64,
    calls: AtomicU64,
    /// Messages with this text in them are refused, and what comes behind them in a call fails.
    pub refuses: Mutex<Option<String>>,
    /// How long a call takes.
    pub delay_ms: AtomicU64,
}

fn gone<T>() -> Result<T, BrokerError> {
    Err(BrokerError::Unavailable("the connection is lost".into()))
}

impl Subscriber {
    /// Everything so far: routing keys and messages.
    pub fn seen(&self) -> Vec<(String, Message)> {
        self.seen.lock().unwrap().clone()
    }

    /// How much so far.
    pub fn count(&self) -> usize {
        self.seen.lock().unwrap().len()
    }

    fn take(&self, message: Outgoing) {
        let Target::Topic(_, key) = message.target else { panic!("events are not answers") };
        self.seen.lock().unwrap().push((key, message.message));
    }

    /// The connection breaks: of what was sent some has arrived, and of that some is confirmed.
    fn broken(&self, messages: Vec<Outgoing>, call: u64) -> Vec<Result<(), BrokerError>> {
        let arrived = call as usize % (messages.len() + 1);
        let confirmed = arrived / 2;
        let take = |(number, message)| {
            if number < arrived {
                self.take(message);
            }
            if number < confirmed { Ok(()) } else { gone() }
        };
        messages.into_iter().enumerate().map(take).collect()
    }
}

impl Broker for Subscriber {
    fn declare(&self) -> BrokerFuture<'_, ()> {
        Box::pin(async { Ok(()) })
    }

    fn publish(&self, messages: Vec<Outgoing>) -> BrokerFuture<'_, Vec<Result<(), BrokerError>>> {
        Box::pin(async move {
            let delay = self.delay_ms.load(Ordering::SeqCst);
            if delay > 0 {
                tokio::time::sleep(Duration::from_millis(delay)).await;
            }
            if self.down.load(Ordering::SeqCst) {
                return gone();
            }
            let count = messages.len();
            let call = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
            let every = self.breaks_every.load(Ordering::SeqCst);
            if every > 0 && call.is_multiple_of(every) {
                return Ok(self.broken(messages, call));
            }
            let refused = self.refuses.lock().unwrap().clone();
            let is_refused = |message: &Outgoing| {
                let body = String::from_utf8_lossy(&message.message.body);
                refused.as_ref().is_some_and(|text| body.contains(text.as_str()))
            };
            // As a channel that is closed for a message fails those that were sent behind it.
            let taken = messages.iter().position(is_refused).unwrap_or(count);
            messages.into_iter().take(taken).for_each(|message| self.take(message));
            let refusal = || Err(BrokerError::Refused("too large".into()));
            Ok((0..count).map(|at| if at < taken { Ok(()) } else { refusal() }).collect())
        })
    }

    fn consume(&self, _queue: Queue, _prefetch: u16) -> BrokerFuture<'_, Box<dyn Deliveries>> {
        Box::pin(async { gone() })
    }

    fn replies(&self, _name: String) -> BrokerFuture<'_, Box<dyn Deliveries>> {
        Box::pin(async { gone() })
    }

    fn events(&self) -> BrokerFuture<'_, Box<dyn Deliveries>> {
        Box::pin(std::future::pending())
    }

    fn stats(&self) -> BrokerFuture<'_, Vec<QueueStats>> {
        Box::pin(async { Ok(Vec::new()) })
    }
}
