//! Deliveries, and how they are settled: what moves on is confirmed where it goes before it is
//! acknowledged where it was.

use std::sync::Arc;
use std::time::Duration;

use super::acks::{Ticket, Verdict};
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

/// A message that is with a consumer. Dropped unsettled, it comes again by its ticket.
pub(super) struct RabbitDelivery {
    message: Message,
    queue: Option<Queue>,
    failures: u32,
    redelivered: bool,
    delivery_count: i64,
    /// None where the broker has let go of it already.
    ticket: Option<Ticket>,
    publisher: Arc<Publisher>,
}

impl RabbitDelivery {
    pub(super) fn new(
        mut delivery: lapin::message::Delivery,
        queue: Option<Queue>,
        ticket: Option<Ticket>,
        publisher: Arc<Publisher>,
    ) -> Self {
        let delivery_count = properties::delivery_count(&delivery);
        let message = properties::read(&mut delivery, &publisher.names);
        Self {
            failures: headers::failures(&message),
            message,
            queue,
            redelivered: delivery.redelivered,
            delivery_count,
            ticket,
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
                    Target::Reply(self.publisher.names.retry(queue, headers::pause(index)));
                Move::Copy(Outgoing { target, message })
            }
            Onward::Dead(message, key) => {
                let target = Target::Topic(Exchange::Transactions, key.to_owned());
                Move::Copy(Outgoing { target, message })
            }
        }
    }

    async fn settled(mut self: Box<Self>, settlement: Settlement) -> Result<(), BrokerError> {
        // What comes again may be handled alone, and then everything waits for it.
        let done = if self.redelivered { Verdict::DoneNow } else { Verdict::Done };
        let verdict = match self.onward(settlement) {
            Move::Gone => done,
            Move::Copy(outgoing) => {
                if let Err(error) = self.publisher.move_on(outgoing).await {
                    tokio::time::sleep(BACK_AFTER).await;
                    return Err(error); // dropped, it comes again
                }
                done
            }
            Move::Back => Verdict::Back,
        };
        match self.ticket.take() {
            Some(ticket) => ticket.settle(verdict).await,
            None => Ok(()),
        }
    }
}

enum Move {
    Gone,
    Back,
    Copy(Outgoing),
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
