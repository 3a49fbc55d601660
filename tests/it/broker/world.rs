//! A broker of a test's own, and short ways to talk to it.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use lapin::options::{ExchangeDeleteOptions, QueueDeleteOptions};
use tollgate::app::clock::SystemClock;
use tollgate::broker::embedded::EmbeddedBroker;
use tollgate::broker::rabbitmq::{RabbitBroker, RabbitOptions};
use tollgate::broker::topology::{Exchange, Queue};
use tollgate::broker::{
    Broker, BrokerError, Deliveries, Delivery, Message, Outgoing, Settlement, Target,
};

use crate::support::servers;

/// Long enough for a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub type Shared = Arc<dyn Broker>;

/// Runs a test on an embedded broker.
pub async fn embedded<F: Future<Output = ()>>(test: impl FnOnce(Shared) -> F) {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(SystemClock::new());
    let broker = EmbeddedBroker::open(&folder.path().join("broker.db"), clock).await.unwrap();
    test(broker.clone()).await;
    broker.close().await;
}

/// Runs a test in a corner of the server, and clears it away.
pub async fn rabbitmq<F: Future<Output = ()>>(test: impl FnOnce(Shared) -> F) {
    rabbitmq_named(|broker, _| test(broker)).await;
}

/// The same for a test that has to know what the corner's names begin with.
pub async fn rabbitmq_named<F: Future<Output = ()>>(test: impl FnOnce(Shared, String) -> F) {
    let (url, prefix) = (servers::url("RABBITMQ_URL"), format!("{}.", servers::unique()));
    let broker = open(&url, &prefix);
    broker.declare().await.unwrap();
    let result = AssertUnwindSafe(test(broker.clone(), prefix.clone())).catch_unwind().await;
    broker.close().await;
    clear(&url, &prefix).await;
    if let Err(panic) = result {
        std::panic::resume_unwind(panic);
    }
}

/// The adapter, with names that begin so.
pub fn open(url: &str, prefix: &str) -> Arc<RabbitBroker> {
    let mut options = RabbitOptions::new(url).unwrap();
    options.prefix = prefix.to_owned();
    RabbitBroker::open(options, Arc::new(SystemClock::new()))
}

/// A connection behind the adapter's back.
pub async fn connect(url: &str) -> lapin::Connection {
    lapin::Connection::connect(url, lapin::ConnectionProperties::default()).await.unwrap()
}

/// Deletes what the adapter has declared.
pub async fn clear(url: &str, prefix: &str) {
    let connection = connect(url).await;
    let channel = connection.create_channel().await.unwrap();
    for queue in Queue::ALL {
        let retries = ["", ".retry.100ms", ".retry.1s", ".retry.5s"];
        for suffix in retries {
            let name = format!("{prefix}{}{suffix}", queue.name());
            let deleting = channel.queue_delete(name.into(), QueueDeleteOptions::default());
            deleting.await.unwrap();
        }
    }
    for exchange in Exchange::ALL {
        let name = format!("{prefix}{}", exchange.name());
        channel.exchange_delete(name.into(), ExchangeDeleteOptions::default()).await.unwrap();
    }
    connection.close(200, "done".into()).await.unwrap();
}

pub fn message(id: &str) -> Message {
    Message {
        id: id.to_owned(),
        content_type: "application/json".to_owned(),
        body: format!("{{\"id\":\"{id}\"}}").into_bytes().into(),
        ..Message::default()
    }
}

pub fn to(queue: Queue, message: Message) -> Outgoing {
    let target = Target::Topic(Exchange::Transactions, queue.binding().to_owned());
    Outgoing { target, message }
}

/// Publishes one message.
pub async fn publish(broker: &Shared, outgoing: Outgoing) -> Result<(), BrokerError> {
    broker.publish(vec![outgoing]).await?.pop().expect("one result")
}

/// Publishes messages of these ids to a queue.
pub async fn put(broker: &Shared, queue: Queue, ids: &[String]) {
    let messages = ids.iter().map(|id| to(queue, message(id))).collect();
    for result in broker.publish(messages).await.unwrap() {
        result.unwrap();
    }
}

pub async fn consume(broker: &Shared, queue: Queue, prefetch: u16) -> Box<dyn Deliveries> {
    broker.consume(queue, prefetch).await.unwrap()
}

/// The next message, which must come.
pub async fn next(deliveries: &mut Box<dyn Deliveries>) -> Box<dyn Delivery> {
    let next = tokio::time::timeout(PATIENCE, deliveries.next()).await;
    next.expect("a message comes").unwrap()
}

/// Nothing comes for a while.
pub async fn nothing(deliveries: &mut Box<dyn Deliveries>) {
    let next = tokio::time::timeout(Duration::from_millis(300), deliveries.next()).await;
    let came = next.ok().map(|delivery| delivery.unwrap().message().clone());
    assert_eq!(came, None);
}

pub fn failed(error: &str) -> Settlement {
    Settlement::Retry { error: error.to_owned() }
}
