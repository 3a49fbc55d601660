//! Answers to requests of the queue: to whoever asked, else to everyone who reads decisions.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::silent::{Silent, Standing};
use crate::broker::topology::{Exchange, Queue};
use crate::broker::{Broker, BrokerError, Message, Outgoing, Target};
use crate::domain::clock::Clock;
use crate::telemetry::broker::answer_diverted;

/// What an HTTP caller would have seen as the status.
pub const STATUS: &str = "x-tollgate-status";

/// An answer is in the ledger: nobody needs it for long in a queue.
const ANSWER_LIVES: Duration = Duration::from_secs(3_600);

/// How long an answer is published again and again before its request is handled anew.
const TRY_MAX: Duration = Duration::from_secs(20);

/// Between two tries.
const TRY_EVERY: Duration = Duration::from_millis(200);

/// How often an asker's queue may not take an answer. It is in the ledger: nothing is lost.
const ASKER_NACKS: u32 = 5;

/// How often an asker's queue may leave an answer unconfirmed: once may be the fault of a neighbour on the
/// same channel. A quorum queue that has lost its majority never confirms.
const ASKER_SILENCES: u32 = 2;

/// The media type of an answer.
const JSON: &str = "application/json";

/// What is answered.
pub(super) struct Answer {
    /// As an HTTP door would say it.
    pub(super) status: u16,
    /// The body.
    pub(super) body: Vec<u8>,
}

/// How soon our own queue confirms while the broker is well.
const AT_ONCE_US: u64 = 200_000;

/// Publishes answers.
pub struct Replies {
    broker: Arc<dyn Broker>,
    clock: Arc<dyn Clock>,
    silent: Silent,
}

impl Replies {
    /// Through this broker.
    pub fn new(broker: Arc<dyn Broker>, clock: Arc<dyn Clock>) -> Self {
        Self { broker, clock, silent: Silent::default() }
    }

    /// Publishes an answer and waits for its confirm. An asker who has gone is no fault, nor is one whose
    /// queue does not take it or does not confirm it: then it goes to those who read decisions, and so do
    /// the next ones to a queue that was silent.
    ///
    /// # Errors
    /// Where the broker does not take it; soon where it is down: its request waits then, and is not at work.
    pub(super) async fn send(&self, asked: &Message, answer: &Answer) -> Result<(), BrokerError> {
        let asker = asked.reply_to.as_deref().filter(|name| is_foreign(name));
        let standing = asker.map(|name| self.silent.standing(name, self.clock.monotonic()));
        let mut target = match asker {
            Some(name) if standing != Some(Standing::Silent) => Target::Reply(name.to_owned()),
            _ => everyone(),
        };
        let (mut waited, mut nacks) = (Duration::ZERO, 0_u32);
        // One that was silent before is given up the first time.
        let mut silences = u32::from(standing == Some(Standing::Due));
        let mut given_up = None;
        let took_us = loop {
            let sent_at = self.clock.monotonic();
            let outgoing = Outgoing { target: target.clone(), message: message(asked, answer) };
            let published = self.broker.publish(vec![outgoing]).await;
            let error = match published.map(|mut results| results.pop()) {
                Ok(Some(Ok(())) | None) => break self.clock.monotonic().since(sent_at),
                Ok(Some(Err(error))) | Err(error) => error,
            };
            let is_nack = matches!(error, BrokerError::NotTaken(_));
            nacks = if is_nack { nacks.saturating_add(1) } else { 0 };
            let is_silence = matches!(error, BrokerError::Unavailable(_));
            silences = if is_silence { silences.saturating_add(1) } else { 0 };
            let is_asked = matches!(target, Target::Reply(_));
            let is_last = waited >= TRY_MAX || (is_silence && !is_asked);
            if is_asked && is_askers(&error, nacks, silences, is_last) {
                given_up = Some(error);
                target = everyone();
                continue;
            }
            if is_last {
                if let Some(name) = asker.filter(|_| standing == Some(Standing::Due)) {
                    self.silent.untold(name, self.clock.monotonic());
                }
                return Err(error);
            }
            tokio::time::sleep(TRY_EVERY).await;
            waited += TRY_EVERY;
        };
        if let Some(name) = asker {
            self.took(name, &target, given_up.as_ref(), took_us);
        }
        Ok(())
    }

    /// The answer to this asker has arrived there after so long, and the asker was given up for that reason.
    fn took(&self, asker: &str, target: &Target, given_up: Option<&BrokerError>, took_us: u64) {
        if matches!(target, Target::Reply(_)) {
            return self.silent.forget(asker);
        }
        answer_diverted();
        let Some(error) = given_up else { return };
        // That our own queue confirmed at once shows that it is not the broker that is silent. Later than
        // that, the broker may only have come back.
        if matches!(error, BrokerError::Unavailable(_)) && took_us <= AT_ONCE_US {
            self.silent.remember(asker, self.clock.monotonic());
        }
        let error = error as &dyn std::error::Error;
        tracing::debug!(error, "an asker did not take the answer: it went to all who read");
    }
}

fn everyone() -> Target {
    Target::Topic(Exchange::Transactions, Queue::JitResponses.binding().to_owned())
}

/// Whether the asker's queue is at fault, after so many nacks, or silences, in a row. What refuses this
/// message may refuse all of them, and be mended. That the broker itself is silent shows where nobody else
/// can be reached either.
const fn is_askers(error: &BrokerError, nacks: u32, silences: u32, is_last: bool) -> bool {
    match error {
        BrokerError::Unroutable(_) => true,
        BrokerError::NotTaken(_) => nacks >= ASKER_NACKS,
        BrokerError::Refused(_) => is_last,
        BrokerError::Unavailable(_) => silences >= ASKER_SILENCES,
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
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::broker::{BrokerFuture, Deliveries, QueueStats};
    use crate::domain::clock::tests::StillClock;

    /// Fails for whoever has asked, as often as there are errors, and for all while it is down; remembers
    /// where answers went.
    #[derive(Default)]
    struct Asked {
        errors: Mutex<Vec<BrokerError>>,
        is_down: AtomicBool,
        targets: Mutex<Vec<Target>>,
        /// Each publish takes a second of this clock.
        slow: Option<Arc<StillClock>>,
    }

    impl Broker for Asked {
        fn declare(&self) -> BrokerFuture<'_, ()> {
            Box::pin(std::future::pending())
        }

        fn publish(
            &self,
            messages: Vec<Outgoing>,
        ) -> BrokerFuture<'_, Vec<Result<(), BrokerError>>> {
            if let Some(clock) = &self.slow {
                clock.monotonic_us.fetch_add(1_000_000, Ordering::SeqCst);
            }
            let one = messages.into_iter().map(|outgoing| {
                let is_askers = matches!(outgoing.target, Target::Reply(_));
                self.targets.lock().unwrap().push(outgoing.target);
                if self.is_down.load(Ordering::SeqCst) {
                    return Err(BrokerError::Unavailable("down".into()));
                }
                let error = is_askers.then(|| self.errors.lock().unwrap().pop()).flatten();
                error.map_or(Ok(()), Err)
            });
            let outcomes = one.collect();
            Box::pin(std::future::ready(Ok(outcomes)))
        }

        fn consume(&self, _: Queue, _: u16) -> BrokerFuture<'_, Box<dyn Deliveries>> {
            Box::pin(std::future::pending())
        }

        fn replies(&self, _: String) -> BrokerFuture<'_, Box<dyn Deliveries>> {
            Box::pin(std::future::pending())
        }

        fn events(&self) -> BrokerFuture<'_, Box<dyn Deliveries>> {
            Box::pin(std::future::pending())
        }

        fn stats(&self) -> BrokerFuture<'_, Vec<QueueStats>> {
            Box::pin(std::future::pending())
        }
    }

    impl Asked {
        fn failing(errors: Vec<BrokerError>) -> Arc<Self> {
            Arc::new(Self { errors: Mutex::new(errors), ..Self::default() })
        }

        /// Where answers went since this was asked last.
        fn targets(&self) -> Vec<Target> {
            std::mem::take(&mut self.targets.lock().unwrap())
        }
    }

    fn request() -> Message {
        Message { id: "t".into(), reply_to: Some("asker".into()), ..Message::default() }
    }

    fn approved() -> Answer {
        Answer { status: 200, body: b"{}".to_vec() }
    }

    fn asker() -> Target {
        Target::Reply("asker".into())
    }

    fn silent() -> BrokerError {
        BrokerError::Unavailable("not confirmed in time".into())
    }

    /// How often the asker was tried, and whether everyone got the answer in the end.
    async fn check(errors: Vec<BrokerError>, tries: usize, by_all: bool) {
        let broker = Asked::failing(errors);
        let replies = Replies::new(broker.clone(), Arc::<StillClock>::default());
        replies.send(&request(), &approved()).await.unwrap();
        let mut expected = vec![asker(); tries];
        expected.extend(by_all.then(everyone));
        assert_eq!(broker.targets(), expected);
    }

    #[tokio::test]
    async fn an_asker_who_does_not_take_the_answer_is_tried_for_a_while() {
        let many = |error: fn() -> BrokerError, count: usize| (0..count).map(|_| error()).collect();
        let full = || BrokerError::NotTaken("full".into());
        check(many(full, 50), 5, true).await;
        check(many(full, 1), 2, false).await;
        check(many(|| BrokerError::Refused("no".into()), 8), 9, false).await;
        check(many(|| BrokerError::Unroutable("asker".into()), 1), 1, true).await;
        check(many(silent, 50), 2, true).await;
        check(many(silent, 1), 2, false).await;
    }

    #[tokio::test]
    async fn a_silent_asker_is_not_tried_again_for_a_while() {
        let (broker, clock) =
            (Asked::failing(vec![silent(), silent()]), Arc::<StillClock>::default());
        let replies = Replies::new(broker.clone(), clock.clone());
        let send = async |message: Message| {
            replies.send(&message, &approved()).await.unwrap();
            broker.targets()
        };
        assert_eq!(send(request()).await, [asker(), asker(), everyone()]);
        assert_eq!(send(request()).await, [everyone()], "at once");
        let neighbour = Message { reply_to: Some("neighbour".into()), ..request() };
        assert_eq!(send(neighbour).await, [Target::Reply("neighbour".into())]);
        clock.monotonic_us.store(31_000_000, Ordering::SeqCst);
        broker.errors.lock().unwrap().push(silent());
        assert_eq!(send(request()).await, [asker(), everyone()], "once more");
        assert_eq!(send(request()).await, [everyone()]);
        clock.monotonic_us.store(62_000_000, Ordering::SeqCst);
        assert_eq!(send(request()).await, [asker()]);
        assert_eq!(send(request()).await, [asker()], "it confirms again");
    }

    #[tokio::test]
    async fn a_broker_that_was_silent_for_all_says_nothing_of_an_asker() {
        let clock = Arc::<StillClock>::default();
        let errors = Mutex::new(vec![silent(), silent()]);
        let broker = Arc::new(Asked { errors, slow: Some(clock.clone()), ..Asked::default() });
        let replies = Replies::new(broker.clone(), clock);
        replies.send(&request(), &approved()).await.unwrap();
        assert_eq!(broker.targets(), [asker(), asker(), everyone()], "confirmed a second later");
        replies.send(&request(), &approved()).await.unwrap();
        assert_eq!(broker.targets(), [asker()]);
    }

    #[tokio::test]
    async fn a_broker_that_is_down_says_nothing_of_its_askers_and_is_not_waited_for_here() {
        let broker = Arc::new(Asked::default());
        broker.is_down.store(true, Ordering::SeqCst);
        let replies = Replies::new(broker.clone(), Arc::<StillClock>::default());
        assert!(replies.send(&request(), &approved()).await.is_err());
        assert_eq!(broker.targets(), [asker(), asker(), everyone()]);
        // Its request is handled again, and answered with the same bytes.
        broker.is_down.store(false, Ordering::SeqCst);
        replies.send(&request(), &approved()).await.unwrap();
        assert_eq!(broker.targets(), [asker()]);
    }

    #[test]
    fn a_refusal_is_the_askers_in_the_end() {
        let refused = BrokerError::Refused("no".into());
        assert!(!is_askers(&refused, 0, 0, false) && is_askers(&refused, 0, 0, true));
    }

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
