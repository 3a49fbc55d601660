//! What has been sent on a channel and is not answered for yet.
//!
//! The driver hands a message that the broker returns to whichever confirm it reads next, maybe a
//! neighbour's. The broker returns a message before it confirms it, and confirms those that it returns in
//! their order. So once everything up to a message has been confirmed, what was returned of that is among
//! the confirms that have come, and is told apart by where it went and by its id. That is why calls are
//! answered in the order in which they were sent.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use lapin::message::BasicReturnMessage;
use lapin::options::BasicPublishOptions;
use lapin::types::ShortString;
use lapin::{Channel, Confirmation};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::error::{Silence, is_missing, silent, translate};
use super::publisher::Outcome;
use super::{Names, properties};
use crate::broker::topology::{Exchange, Queue};
use crate::broker::{BrokerError, Outgoing, Target};

/// The calls that wait for confirms, the oldest first.
#[derive(Default)]
pub(super) struct Flights {
    calls: VecDeque<Flight>,
    messages: usize,
}

/// One call.
struct Flight {
    sent: Vec<Sent>,
    /// How many of them, from the first, are known to be confirmed.
    confirmed: usize,
    reply: oneshot::Sender<Vec<Outcome>>,
    deadline: Instant,
}

impl Flights {
    /// A call whose messages have been sent.
    pub(super) fn push(
        &mut self,
        sent: Vec<Sent>,
        reply: oneshot::Sender<Vec<Outcome>>,
        deadline: Instant,
    ) {
        self.messages = self.messages.saturating_add(sent.len());
        self.calls.push_back(Flight { sent, confirmed: 0, reply, deadline });
    }

    /// How many messages are on their way.
    pub(super) const fn messages(&self) -> usize {
        self.messages
    }

    /// Waits until the oldest call has all its confirms.
    pub(super) async fn confirmed(&mut self) {
        std::future::poll_fn(|context| match self.calls.front_mut() {
            Some(oldest) => oldest.poll(context),
            None => Poll::Pending,
        })
        .await;
    }

    /// Answers the calls that have all their confirms, and those before them too. Says whether
    /// something of ours is missing at the broker.
    pub(super) fn answer(&mut self, names: &Names) -> bool {
        let mut context = Context::from_waker(Waker::noop());
        let mut whole = 0;
        while let Some(flight) = self.calls.get_mut(whole)
            && flight.poll(&mut context).is_ready()
        {
            whole += 1;
        }
        self.find_returned(names);
        self.end(whole, names)
    }

    /// Whether the oldest call should have been confirmed by now.
    pub(super) fn is_late(&self, now: Instant) -> bool {
        self.calls.front().is_some_and(|oldest| oldest.deadline <= now)
    }

    /// Answers every call with what is known. What is not confirmed may have arrived all the same.
    pub(super) fn give_up(&mut self, names: &Names) -> bool {
        self.find_returned(names);
        self.end(self.calls.len(), names)
    }

    /// Looks at every confirm that has come, and for the messages that were returned with them. It is
    /// no fault that a copy of one, with the same id, is taken for it: it is published again.
    fn find_returned(&mut self, names: &Names) {
        let mut context = Context::from_waker(Waker::noop());
        let mut returned = Vec::new();
        for sent in self.calls.iter_mut().flat_map(|flight| &mut flight.sent) {
            let _ = sent.poll(&mut context); // what has not come is waited for elsewhere
            returned.extend(sent.handed.take());
        }
        for back in &returned {
            for sent in self.calls.iter_mut().flat_map(|flight| &mut flight.sent) {
                sent.is_returned |= sent.is(back, names);
            }
        }
    }

    fn end(&mut self, calls: usize, names: &Names) -> bool {
        let mut missing = false;
        for Flight { sent, reply, .. } in self.calls.drain(..calls) {
            self.messages = self.messages.saturating_sub(sent.len());
            missing |= sent.iter().any(Sent::tells_of_missing);
            let _ = reply.send(sent.into_iter().map(|sent| sent.outcome(names)).collect()); // gone
        }
        missing
    }
}

impl Flight {
    /// Whether all are confirmed; else the first that is not wakes whoever asks.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        while let Some(sent) = self.sent.get_mut(self.confirmed) {
            ready!(sent.poll(context));
            self.confirmed += 1;
        }
        Poll::Ready(())
    }
}

type Confirming = Pin<Box<dyn Future<Output = lapin::Result<Confirmation>> + Send>>;

/// A message on its way.
pub(super) struct Sent {
    outgoing: Outgoing,
    state: State,
    /// What the driver has handed over with its confirm. Maybe a neighbour's.
    handed: Option<Box<BasicReturnMessage>>,
    is_returned: bool,
}

enum State {
    Waiting(Confirming),
    Known(Outcome),
}

impl Sent {
    /// Hands it to the driver, which keeps the order in which it was asked.
    pub(super) fn begin(
        channel: &Arc<Channel>,
        names: &Names,
        outgoing: Outgoing,
        now_ms: i64,
    ) -> Self {
        let (exchange, key) = names.of(&outgoing.target);
        let texts = ShortString::try_new(exchange)
            .and_then(|exchange| ShortString::try_new(key.into_owned()).map(|key| (exchange, key)));
        let (Ok((exchange, key)), Some(properties)) =
            (texts, properties::write(&outgoing.message, now_ms))
        else {
            let error = BrokerError::Refused("a text is too long for a property".into());
            return Self::new(outgoing, State::Known(Err(error)));
        };
        let mandatory = !matches!(outgoing.target, Target::Topic(Exchange::Events, _));
        let options = BasicPublishOptions { mandatory, ..BasicPublishOptions::default() };
        let (channel, body) = (Arc::clone(channel), outgoing.message.body.clone());
        let confirming = async move {
            let sending = channel.basic_publish(exchange, key, options, &body, properties);
            sending.await?.await
        };
        let mut sent = Self::new(outgoing, State::Waiting(Box::pin(confirming)));
        // The first poll takes its place in the channel; the rest is waited for with the others.
        let _ = sent.poll(&mut Context::from_waker(Waker::noop()));
        sent
    }

    const fn new(outgoing: Outgoing, state: State) -> Self {
        Self { outgoing, state, handed: None, is_returned: false }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let State::Waiting(confirming) = &mut self.state else { return Poll::Ready(()) };
        let confirmed = ready!(confirming.as_mut().poll(context));
        let (outcome, handed) = match confirmed {
            Ok(Confirmation::Ack(handed)) => (Ok(()), handed),
            Ok(Confirmation::Nack(handed)) => {
                (Err(BrokerError::NotTaken(Box::new(Silence::Nacked))), handed)
            }
            Ok(Confirmation::NotRequested) => (Err(silent(Silence::Broken)), None),
            Err(error) => (Err(translate(error)), None),
        };
        self.handed = handed.map(Box::new);
        self.state = State::Known(outcome);
        Poll::Ready(())
    }

    /// Whether this is what has come back.
    fn is(&self, back: &BasicReturnMessage, names: &Names) -> bool {
        let (exchange, key) = names.of(&self.outgoing.target);
        let back = &back.delivery;
        let id = back.properties.message_id().as_ref().map_or("", ShortString::as_str);
        back.exchange.as_str() == exchange
            && back.routing_key.as_str() == key
            && id == self.outgoing.message.id
    }

    /// An exchange has gone, or a key of ours leads nowhere: somebody has deleted its queue.
    fn tells_of_missing(&self) -> bool {
        let is_ours = |key: &str| Queue::ALL.iter().any(|queue| queue.takes(key));
        match (&self.state, &self.outgoing.target) {
            (State::Known(Err(error)), _) => is_missing(error),
            (_, Target::Topic(Exchange::Transactions, key)) => self.is_returned && is_ours(key),
            _ => false,
        }
    }

    fn outcome(self, names: &Names) -> Outcome {
        match self.state {
            State::Known(Ok(())) if self.is_returned => {
                let (_, key) = names.of(&self.outgoing.target);
                Err(BrokerError::Unroutable(key.into_owned()))
            }
            State::Known(outcome) => outcome,
            State::Waiting(_) => Err(silent(Silence::Unconfirmed)),
        }
    }
}

#[cfg(test)]
mod tests {
    use lapin::BasicProperties;
    use lapin::message::Delivery;

    use super::*;
    use crate::broker::Message;

    type Confirm = oneshot::Sender<Confirmation>;

    fn names() -> Names {
        Names::new("p.")
    }

    /// A message to somebody who has asked, and how it is confirmed.
    fn sent(id: &str) -> (Sent, Confirm) {
        let target = Target::Reply(format!("of-{id}"));
        let message = Message { id: id.to_owned(), ..Message::default() };
        let (confirm, confirmed) = oneshot::channel::<Confirmation>();
        let confirming = async move { Ok(confirmed.await.expect("it is confirmed")) };
        let state = State::Waiting(Box::pin(confirming));
        (Sent::new(Outgoing { target, message }, state), confirm)
    }

    fn back(id: &str) -> Option<BasicReturnMessage> {
        let key = format!("of-{id}");
        let mut delivery = Delivery::mock(0, "".into(), key.into(), false, Vec::new());
        delivery.properties = BasicProperties::default().with_message_id(id.into());
        Some(BasicReturnMessage { delivery, reply_code: 312, reply_text: "NO_ROUTE".into() })
    }

    /// Calls of one message each.
    fn flights(ids: &[&str]) -> (Flights, Vec<Confirm>, Vec<oneshot::Receiver<Vec<Outcome>>>) {
        let (mut flights, mut confirms, mut answers) = (Flights::default(), vec![], vec![]);
        for id in ids {
            let (sent, confirm) = sent(id);
            let (reply, answer) = oneshot::channel();
            flights.push(vec![sent], reply, Instant::now());
            confirms.push(confirm);
            answers.push(answer);
        }
        (flights, confirms, answers)
    }

    /// `.`: not answered yet, `+`: confirmed, `0`: came back, `-`: failed.
    fn told(answers: &mut [oneshot::Receiver<Vec<Outcome>>]) -> String {
        let told = answers.iter_mut().map(|answer| match answer.try_recv() {
            Err(_) => '.',
            Ok(outcomes) => match &outcomes[..] {
                [Ok(())] => '+',
                [Err(BrokerError::Unroutable(_))] => '0',
                _ => '-',
            },
        });
        told.collect()
    }

    #[test]
    fn what_comes_back_with_a_neighbours_confirm_finds_its_message() {
        let (mut flights, confirms, mut answers) = flights(&["a", "b", "c", "d"]);
        let mut confirms = confirms.into_iter();
        let mut next = || confirms.next().unwrap();
        let (a, b, c, d) = (next(), next(), next(), next());
        // One frame confirms three; the driver hands what came back to them in any order.
        d.send(Confirmation::Ack(back("b"))).unwrap();
        c.send(Confirmation::Ack(back("c"))).unwrap();
        flights.answer(&names());
        assert_eq!(told(&mut answers), "....", "an older one is still on its way");
        b.send(Confirmation::Ack(None)).unwrap();
        a.send(Confirmation::Ack(None)).unwrap();
        flights.answer(&names());
        assert_eq!(told(&mut answers), "+00+");
        assert_eq!(flights.messages(), 0);
    }

    #[test]
    fn what_is_given_up_is_told_as_far_as_it_is_known() {
        let (mut flights, confirms, mut answers) = flights(&["a", "b", "c", "d"]);
        let mut confirms = confirms.into_iter();
        let mut next = || confirms.next().unwrap();
        let (_a, b, c, d) = (next(), next(), next(), next());
        b.send(Confirmation::Ack(back("d"))).unwrap();
        c.send(Confirmation::Nack(None)).unwrap();
        d.send(Confirmation::Ack(None)).unwrap();
        assert!(flights.is_late(Instant::now()));
        flights.give_up(&names());
        assert_eq!(told(&mut answers), "-+-0");
    }
}
