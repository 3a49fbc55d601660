//! Publishing with confirms. There are three ways to the broker, each a channel and a task of its own: an
//! answer waits neither behind a batch of events nor for the disks that queues of work are kept on.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;

use super::error::{Silence, silent};
use super::link::Link;
use super::sender::{LOOK_EVERY, OnSilence, Sender};
use super::{Names, RabbitOptions};
use crate::broker::topology::{Exchange, Queue};
use crate::broker::{BrokerError, Outgoing, Target};
use crate::domain::clock::Clock;
use crate::telemetry::broker::BrokerMetrics;

/// How many publish calls may wait on each way; more wait outside.
const CALLS_MAX: usize = 1_024;

pub(super) type Outcome = Result<(), BrokerError>;

/// One publish call, or the part of it that goes one way.
pub(super) struct Call {
    pub(super) messages: Vec<Outgoing>,
    pub(super) reply: oneshot::Sender<Vec<Outcome>>,
}

/// A way to the broker. What goes one way keeps its order.
#[derive(Clone, Copy)]
enum Way {
    /// To our own queues.
    Work,
    /// To the queues of those who have asked.
    Answers,
    /// To whoever subscribes. Nothing comes back on it: nobody need be listening.
    Events,
}

impl Way {
    fn of(target: &Target) -> Self {
        match target {
            Target::Topic(Exchange::Events, _) => Self::Events,
            Target::Topic(Exchange::Transactions, _) => Self::Work,
            Target::Reply(queue) if Queue::parse(queue).is_some() => Self::Work,
            Target::Reply(_) => Self::Answers,
        }
    }
}

/// The ways to the tasks that publish.
pub(super) struct Publisher {
    work: mpsc::Sender<Call>,
    answers: mpsc::Sender<Call>,
    events: mpsc::Sender<Call>,
    tasks: Vec<AbortHandle>,
    pub(super) names: Names,
    timeout: Duration,
    clock: Arc<dyn Clock>,
    metrics: BrokerMetrics,
}

impl Publisher {
    /// Starts the tasks.
    pub(super) fn start(
        options: &RabbitOptions,
        names: &Names,
        link: &Arc<Link>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let timeout = options.confirm_timeout;
        let mut tasks = Vec::new();
        let mut way = |on_silence| {
            let (calls, queue) = mpsc::channel(CALLS_MAX);
            let (link, clock) = (Arc::clone(link), Arc::clone(&clock));
            let sender = Sender::new(queue, link, names.clone(), clock, timeout, on_silence);
            tasks.push(tokio::spawn(sender.run()).abort_handle());
            calls
        };
        let (work, events) = (way(OnSilence::Reconnect), way(OnSilence::Reconnect));
        let answers = way(OnSilence::Reopen);
        let (names, metrics) = (names.clone(), BrokerMetrics::new());
        Self { work, answers, events, tasks, names, timeout, clock, metrics }
    }

    /// Publishes, and waits for the confirms, but not for longer than the timeout.
    pub(super) async fn publish(&self, messages: Vec<Outgoing>) -> Vec<Outcome> {
        let ways: Vec<Way> = messages.iter().map(|outgoing| Way::of(&outgoing.target)).collect();
        let (mut work, mut answers, mut events) = (Vec::new(), Vec::new(), Vec::new());
        for (way, outgoing) in ways.iter().zip(messages) {
            match way {
                Way::Work => work.push(outgoing),
                Way::Answers => answers.push(outgoing),
                Way::Events => events.push(outgoing),
            }
        }
        let (work, answers, events) = tokio::join!(
            self.call(&self.work, work),
            self.call(&self.answers, answers),
            self.call(&self.events, events),
        );
        let mut work = work.into_iter();
        let (mut answers, mut events) = (answers.into_iter(), events.into_iter());
        let outcomes = ways.iter().map(|way| match way {
            Way::Work => work.next(),
            Way::Answers => answers.next(),
            Way::Events => events.next(),
        });
        outcomes.map(|outcome| outcome.unwrap_or_else(|| Err(silent(Silence::Broken)))).collect()
    }

    /// Publishes one message to where it goes next in its life: a queue of ours, whatever its name.
    pub(super) async fn move_on(&self, outgoing: Outgoing) -> Outcome {
        let outcomes = self.call(&self.work, vec![outgoing]).await;
        outcomes.into_iter().next().unwrap_or_else(|| Err(silent(Silence::Broken)))
    }

    async fn call(&self, way: &mpsc::Sender<Call>, messages: Vec<Outgoing>) -> Vec<Outcome> {
        let count = messages.len();
        if count == 0 {
            return Vec::new();
        }
        let started = self.clock.monotonic();
        let (reply, answer) = oneshot::channel();
        let called = async {
            way.send(Call { messages, reply }).await.map_err(|_| Silence::Closed)?;
            answer.await.map_err(|_| Silence::Closed)
        };
        // The sender looks first, and knows which of those that went together were confirmed.
        let outcomes = match tokio::time::timeout(self.timeout + 2 * LOOK_EVERY, called).await {
            Ok(Ok(outcomes)) => outcomes,
            Ok(Err(closed)) => all_silent(count, closed),
            Err(_) => all_silent(count, Silence::Unconfirmed),
        };
        let took_us = self.clock.monotonic().since(started);
        let confirmed = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        self.metrics.published(confirmed, count.saturating_sub(confirmed), took_us);
        outcomes
    }

    /// Publishes nothing more.
    pub(super) fn stop(&self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.stop();
    }
}

fn all_silent(count: usize, silence: Silence) -> Vec<Outcome> {
    (0..count).map(|_| Err(silent(silence))).collect()
}
