//! Consumers: one channel each, and a watchdog that notices when nothing can come any more.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use lapin::options::{BasicConsumeOptions, BasicQosOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, Consumer};
use tokio::sync::watch;
use tokio::time::{Instant, Interval, MissedTickBehavior};

use super::Names;
use super::acks::Acks;
use super::delivery::RabbitDelivery;
use super::error::{Silence, bounded, silent, translate};
use super::link::Session;
use super::publisher::Publisher;
use crate::broker::topology::{Exchange, Queue};
use crate::broker::{BrokerError, BrokerFuture, Deliveries, Delivery};

/// A consumer to which nothing has come for so long asks its channel whether it is still there.
const PING_AFTER: Duration = Duration::from_secs(5);

/// A consumer of one queue.
pub(super) struct RabbitDeliveries {
    channel: Channel,
    consumer: Consumer,
    prefetch: u16,
    /// None for a queue of answers or events.
    queue: Option<Queue>,
    /// None where the broker lets go of what it has delivered.
    acks: Option<Acks>,
    publisher: Arc<Publisher>,
    buried: watch::Receiver<bool>,
    ping: Interval,
    /// Whether anything has come since the last look.
    has_come: bool,
}

/// Consumes a queue by its name at the broker.
pub(super) async fn consume(
    session: Arc<Session>,
    name: String,
    queue: Queue,
    prefetch: u16,
    publisher: Arc<Publisher>,
) -> Result<Box<dyn Deliveries>, BrokerError> {
    let channel = session.channel().await?;
    let prefetch = prefetch.max(1);
    bounded(channel.basic_qos(prefetch, BasicQosOptions::default())).await?;
    let consumer = begin(&channel, name, BasicConsumeOptions::default()).await?;
    let buried = session.buried();
    Ok(Box::new(RabbitDeliveries {
        acks: Some(Acks::start(session, channel.clone())),
        channel,
        consumer,
        prefetch,
        queue: Some(queue),
        publisher,
        buried,
        ping: ping(),
        has_come: false,
    }))
}

/// Makes a queue of answers that goes with its consumer, and consumes it. Nothing is acknowledged: a
/// queue that goes with its consumer could not deliver anything again.
pub(super) async fn replies(
    session: Arc<Session>,
    name: String,
    publisher: Arc<Publisher>,
) -> Result<Box<dyn Deliveries>, BrokerError> {
    let channel = session.channel().await?;
    let options = QueueDeclareOptions::exclusive().auto_delete();
    let declaring = channel.queue_declare(name.as_str().into(), options, FieldTable::default());
    bounded(declaring).await?;
    unacknowledged(&session, channel, name, publisher).await
}

/// Makes a queue for all events that goes with its consumer, and consumes it. Classic, whatever the
/// broker makes where nothing is said: others outlive their connection.
pub(super) async fn events(
    session: Arc<Session>,
    names: &Names,
    publisher: Arc<Publisher>,
) -> Result<Box<dyn Deliveries>, BrokerError> {
    let channel = session.channel().await?;
    let options = QueueDeclareOptions::exclusive().auto_delete();
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), AMQPValue::LongString("classic".into()));
    let name = bounded(channel.queue_declare("".into(), options, arguments)).await?;
    let name = name.name().as_str().to_owned();
    let binding = channel.queue_bind(
        name.as_str().into(),
        names.exchange(Exchange::Events).into(),
        "#".into(),
        QueueBindOptions::default(),
        FieldTable::default(),
    );
    bounded(binding).await?;
    unacknowledged(&session, channel, name, publisher).await
}

async fn unacknowledged(
    session: &Session,
    channel: Channel,
    name: String,
    publisher: Arc<Publisher>,
) -> Result<Box<dyn Deliveries>, BrokerError> {
    let options = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
    let consumer = begin(&channel, name, options).await?;
    Ok(Box::new(RabbitDeliveries {
        channel,
        consumer,
        prefetch: u16::MAX,
        queue: None,
        acks: None,
        publisher,
        buried: session.buried(),
        ping: ping(),
        has_come: false,
    }))
}

async fn begin(
    channel: &Channel,
    name: String,
    options: BasicConsumeOptions,
) -> Result<Consumer, BrokerError> {
    bounded(channel.basic_consume(name.into(), "".into(), options, FieldTable::default())).await
}

fn ping() -> Interval {
    let mut ping = tokio::time::interval_at(Instant::now() + PING_AFTER, PING_AFTER);
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ping
}

async fn burial(buried: &mut watch::Receiver<bool>) {
    let _ = buried.wait_for(|buried| *buried).await;
}

impl RabbitDeliveries {
    async fn one(&mut self) -> Result<Box<dyn Delivery>, BrokerError> {
        loop {
            tokio::select! {
                biased;
                next = self.consumer.next() => {
                    self.has_come = true;
                    return match next {
                        Some(Ok(delivery)) => Ok(self.take(delivery)),
                        Some(Err(error)) => Err(translate(error)),
                        None => Err(silent(Silence::Cancelled)),
                    };
                }
                () = burial(&mut self.buried) => return Err(silent(Silence::Disconnected)),
                _ = self.ping.tick() => {
                    if !std::mem::take(&mut self.has_come) {
                        self.ask().await?;
                    }
                }
            }
        }
    }

    fn take(&self, delivery: lapin::message::Delivery) -> Box<dyn Delivery> {
        let ticket = self.acks.as_ref().map(|acks| acks.ticket(delivery.delivery_tag));
        let publisher = Arc::clone(&self.publisher);
        Box::new(RabbitDelivery::new(delivery, self.queue, ticket, publisher))
    }

    /// What it sets is set already: it is the answer that counts.
    async fn ask(&self) -> Result<(), BrokerError> {
        if !self.channel.status().connected() {
            return Err(silent(Silence::Gone));
        }
        bounded(self.channel.basic_qos(self.prefetch, BasicQosOptions::default())).await
    }
}

impl Deliveries for RabbitDeliveries {
    fn next(&mut self) -> BrokerFuture<'_, Box<dyn Delivery>> {
        Box::pin(self.one())
    }
}
