//! RabbitMQ 3.10 and later. Two connections, because a broker that is short of memory stops reading from
//! those that publish: one publishes, the other consumes, each consumer on a channel of its own.
//!
//! What the driver offers to recover by itself is left off: whatever breaks, our own supervisor connects
//! anew, and there is one way in which things are found again.

mod acks;
mod connect;
mod consumer;
mod deaths;
mod delivery;
mod error;
mod flight;
mod link;
mod properties;
mod publisher;
mod sender;
mod tags;
mod topology;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use lapin::uri::AMQPUri;
use uuid::Uuid;

use super::topology::{Exchange, Queue};
use super::{Broker, BrokerError, BrokerFuture, Deliveries, Outgoing, QueueStats, Target};
use crate::domain::clock::Clock;
use crate::telemetry::broker::BrokerMetrics;
use connect::Server;
use link::{Link, Purpose};
use publisher::Publisher;

/// The URL can not be understood. Says nothing more: it may hold a password.
#[derive(Debug, thiserror::Error)]
#[error("not a URL of a RabbitMQ server")]
pub struct UrlError;

/// What may be set about the broker.
#[derive(Clone)]
pub struct RabbitOptions {
    uri: AMQPUri,
    /// Certificates (PEM) of who may vouch for the server, beside those whom the system trusts.
    pub authority: Option<String>,
    /// What the name of every exchange and queue begins with, so that programs can share a broker.
    pub prefix: String,
    /// How long a publish call may take until all its messages are confirmed.
    pub confirm_timeout: Duration,
}

impl RabbitOptions {
    /// The defaults, for `amqp://user:password@host:port/vhost`.
    ///
    /// # Errors
    /// Where this is no such URL.
    pub fn new(url: &str) -> Result<Self, UrlError> {
        let uri = connect::parse(url).ok_or(UrlError)?;
        let (prefix, confirm_timeout) = (String::new(), Duration::from_secs(2));
        Ok(Self { uri, authority: None, prefix, confirm_timeout })
    }
}

/// Without the URL.
impl fmt::Debug for RabbitOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RabbitOptions").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

/// The names at the broker.
#[derive(Clone, Debug)]
struct Names {
    prefix: Arc<str>,
    transactions: Arc<str>,
    events: Arc<str>,
}

impl Names {
    /// Names that begin so.
    fn new(prefix: &str) -> Self {
        let name = |exchange: Exchange| format!("{prefix}{}", exchange.name()).into();
        let (transactions, events) = (name(Exchange::Transactions), name(Exchange::Events));
        Self { prefix: prefix.into(), transactions, events }
    }

    fn exchange(&self, exchange: Exchange) -> &str {
        match exchange {
            Exchange::Transactions => &self.transactions,
            Exchange::Events => &self.events,
        }
    }

    fn queue(&self, queue: Queue) -> String {
        format!("{}{}", self.prefix, queue.name())
    }

    /// One of those in which events are heard: named as ours are, for a user who may touch no others.
    fn feed(&self, id: Uuid) -> String {
        format!("{}live-feed.{id}", self.prefix)
    }

    /// Where a failed message waits. The pause is part of the name, because it is part of the
    /// queue's arguments: another pause is another queue.
    fn retry(&self, queue: Queue, pause: Duration) -> String {
        let millis = pause.as_millis();
        let pause = if millis.is_multiple_of(1_000) {
            format!("{}s", millis / 1_000)
        } else {
            format!("{millis}ms")
        };
        format!("{}.retry.{pause}", self.queue(queue))
    }

    /// Whether this is a queue of ours where failed messages wait.
    fn is_retry(&self, name: &str) -> bool {
        let beside = self.bare(name).split_once(".retry.");
        beside.is_some_and(|(queue, _)| Queue::parse(queue).is_some())
    }

    /// A name without what ours begin with.
    fn bare<'a>(&self, name: &'a str) -> &'a str {
        name.strip_prefix(&*self.prefix).unwrap_or(name)
    }

    /// Exchange and key of a target.
    fn of<'a>(&'a self, target: &'a Target) -> (&'a str, Cow<'a, str>) {
        match target {
            Target::Topic(exchange, key) => (self.exchange(*exchange), Cow::Borrowed(key)),
            Target::Reply(queue) => match Queue::parse(queue) {
                Some(ours) => ("", Cow::Owned(self.queue(ours))),
                None => ("", Cow::Borrowed(queue)),
            },
        }
    }
}

/// A RabbitMQ server, or one that will be there.
pub struct RabbitBroker {
    names: Names,
    publishing: Arc<Link>,
    consuming: Arc<Link>,
    publisher: Arc<Publisher>,
    /// Until it is known how the first connection went.
    opening: Arc<AtomicBool>,
    clock: Arc<dyn Clock>,
}

impl RabbitBroker {
    /// Begins to connect, and goes on until [`RabbitBroker::close`] or until it is dropped. Needs a
    /// tokio runtime.
    pub fn open(options: RabbitOptions, clock: Arc<dyn Clock>) -> Arc<Self> {
        let names = Names::new(&options.prefix);
        let metrics = BrokerMetrics::new();
        let server = Server { uri: options.uri.clone(), authority: options.authority.clone() };
        let opening = Arc::new(AtomicBool::new(true));
        let link = |purpose| {
            let (server, names, metrics) = (server.clone(), names.clone(), metrics.clone());
            Arc::new(Link::open(server, names, purpose, metrics, Arc::clone(&opening)))
        };
        let (publishing, consuming) = (link(Purpose::Publish), link(Purpose::Consume));
        let publisher = Publisher::start(&options, &names, &publishing, Arc::clone(&clock));
        let publisher = Arc::new(publisher);
        Arc::new(Self { names, publishing, consuming, publisher, opening, clock })
    }

    /// Closes both connections. Later calls are [`BrokerError::Unavailable`].
    pub async fn close(&self) {
        self.publisher.stop();
        self.consuming.close().await;
        self.publishing.close().await;
    }
}

impl Broker for RabbitBroker {
    /// The supervisor declares with every connection; this waits for the first, and says how it went.
    fn declare(&self) -> BrokerFuture<'_, ()> {
        Box::pin(async move {
            let declared = self.publishing.session().await.map(drop);
            if !matches!(declared, Err(BrokerError::Refused(_))) {
                self.opening.store(false, Ordering::Relaxed);
            }
            declared
        })
    }

    fn publish(&self, messages: Vec<Outgoing>) -> BrokerFuture<'_, Vec<Result<(), BrokerError>>> {
        Box::pin(async move { Ok(self.publisher.publish(messages).await) })
    }

    fn consume(&self, queue: Queue, prefetch: u16) -> BrokerFuture<'_, Box<dyn Deliveries>> {
        Box::pin(async move {
            let session = self.consuming.session().await?;
            let consume = || {
                let (publisher, name) = (Arc::clone(&self.publisher), self.names.queue(queue));
                consumer::consume(Arc::clone(&session), name, queue, prefetch, publisher)
            };
            match consume().await {
                Err(error) if error::is_missing(&error) => {
                    topology::declare(&*self.publishing.session().await?, &self.names).await?;
                    consume().await
                }
                consumed => consumed,
            }
        })
    }

    fn replies(&self, name: String) -> BrokerFuture<'_, Box<dyn Deliveries>> {
        Box::pin(async move {
            if Queue::parse(&name).is_some() {
                return Err(BrokerError::Refused("this queue is not one of answers".into()));
            }
            let session = self.consuming.session().await?;
            consumer::replies(session, name, Arc::clone(&self.publisher)).await
        })
    }

    fn events(&self) -> BrokerFuture<'_, Box<dyn Deliveries>> {
        Box::pin(async move {
            let session = self.consuming.session().await?;
            let consume = || {
                let (publisher, name) =
                    (Arc::clone(&self.publisher), self.names.feed(self.clock.uuid()));
                consumer::events(Arc::clone(&session), &self.names, name, publisher)
            };
            match consume().await {
                Err(error) if error::is_missing(&error) => {
                    topology::declare(&*self.publishing.session().await?, &self.names).await?;
                    consume().await
                }
                consumed => consumed,
            }
        })
    }

    fn stats(&self) -> BrokerFuture<'_, Vec<QueueStats>> {
        Box::pin(async move {
            let session = self.publishing.session().await?;
            topology::count(&session, &self.names).await
        })
    }
}
