//! Ports to the message broker: moves bytes and headers, and knows nothing of cards. The topology is
//! in `topology`; adapters sit in folders beside this file.

pub mod embedded;
pub mod headers;
pub mod rabbitmq;
pub mod topology;

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;

use topology::{Exchange, Queue};

/// A boxed future of a broker call.
pub type BrokerFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, BrokerError>> + Send + 'a>>;

/// What the driver said, kept for the log.
pub type Source = Box<dyn std::error::Error + Send + Sync>;

/// Why a broker call failed, by what the caller can do about it.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// The broker does not answer, or has not confirmed in time. The message may have arrived all the
    /// same: publish it again, its effects are once per id.
    #[error("the message broker is unavailable")]
    Unavailable(#[source] Source),
    /// No queue takes messages of this key.
    #[error("no queue takes messages with the key {0}")]
    Unroutable(String),
    /// The queue does not take the message, though the broker works: it may be full.
    #[error("the queue does not take the message")]
    NotTaken(#[source] Source),
    /// The broker refuses this very call. Ours, or its operator's, to mend.
    #[error("the message broker refused")]
    Refused(#[source] Source),
}

/// Where a message goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// An exchange routes it by a key. Unroutable is a failure at `transactions` and success at
    /// `events`, where nobody may be listening.
    Topic(Exchange, String),
    /// Straight to a queue by its name: an answer to whoever asked.
    Reply(String),
}

/// A message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// What its effects are once for: a JIT token, an event's id.
    pub id: String,
    /// The media type of the body.
    pub content_type: String,
    /// Where the answer goes, if one is wanted.
    pub reply_to: Option<String>,
    /// What the answer must repeat.
    pub correlation_id: Option<String>,
    /// Text headers, our own among them.
    pub headers: BTreeMap<String, String>,
    /// Other texts that came with it. Nobody works with them, and they move on nowhere; they are here to
    /// be looked at for what must not come in.
    pub unread: Vec<String>,
    /// When it was first published, in milliseconds since 1970, by our own header.
    pub published_ms: Option<i64>,
    /// How long it is worth anything.
    pub expires_after: Option<Duration>,
    /// The bytes.
    pub body: Bytes,
}

/// A message and where it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// Where to.
    pub target: Target,
    /// What.
    pub message: Message,
}

/// What becomes of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// It has had its effects.
    Done,
    /// It failed: again after the pause of its attempt, and dead-lettered after the last one.
    Retry {
        /// What went wrong, in one line.
        error: String,
    },
    /// It can never work.
    Dead {
        /// A stable code.
        reason: String,
        /// What is wrong, in one line.
        error: String,
    },
    /// It was not tried: back where it was, and not counted.
    Return,
}

/// A message that must be settled. Dropped unsettled, it comes again.
pub trait Delivery: Send {
    /// The message.
    fn message(&self) -> &Message;
    /// From now on it is this message: if it moves on, it does so as this one.
    fn replace(&mut self, message: Message);
    /// How many attempts have failed and been counted by the broker's headers.
    fn failures(&self) -> u32;
    /// So many have failed: its consumer has counted better than the headers, which a crash leaves
    /// as they were.
    fn recount(&mut self, failures: u32);
    /// Whether it was delivered before and not settled: its consumer may have died of it.
    fn redelivered(&self) -> bool;
    /// Settles it. Where it moves on (retry, dead letter), the move is confirmed before this copy is
    /// acknowledged.
    fn settle(self: Box<Self>, settlement: Settlement) -> BrokerFuture<'static, ()>;
}

/// Messages of one queue, one after the other. An error is the end: consume again.
pub trait Deliveries: Send {
    /// The next message; waits until there is one.
    fn next(&mut self) -> BrokerFuture<'_, Box<dyn Delivery>>;
}

/// How a queue stands.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct QueueStats {
    /// Its name.
    pub queue: String,
    /// Messages that wait.
    pub messages: u64,
    /// Consumers.
    pub consumers: u64,
}

/// A broker with our topology.
pub trait Broker: Send + Sync {
    /// Declares exchanges, queues and bindings. May be called again. [`BrokerError::Refused`] names
    /// what differs where something exists with other arguments.
    fn declare(&self) -> BrokerFuture<'_, ()>;
    /// Publishes, and waits until each message is confirmed: on disk, and in a queue if it must be in
    /// one. One result for each, in order. Each call is bounded by the confirm timeout. Messages of one
    /// call keep their order where they go to the same exchange.
    fn publish(&self, messages: Vec<Outgoing>) -> BrokerFuture<'_, Vec<Result<(), BrokerError>>>;
    /// Consumes a queue; at most `prefetch` deliveries are unsettled at a time.
    fn consume(&self, queue: Queue, prefetch: u16) -> BrokerFuture<'_, Box<dyn Deliveries>>;
    /// Consumes answers to [`Target::Reply`] of this name. The queue lives as long as what this
    /// returns; answers that come later are unroutable. An answer that is not settled need not come
    /// again.
    fn replies(&self, name: String) -> BrokerFuture<'_, Box<dyn Deliveries>>;
    /// Hears every event that is published from now on, in a queue of its own that goes with what this
    /// returns. Those of one publisher come in their order; nothing comes again, so that there is
    /// nothing to settle. An error is the end here, too: what is published until the next call is not
    /// heard.
    fn events(&self) -> BrokerFuture<'_, Box<dyn Deliveries>>;
    /// How the queues stand.
    fn stats(&self) -> BrokerFuture<'_, Vec<QueueStats>>;
}
