//! Consumers: one channel each, and a watchdog that notices when nothing can come any more.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicQosOptions, QueueBindOptions, QueueDeclareOptions,
};
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

/// Events that the broker sends before it hears what has become of them: the driver keeps whatever has
/// come, and asks nobody how much that is.
const EVENTS_PREFETCH: u16 = 4_096;

/// So many of them are acknowledged at once, and fewer when there has been time for a ping: the broker
/// waits for half an hour at most.
const ROW_MAX: u16 = 512;

/// How the broker is told of what has come.
enum Receipts {
    /// Each delivery is settled by whoever has it.
    Each(Acks),
    /// What has been taken does not come again, and is acknowledged by the row.
    Rows(Row),
    /// The broker lets go of what it has delivered.
    Never,
}

/// What has been taken and not been acknowledged.
#[derive(Default)]
struct Row {
    last: u64,
    length: u16,
}

/// A consumer of one queue.
pub(super) struct RabbitDeliveries {
    channel: Channel,
    consumer: Consumer,
    prefetch: u16,
    /// None for a queue of answers or events.
    queue: Option<Queue>,
    receipts: Receipts,
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
    let receipts = Receipts::Each(Acks::start(Arc::clone(&session), channel.clone()));
    let all = RabbitDeliveries::new(&session, channel, consumer, prefetch, receipts, publisher);
    Ok(Box::new(RabbitDeliveries { queue: Some(queue), ..all }))
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
    let options = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
    let consumer = begin(&channel, name, options).await?;
    let receipts = Receipts::Never;
    let all = RabbitDeliveries::new(&session, channel, consumer, u16::MAX, receipts, publisher);
    Ok(Box::new(all))
}

/// Makes a queue for all events that goes with its consumer, and consumes it. Classic, whatever the
/// broker makes where nothing is said: others outlive their connection. Bound last, so that nothing comes
/// into a queue that nobody consumes.
pub(super) async fn events(
    session: Arc<Session>,
    names: &Names,
    name: String,
    publisher: Arc<Publisher>,
) -> Result<Box<dyn Deliveries>, BrokerError> {
    let channel = session.channel().await?;
    bounded(channel.basic_qos(EVENTS_PREFETCH, BasicQosOptions::default())).await?;
    let options = QueueDeclareOptions::exclusive().auto_delete();
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), AMQPValue::LongString("classic".into()));
    bounded(channel.queue_declare(name.as_str().into(), options, arguments)).await?;
    let consumer = begin(&channel, name.clone(), BasicConsumeOptions::default()).await?;
    let binding = channel.queue_bind(
        name.into(),
        names.exchange(Exchange::Events).into(),
        "#".into(),
        QueueBindOptions::default(),
        FieldTable::default(),
    );
    bounded(binding).await?;
    let (prefetch, receipts) = (EVENTS_PREFETCH, Receipts::Rows(Row::default()));
    let all = RabbitDeliveries::new(&session, channel, consumer, prefetch, receipts, publisher);
    Ok(Box::new(all))
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
    fn new(
        session: &Session,
        channel: Channel,
        consumer: Consumer,
        prefetch: u16,
        receipts: Receipts,
        publisher: Arc<Publisher>,
    ) -> Self {
        Self {
            channel,
            consumer,
            prefetch,
            queue: None,
            receipts,
            publisher,
            buried: session.buried(),
            ping: ping(),
            has_come: false,
        }
    }

    async fn one(&mut self) -> Result<Box<dyn Delivery>, BrokerError> {
        loop {
            tokio::select! {
                biased;
                next = self.consumer.next() => {
                    self.has_come = true;
                    let delivery = match next {
                        Some(Ok(delivery)) => self.take(delivery),
                        Some(Err(error)) => return Err(translate(error)),
                        None => return Err(silent(Silence::Cancelled)),
                    };
                    self.acknowledge_row(ROW_MAX).await?;
                    return Ok(delivery);
                }
                () = burial(&mut self.buried) => return Err(silent(Silence::Disconnected)),
                _ = self.ping.tick() => {
                    self.acknowledge_row(1).await?;
                    if !std::mem::take(&mut self.has_come) {
                        self.ask().await?;
                    }
                }
            }
        }
    }

    fn take(&mut self, delivery: lapin::message::Delivery) -> Box<dyn Delivery> {
        let tag = delivery.delivery_tag;
        let ticket = match &mut self.receipts {
            Receipts::Each(acks) => Some(acks.ticket(tag)),
            Receipts::Rows(row) => {
                *row = Row { last: tag, length: row.length.saturating_add(1) };
                None
            }
            Receipts::Never => None,
        };
        let publisher = Arc::clone(&self.publisher);
        Box::new(RabbitDelivery::new(delivery, self.queue, ticket, publisher))
    }

    /// Acknowledges the row, where it is so long.
    async fn acknowledge_row(&mut self, length_min: u16) -> Result<(), BrokerError> {
        let Receipts::Rows(row) = &mut self.receipts else { return Ok(()) };
        if row.length < length_min {
            return Ok(());
        }
        let last = std::mem::take(row).last;
        bounded(self.channel.basic_ack(last, BasicAckOptions { multiple: true })).await
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
