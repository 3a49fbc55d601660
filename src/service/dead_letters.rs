//! Dead letters: kept, looked through, sent to their queues again, discarded. Every act is written down.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::MissedTickBehavior;

use super::error::Error;
use crate::broker::headers::{
    ATTEMPTS, FIRST_ERROR, LAST_ERROR, ORIGIN, REASON, REFUSED, ROUTING_KEY, UNREADABLE,
};
use crate::broker::topology::{Exchange, Queue};
use crate::broker::{Broker, Message, Outgoing, Target};
use crate::domain::audit::Recording;
use crate::domain::clock::Clock;
use crate::domain::dead_letter::{
    Act, DeadLetter, Envelope, LetterFilter, LetterState, WholeLetter,
};
use crate::domain::id::DeadLetterId;
use crate::domain::time::Timestamp;
use crate::store::StoreError;
use crate::store::dead_letters::DeadLetters;
use crate::store::outbox::Unreadable;
use crate::telemetry::faults::{Fault, Faults};
use crate::wire::v1::dead_letter::RedriveMany;

/// How often a message was sent to its queue again. It travels with the message: if it dies once more,
/// that is another letter.
pub const REDRIVES: &str = "x-tollgate-redrives";

/// Why a message died whose token or transaction id was used before for something else.
pub const ID_CONFLICT: &str = "id_conflict";

/// Where an event comes from that can not be read. It can not be sent again: nobody knows what to send.
pub const OUTBOX: &str = "outbox";

/// Letters that are read at a time.
const PAGE: u32 = 100;

/// What the verbs work with.
pub struct DeadLetterDesk {
    /// Where letters are kept.
    pub letters: Arc<dyn DeadLetters>,
    /// Where they go again.
    pub broker: Arc<dyn Broker>,
    /// Where it is told that there are some.
    pub faults: Arc<Faults>,
    /// Time and ids.
    pub clock: Arc<dyn Clock>,
}

/// What sending many letters again has come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Redriven {
    /// Letters that the filter matched, before anything was done.
    pub matched: u64,
    /// Letters that are in their queues again.
    pub redriven: u64,
    /// Letters that could not be sent; they are as they were.
    pub failed: u64,
}

impl DeadLetterDesk {
    /// Keeps a dead message. Once for each of its deaths, however often it is delivered.
    pub async fn keep(&self, message: &Message) -> Result<(), StoreError> {
        let id = DeadLetterId::new(self.clock.uuid());
        let letter = DeadLetter {
            id,
            state: LetterState::Waiting,
            died_at: self.clock.now(),
            envelope: envelope(message),
        };
        let (faults, died_at) = (faults(&letter.envelope), letter.died_at);
        self.letters.keep(letter, message.body.to_vec()).await?;
        for fault in faults {
            self.faults.tell(fault, died_at);
        }
        Ok(())
    }

    /// Keeps an event that the broker has refused so often, so that those behind it can go on.
    pub async fn set_aside(
        &self,
        event: &Outgoing,
        attempts: u32,
        error: String,
    ) -> Result<(), StoreError> {
        let Target::Topic(exchange, key) = &event.target else { return Ok(()) };
        let mut message = event.message.clone();
        for (name, value) in [
            (ORIGIN, exchange.name().to_owned()),
            (ROUTING_KEY, key.clone()),
            (REASON, REFUSED.to_owned()),
            (ATTEMPTS, attempts.to_string()),
            (FIRST_ERROR, error.clone()),
            (LAST_ERROR, error),
        ] {
            message.headers.insert(name.to_owned(), value);
        }
        self.keep(&message).await
    }

    /// Keeps an event that can not be read, as it is stored, so that those behind it can go on.
    pub async fn set_aside_unreadable(
        &self,
        row: &Unreadable,
        attempts: u32,
    ) -> Result<(), StoreError> {
        let headers = [
            (ORIGIN, OUTBOX.to_owned()),
            (REASON, UNREADABLE.to_owned()),
            (ATTEMPTS, attempts.to_string()),
            (FIRST_ERROR, row.error.clone()),
            (LAST_ERROR, row.error.clone()),
        ];
        let message = Message {
            id: row.id.clone(),
            content_type: "text/plain".to_owned(),
            headers: headers.map(|(name, value)| (name.to_owned(), value)).into(),
            body: row.row.clone().into(),
            ..Message::default()
        };
        self.keep(&message).await
    }

    /// Letters in the order of their ids.
    pub async fn list(
        &self,
        filter: LetterFilter,
        after: Option<DeadLetterId>,
        rows_max: u32,
    ) -> Result<Vec<DeadLetter>, Error> {
        Ok(self.letters.letters(filter, after, rows_max).await?)
    }

    /// One letter with its body and history.
    pub async fn find(&self, id: DeadLetterId) -> Result<WholeLetter, Error> {
        self.letters.letter(id).await?.ok_or(Error::NotFound(None))
    }

    /// Sends a letter to its queue again. It may be sent more than once: its effects are once per
    /// message id. A discarded one is not sent. Who sends it is written down before it is sent, and
    /// that it was sent after: whatever happens in between leaves a trace, and a letter that waits.
    pub async fn redrive(
        &self,
        id: DeadLetterId,
        actor: &str,
        reason: Option<String>,
        record: &Recording,
    ) -> Result<WholeLetter, Error> {
        let found = self.find(id).await?;
        if found.letter.state == LetterState::Discarded {
            return Err(Error::InvalidTransition);
        }
        let message = again(&found).map_err(Error::NotSupported)?;
        self.act(id, LetterState::Waiting, actor, reason.clone()).await?;
        let published = self.broker.publish(vec![message]).await;
        let confirmed =
            published.map_err(|_| Error::Unavailable)?.into_iter().all(|one| one.is_ok());
        if !confirmed {
            return Err(Error::Unavailable);
        }
        record.iter().for_each(|record| record.touched()); // it is sent, whatever is written of it
        self.act(id, LetterState::Redriven, actor, reason).await?;
        self.find(id).await
    }

    /// Sends all waiting letters that a filter matches to their queues again, so many a second.
    pub async fn redrive_many(
        &self,
        asked: RedriveMany,
        actor: &str,
        record: &Recording,
    ) -> Result<Redriven, Error> {
        let filter = LetterFilter {
            state: Some(LetterState::Waiting),
            ..self.filter(asked.queue, asked.reason, asked.older_than_s, asked.text)
        };
        let mut done =
            Redriven { matched: self.letters.count(filter.clone()).await?, ..Redriven::default() };
        if asked.dry_run {
            return Ok(done);
        }
        let pause = Duration::from_secs(1) / asked.rate_per_s.max(1);
        let mut turns = tokio::time::interval(pause);
        turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut after, mut left) = (None, asked.max);
        while left > 0 {
            let page = self.letters.letters(filter.clone(), after, PAGE.min(left)).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.id);
            for letter in page {
                turns.tick().await;
                left = left.saturating_sub(1);
                let reason = Some("by filter".to_owned());
                match self.redrive(letter.id, actor, reason, record).await {
                    Ok(_) => done.redriven += 1,
                    // The broker or the store is gone: the rest would fail too.
                    Err(Error::Unavailable) if done.redriven == 0 => {
                        return Err(Error::Unavailable);
                    }
                    Err(Error::Unavailable) => {
                        done.failed += 1;
                        return Ok(done);
                    }
                    Err(_) => done.failed += 1,
                }
            }
        }
        Ok(done)
    }

    /// Decides that a letter need not be worked. It stays for the record.
    pub async fn discard(
        &self,
        id: DeadLetterId,
        actor: &str,
        reason: String,
    ) -> Result<WholeLetter, Error> {
        self.find(id).await?;
        self.act(id, LetterState::Discarded, actor, Some(reason)).await?;
        self.find(id).await
    }

    /// What a caller asks for, as of now.
    pub fn filter(
        &self,
        queue: Option<String>,
        reason: Option<String>,
        older_than_s: Option<i64>,
        text: Option<String>,
    ) -> LetterFilter {
        let before = |seconds: i64| {
            self.clock.now().plus_micros(seconds.saturating_mul(1_000_000).saturating_neg())
        };
        LetterFilter { queue, reason, state: None, before: older_than_s.map(before), text }
    }

    async fn act(
        &self,
        id: DeadLetterId,
        state: LetterState,
        actor: &str,
        reason: Option<String>,
    ) -> Result<(), Error> {
        let act = Act { state, actor: actor.to_owned(), reason, at: self.clock.now() };
        tracing::info!(letter = %id, act = state.as_str(), actor, "a dead letter was acted on");
        let done = self.letters.act(id, act).await?;
        if done { Ok(()) } else { Err(Error::InvalidTransition) }
    }
}

/// What a death is told as, by the queue, and by what it died of.
fn faults(envelope: &Envelope) -> Vec<Fault> {
    let is_event = [Exchange::Events.name(), OUTBOX].contains(&envelope.queue.as_str());
    let by_queue = match Queue::parse(&envelope.queue) {
        Some(Queue::JitFunding) => Some(Fault::RequestDead),
        Some(Queue::Transactions) => Some(Fault::TransactionDead),
        Some(Queue::Webhooks) => Some(Fault::NotificationDead),
        None if is_event => Some(Fault::EventDead),
        _ => None,
    };
    let conflict = (envelope.reason == ID_CONFLICT).then_some(Fault::MessageConflict);
    by_queue.into_iter().chain(conflict).collect()
}

const NO_QUEUE: &str = "the letter does not say which queue it comes from";
const NO_EVENT: &str = "the event can not be read: there is nothing that could be sent";

fn envelope(message: &Message) -> Envelope {
    let mut headers = message.headers.clone();
    let mut take = |name: &str| headers.remove(name).unwrap_or_default();
    let (first_error, last_error) = (take(FIRST_ERROR), take(LAST_ERROR));
    let (queue, reason) = (take(ORIGIN), take(REASON));
    let mut number = |name: &str| take(name).parse().unwrap_or(0);
    let (attempts, redrives) = (number(ATTEMPTS), number(REDRIVES));
    let reason = if reason.is_empty() { "unknown".to_owned() } else { reason };
    Envelope {
        queue,
        reason,
        first_error,
        last_error,
        attempts,
        redrives,
        message_id: message.id.clone(),
        content_type: message.content_type.clone(),
        reply_to: message.reply_to.clone(),
        correlation_id: message.correlation_id.clone(),
        headers,
        published_at: message
            .published_ms
            .map(|at| Timestamp::from_micros(at.saturating_mul(1_000))),
        body_bytes: message.body.len(),
    }
}

/// The message as it was first published, for the queue that it died in, or for all who listen to
/// events. An error says why that is not known.
fn again(found: &WholeLetter) -> Result<Outgoing, &'static str> {
    let envelope = found.letter.envelope.clone();
    if envelope.queue == OUTBOX {
        return Err(NO_EVENT);
    }
    let mut headers = envelope.headers;
    let target = if envelope.queue == Exchange::Events.name() {
        Target::Topic(Exchange::Events, headers.remove(ROUTING_KEY).ok_or(NO_QUEUE)?)
    } else {
        let queue = Queue::parse(&envelope.queue).ok_or(NO_QUEUE)?;
        Target::Topic(Exchange::Transactions, queue.binding().to_owned())
    };
    headers.insert(REDRIVES.to_owned(), envelope.redrives.saturating_add(1).to_string());
    let message = Message {
        id: envelope.message_id,
        content_type: envelope.content_type,
        reply_to: envelope.reply_to,
        correlation_id: envelope.correlation_id,
        headers,
        published_ms: envelope.published_at.map(|at| at.as_micros() / 1_000),
        body: found.body.clone().into(),
        ..Message::default()
    };
    Ok(Outgoing { target, message })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_goes_back_as_it_came_and_counts_its_lives() {
        let mut message =
            Message { id: "t1".into(), content_type: "text/plain".into(), ..Message::default() };
        for (name, value) in [
            (ORIGIN, "webhook-queue"),
            (REASON, "attempts_exhausted"),
            (ATTEMPTS, "4"),
            (FIRST_ERROR, "first"),
            (LAST_ERROR, "last"),
            ("trace", "abc"),
        ] {
            message.headers.insert(name.to_owned(), value.to_owned());
        }
        message.published_ms = Some(1_700_000_000_123);
        message.body = "body".into();
        let envelope = envelope(&message);
        assert_eq!((envelope.attempts, envelope.redrives), (4, 0));
        assert_eq!(
            (envelope.first_error.as_str(), envelope.last_error.as_str()),
            ("first", "last")
        );
        let letter = DeadLetter {
            id: DeadLetterId::new(uuid::Uuid::nil()),
            state: LetterState::Waiting,
            died_at: Timestamp::from_micros(0),
            envelope,
        };
        let whole = WholeLetter { letter, body: b"body".to_vec(), acts: Vec::new() };
        let Outgoing { target, message: sent } = again(&whole).unwrap();
        assert_eq!(target, Target::Topic(Exchange::Transactions, "transaction.webhook".into()));
        assert_eq!(sent.headers.keys().collect::<Vec<_>>(), ["trace", REDRIVES]);
        assert_eq!(sent.headers[REDRIVES], "1");
        assert_eq!((sent.id, sent.published_ms), (message.id, message.published_ms));
        assert_eq!(sent.body, message.body);
    }

    #[test]
    fn a_death_is_told_by_its_queue_and_a_conflict_beside_it() {
        let died = |queue: &str, reason: &str| {
            let mut message = Message::default();
            message.headers.insert(ORIGIN.to_owned(), queue.to_owned());
            message.headers.insert(REASON.to_owned(), reason.to_owned());
            faults(&envelope(&message))
        };
        let conflict = Fault::MessageConflict;
        assert_eq!(died("jit-funding-queue", ID_CONFLICT), [Fault::RequestDead, conflict]);
        assert_eq!(died("transaction-processing-queue", "expired"), [Fault::TransactionDead]);
        assert_eq!(died("webhook-queue", "wrong_schema"), [Fault::NotificationDead]);
        assert_eq!(died("events", "refused_by_broker"), [Fault::EventDead]);
        assert_eq!(died("outbox", UNREADABLE), [Fault::EventDead]);
        assert_eq!(died("", "unknown"), []);
    }

    #[test]
    fn a_letter_that_can_not_go_back_says_why() {
        let check = |headers: &[(&str, &str)], reason: &str, why: &str| {
            let headers = headers.iter().map(|(name, value)| ((*name).into(), (*value).into()));
            let message = Message { headers: headers.collect(), ..Message::default() };
            let letter = DeadLetter {
                id: DeadLetterId::new(uuid::Uuid::nil()),
                state: LetterState::Waiting,
                died_at: Timestamp::from_micros(0),
                envelope: envelope(&message),
            };
            assert_eq!(letter.envelope.reason, reason);
            let whole = WholeLetter { letter, body: Vec::new(), acts: Vec::new() };
            assert_eq!(again(&whole).err(), Some(why), "{headers:?}", headers = message.headers);
        };
        check(&[], "unknown", NO_QUEUE);
        check(&[(ORIGIN, "events")], "unknown", NO_QUEUE);
        check(&[(ORIGIN, OUTBOX), (REASON, UNREADABLE)], UNREADABLE, NO_EVENT);
    }
}
