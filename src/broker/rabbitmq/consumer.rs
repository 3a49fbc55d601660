//! Consumers: one channel each, and a watchdog that notices when nothing can come any more.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use lapin::options::{BasicConsumeOptions, BasicQosOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Consumer};

use super::delivery::RabbitDelivery;
use super::error::{Silence, bounded, silent, translate};
use super::link::Session;
use super::publisher::Publisher;
use crate::broker::topology::Queue;
use crate::broker::{BrokerError, BrokerFuture, Deliveries, Delivery};

/// A consumer to which nothing has come for so long asks its channel whether it is still there.
const PING_AFTER: Duration = Duration::from_secs(5);

/// A consumer of one queue.
pub(super) struct RabbitDeliveries {
    session: Arc<Session>,
    channel: Channel,
    consumer: Consumer,
    queue: Option<Queue>,
    prefetch: u16,
    publisher: Arc<Publisher>,
}

/// Consumes a queue by its name at the broker.
pub(super) async fn consume(
    session: Arc<Session>,
    name: String,
    queue: Option<Queue>,
    prefetch: u16,
    publisher: Arc<Publisher>,
) -> Result<Box<dyn Deliveries>, BrokerError> {
    let channel = session.channel().await?;
    let prefetch = prefetch.max(1);
    bounded(channel.basic_qos(prefetch, BasicQosOptions::default())).await?;
    let consumer = channel.basic_consume(
        name.into(),
        "".into(),
        BasicConsumeOptions::default(),
        FieldTable::default(),
    );
    let consumer = bounded(consumer).await?;
    Ok(Box::new(RabbitDeliveries { session, channel, consumer, queue, prefetch, publisher }))
}

/// Makes a queue of answers that goes with its consumer, and consumes it.
pub(super) async fn replies(
    session: Arc<Session>,
    name: String,
    publisher: Arc<Publisher>,
) -> Result<Box<dyn Deliveries>, BrokerError> {
    let channel = session.channel().await?;
    let options = QueueDeclareOptions::exclusive().auto_delete();
    let declaring = channel.queue_declare(name.as_str().into(), options, FieldTable::default());
    bounded(declaring).await?;
    consume(session, name, None, u16::MAX, publisher).await
}

impl RabbitDeliveries {
    async fn one(&mut self) -> Result<Box<dyn Delivery>, BrokerError> {
        loop {
            tokio::select! {
                biased;
                next = self.consumer.next() => {
                    return match next {
                        Some(Ok(delivery)) => Ok(Box::new(RabbitDelivery::new(
                            delivery,
                            self.queue,
                            self.channel.clone(),
                            Arc::clone(&self.publisher),
                        ))),
                        Some(Err(error)) => Err(translate(error)),
                        None => Err(silent(Silence::Cancelled)),
                    };
                }
                () = self.session.burial() => return Err(silent(Silence::Disconnected)),
                () = tokio::time::sleep(PING_AFTER) => self.ping().await?,
            }
        }
    }

    /// What it sets is set already: it is the answer that counts.
    async fn ping(&self) -> Result<(), BrokerError> {
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
