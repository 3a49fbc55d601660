//! Answers to requests of the queue: to whoever asked, else to everyone who reads decisions.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::broker::topology::{Exchange, Queue};
use crate::broker::{Broker, BrokerError, Message, Outgoing, Target};

/// What an HTTP caller would have seen as the status.
pub const STATUS: &str = "x-tollgate-status";

/// An answer is in the ledger: nobody needs it for long in a queue.
const ANSWER_LIVES: Duration = Duration::from_secs(3_600);

/// How long an answer is published again and again before its request is handled anew.
const TRY_MAX: Duration = Duration::from_secs(20);

/// Between two tries.
const TRY_EVERY: Duration = Duration::from_millis(200);

/// The media type of an answer.
const JSON: &str = "application/json";

/// What is answered.
pub(super) struct Answer {
    /// As an HTTP door would say it.
    pub(super) status: u16,
    /// The body.
    pub(super) body: Vec<u8>,
}

/// Publishes an answer and waits for its confirm. An asker who has gone is no fault: then it goes to
/// those who read decisions.
///
/// # Errors
/// Where the broker does not take it.
pub(super) async fn reply(
    broker: &Arc<dyn Broker>,
    asked: &Message,
    answer: &Answer,
) -> Result<(), BrokerError> {
    let everyone = || Target::Topic(Exchange::Transactions, Queue::JitResponses.binding().into());
    let asker = asked.reply_to.as_ref().filter(|name| is_foreign(name));
    let mut target = asker.map_or_else(everyone, |name| Target::Reply(name.clone()));
    let mut waited = Duration::ZERO;
    loop {
        let outgoing = Outgoing { target: target.clone(), message: message(asked, answer) };
        let published = broker.publish(vec![outgoing]).await.map(|mut results| results.pop());
        let error = match published {
            Ok(Some(Ok(()))) => return Ok(()),
            Ok(Some(Err(BrokerError::Unroutable(_)))) if matches!(target, Target::Reply(_)) => {
                target = everyone();
                continue;
            }
            Ok(Some(Err(error))) | Err(error) => error,
            Ok(None) => return Ok(()),
        };
        if waited >= TRY_MAX {
            return Err(error);
        }
        tokio::time::sleep(TRY_EVERY).await;
        waited += TRY_EVERY;
    }
}

/// A queue of answers is the asker's own. One of ours would take an answer for work.
fn is_foreign(name: &str) -> bool {
    !name.is_empty() && !Queue::ALL.iter().any(|queue| name.contains(queue.name()))
}

fn message(asked: &Message, answer: &Answer) -> Message {
    let correlation = asked.correlation_id.as_ref().unwrap_or(&asked.id);
    Message {
        id: asked.id.clone(),
        content_type: JSON.to_owned(),
        correlation_id: Some(correlation.clone()),
        headers: BTreeMap::from([(STATUS.to_owned(), answer.status.to_string())]),
        expires_after: Some(ANSWER_LIVES),
        body: answer.body.clone().into(),
        ..Message::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_never_goes_where_work_is_taken_from() {
        for own in ["jit-funding-queue", "a.webhook-queue", "webhook-queue.retry.1s", ""] {
            assert!(!is_foreign(own), "{own}");
        }
        for foreign in ["replies-0042", "amq.gen-x", "amq.rabbitmq.reply-to.g1h2"] {
            assert!(is_foreign(foreign), "{foreign}");
        }
    }

    #[test]
    fn an_answer_repeats_what_it_answers() {
        let asked = Message { id: "t-1".into(), ..Message::default() };
        let answer = Answer { status: 402, body: b"{}".to_vec() };
        let sent = message(&asked, &answer);
        assert_eq!(sent.correlation_id.as_deref(), Some("t-1"));
        assert_eq!(sent.headers[STATUS], "402");
        assert_eq!(sent.expires_after, Some(ANSWER_LIVES));
        let asked = Message { correlation_id: Some("c".into()), ..asked };
        assert_eq!(message(&asked, &answer).correlation_id.as_deref(), Some("c"));
    }
}
