//! Deliveries, and how they are settled: what moves on is confirmed where it goes before it is
//! acknowledged where it was.

use std::sync::Arc;
use std::time::Duration;

use lapin::options::{BasicAckOptions, BasicNackOptions};
use lapin::{Acker, Channel};

use super::error::{Silence, bounded, silent};
use super::properties;
use super::publisher::Publisher;
use crate::broker::headers::{self, Onward};
use crate::broker::topology::{Exchange, Queue};
use crate::broker::{BrokerError, BrokerFuture, Delivery, Message, Outgoing, Settlement, Target};

/// A message that the broker has taken back so often is given back as a copy, whose count is fresh: the
/// broker's own limit is no judge of outages.
const BACK_MAX: i64 = 8;

/// How long a message waits that could not move on, before it comes again.
const BACK_AFTER: Duration = Duration::from_millis(250);

/// A message that is with a consumer. Dropped unsettled, it comes again.
pub(super) struct RabbitDelivery {
    message: Message,
    queue: Option<Queue>,
    failures: u32,
    redelivered: bool,
    delivery_count: i64,
    acker: Option<Acker>,
    /// It stays open until its last delivery is settled, though the consumer may have gone.
    channel: Channel,
    publisher: Arc<Publisher>,
}

impl RabbitDelivery {
    pub(super) fn new(
        mut delivery: lapin::message::Delivery,
        queue: Option<Queue>,
        channel: Channel,
        publisher: Arc<Publisher>,
    ) -> Self {
        let delivery_count = properties::delivery_count(&delivery);
        let message = properties::read(&mut delivery);
        Self {
            failures: headers::failures(&message),
            message,
            queue,
            redelivered: delivery.redelivered,
            delivery_count,
            acker: Some(delivery.acker),
            channel,
            publisher,
        }
    }

    /// Where a copy goes before this one is acknowledged.
    fn onward(&self, settlement: Settlement) -> Move {
        let Some(queue) = self.queue else {
            return if settlement == Settlement::Done { Move::Gone } else { Move::Back };
        };
        match headers::onward(queue, &self.message, self.failures, settlement) {
            Onward::Gone => Move::Gone,
            Onward::Back if self.delivery_count < BACK_MAX => Move::Back,
            Onward::Back => Move::Copy(Outgoing {
                target: Target::Reply(queue.name().to_owned()),
                message: self.message.clone(),
            }),
            Onward::Again(message, index) => {
                let target =
                    Target::Reply(self.publisher.retry_queue(queue, headers::pause(index)));
                Move::Copy(Outgoing { target, message })
            }
            Onward::Dead(message, key) => {
                let target = Target::Topic(Exchange::Transactions, key.to_owned());
                Move::Copy(Outgoing { target, message })
            }
        }
    }

    async fn settled(mut self: Box<Self>, settlement: Settlement) -> Result<(), BrokerError> {
        match self.onward(settlement) {
            Move::Gone => self.acknowledge().await,
            Move::Copy(outgoing) => {
                if let Err(error) = self.publisher.move_on(outgoing).await {
                    tokio::time::sleep(BACK_AFTER).await;
                    return Err(error); // dropped, it comes again
                }
                self.acknowledge().await
            }
            Move::Back => {
                let Some(acker) = self.acker.take() else { return Ok(()) };
                used(bounded(acker.nack(requeue())).await?)
            }
        }
    }

    async fn acknowledge(&mut self) -> Result<(), BrokerError> {
        let Some(acker) = self.acker.take() else { return Ok(()) };
        used(bounded(acker.ack(BasicAckOptions::default())).await?)
    }
}

enum Move {
    Gone,
    Back,
    Copy(Outgoing),
}

fn requeue() -> BasicNackOptions {
    BasicNackOptions { requeue: true, ..BasicNackOptions::default() }
}

/// The driver says whether it has sent anything.
fn used(sent: bool) -> Result<(), BrokerError> {
    if sent { Ok(()) } else { Err(silent(Silence::Gone)) }
}

impl Delivery for RabbitDelivery {
    fn message(&self) -> &Message {
        &self.message
    }

    fn replace(&mut self, message: Message) {
        self.message = message;
    }

    fn failures(&self) -> u32 {
        self.failures
    }

    fn recount(&mut self, failures: u32) {
        self.failures = failures;
    }

    fn redelivered(&self) -> bool {
        self.redelivered
    }

    fn settle(self: Box<Self>, settlement: Settlement) -> BrokerFuture<'static, ()> {
        Box::pin(self.settled(settlement))
    }
}

impl Drop for RabbitDelivery {
    fn drop(&mut self) {
        let Some(acker) = self.acker.take() else { return };
        let channel = self.channel.clone();
        // Without a runtime the process is ending, and the connection with it.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                let _ = bounded(acker.nack(requeue())).await; // with its channel gone, it comes again
                drop(channel);
            });
        }
    }
}
