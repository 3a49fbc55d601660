//! Exchanges, queues and bindings as they are declared, and how many messages wait.
//!
//! Every queue is a quorum queue. Those that dead-letter do so at least once: a message leaves its queue
//! only when the queue it goes to has confirmed it.

use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, ErrorKind, ExchangeKind};

use super::Names;
use super::error::{Differs, Silence, bounded, bounded_by, silent};
use super::link::Session;
use crate::broker::topology::{DELIVERIES_MAX, Exchange, Queue, RETRY_AFTER};
use crate::broker::{BrokerError, QueueStats};

/// The limit where the dead have nowhere to go: they would be dropped. RabbitMQ 4 has a limit where none
/// is given, and earlier versions take a negative one, which stands for none there, for zero.
const NO_DELIVERY_LIMIT: i32 = i32::MAX;

/// Declares everything.
///
/// # Errors
/// [`BrokerError::Refused`] names what exists with other arguments, and which.
pub(super) async fn declare(session: &Session, names: &Names) -> Result<(), BrokerError> {
    let channel = session.channel().await?;
    for exchange in Exchange::ALL {
        let name = names.exchange(exchange);
        let options = ExchangeDeclareOptions { durable: true, ..Default::default() };
        let declaring = channel.exchange_declare(
            name.into(),
            ExchangeKind::Topic,
            options,
            FieldTable::default(),
        );
        told("exchange", name.to_owned(), bounded_by(super::error::CALL_MAX, declaring).await?)?;
    }
    for queue in Queue::ALL {
        declare_queue(&channel, names.queue(queue), arguments(names, queue)).await?;
        let binding = channel.queue_bind(
            names.queue(queue).into(),
            names.exchange(Exchange::Transactions).into(),
            queue.binding().into(),
            QueueBindOptions::default(),
            FieldTable::default(),
        );
        bounded(binding).await?;
        if queue.dead_letter_key().is_some() {
            for pause in RETRY_AFTER {
                let millis = i64::try_from(pause.as_millis()).unwrap_or(i64::MAX);
                let mut arguments = dead_lettering("", &names.queue(queue));
                arguments.insert("x-message-ttl".into(), AMQPValue::LongLongInt(millis));
                declare_queue(&channel, names.retry(queue, pause), arguments).await?;
            }
        }
    }
    let _ = bounded(channel.close(200, "done".into())).await; // it goes with the last of its users
    Ok(())
}

fn arguments(names: &Names, queue: Queue) -> FieldTable {
    let (mut arguments, limit) = match queue.dead_letter_key() {
        Some(key) => (dead_lettering(names.exchange(Exchange::Transactions), key), DELIVERIES_MAX),
        None => (quorum(), NO_DELIVERY_LIMIT),
    };
    arguments.insert("x-delivery-limit".into(), AMQPValue::LongInt(limit));
    arguments
}

fn quorum() -> FieldTable {
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), text("quorum"));
    arguments
}

fn dead_lettering(exchange: &str, key: &str) -> FieldTable {
    let mut arguments = quorum();
    arguments.insert("x-dead-letter-exchange".into(), text(exchange));
    arguments.insert("x-dead-letter-routing-key".into(), text(key));
    arguments.insert("x-dead-letter-strategy".into(), text("at-least-once"));
    arguments.insert("x-overflow".into(), text("reject-publish"));
    arguments
}

fn text(text: &str) -> AMQPValue {
    AMQPValue::LongString(text.into())
}

async fn declare_queue(
    channel: &Channel,
    name: String,
    arguments: FieldTable,
) -> Result<(), BrokerError> {
    let options = QueueDeclareOptions::durable();
    let declaring = channel.queue_declare(name.as_str().into(), options, arguments);
    told("queue", name, bounded_by(super::error::CALL_MAX, declaring).await?.map(drop))
}

/// What the broker said to a declaration.
fn told(what: &'static str, name: String, answer: lapin::Result<()>) -> Result<(), BrokerError> {
    answer.map_err(|error| match (super::error::translate(error.clone()), error.kind()) {
        (BrokerError::Refused(_), ErrorKind::ProtocolError(said)) => {
            let said = said.get_message().to_string();
            BrokerError::Refused(Box::new(Differs { what, name, said }))
        }
        (other, _) => other,
    })
}

/// How the queues stand.
pub(super) async fn count(
    session: &Session,
    names: &Names,
) -> Result<Vec<QueueStats>, BrokerError> {
    if session.is_blocked() {
        return Err(silent(Silence::Blocked));
    }
    let channel = session.channel().await?;
    let mut stats = Vec::with_capacity(Queue::ALL.len());
    for queue in Queue::ALL {
        let options = QueueDeclareOptions::durable().passive();
        let asked =
            channel.queue_declare(names.queue(queue).into(), options, FieldTable::default());
        let found = bounded(asked).await?;
        stats.push(QueueStats {
            queue: queue.name().to_owned(),
            messages: u64::from(found.message_count()),
            consumers: u64::from(found.consumer_count()),
        });
    }
    Ok(stats)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_queue_that_is_consumed_has_a_limit_and_none_without_dead_letters_reaches_it() {
        for queue in Queue::ALL {
            let arguments = arguments(&Names::new(""), queue);
            let limit = arguments.inner().get("x-delivery-limit");
            let expected = if queue.dead_letter_key().is_some() { 20 } else { i32::MAX };
            assert_eq!(limit, Some(&AMQPValue::LongInt(expected)), "{queue:?}");
        }
    }
}
