//! Publishing with confirms. Each channel belongs to one task, which sends what has queued up and waits
//! for all its confirms before it sends more: so that what is returned, or was not confirmed, is known
//! to be among these.

use std::collections::HashSet;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{Channel, Confirmation, PublisherConfirm};
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::error::{Silence, bounded, is_missing, silent, translate};
use super::link::{Link, Session};
use super::{Names, RabbitOptions, properties};
use crate::broker::topology::{Exchange, Queue};
use crate::broker::{BrokerError, Outgoing, Target};
use crate::domain::clock::Clock;
use crate::telemetry::broker::BrokerMetrics;

/// How many publish calls may wait; more wait outside.
const CALLS_MAX: usize = 1_024;

/// The most messages that are sent before their confirms are waited for.
const BATCH_MAX: usize = 512;

type Outcome = Result<(), BrokerError>;

/// One publish call.
struct Call {
    messages: Vec<Outgoing>,
    reply: oneshot::Sender<Vec<Outcome>>,
}

/// The way to the tasks that publish.
pub(super) struct Publisher {
    calls: mpsc::Sender<Call>,
    tasks: Vec<AbortHandle>,
    names: Names,
    timeout: Duration,
    clock: Arc<dyn Clock>,
    metrics: BrokerMetrics,
}

impl Publisher {
    /// Starts the tasks.
    pub(super) fn start(
        options: &RabbitOptions,
        names: &Names,
        link: Arc<Link>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let (calls, queue) = mpsc::channel(CALLS_MAX);
        let queue = Arc::new(Mutex::new(queue));
        let timeout = options.confirm_timeout;
        let tasks = (0..options.publishers.max(1)).map(|_| {
            let task = Task {
                queue: Arc::clone(&queue),
                link: Arc::clone(&link),
                names: names.clone(),
                clock: Arc::clone(&clock),
                timeout,
                open: None,
            };
            tokio::spawn(task.run()).abort_handle()
        });
        let tasks = tasks.collect();
        let names = names.clone();
        Self { calls, tasks, names, timeout, clock, metrics: BrokerMetrics::new() }
    }

    /// Publishes, and waits for the confirms, but not for longer than the timeout.
    pub(super) async fn publish(&self, messages: Vec<Outgoing>) -> Vec<Outcome> {
        let (count, started) = (messages.len(), self.clock.monotonic());
        if count == 0 {
            return Vec::new();
        }
        let (reply, answer) = oneshot::channel();
        let call = Call { messages, reply };
        let called = async {
            self.calls.send(call).await.map_err(|_| Silence::Closed)?;
            answer.await.map_err(|_| Silence::Closed)
        };
        let outcomes = match tokio::time::timeout(self.timeout, called).await {
            Ok(Ok(outcomes)) => outcomes,
            Ok(Err(closed)) => all_silent(count, closed),
            Err(_) => all_silent(count, Silence::Unconfirmed),
        };
        let took_us = self.clock.monotonic().since(started);
        let confirmed = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        self.metrics.published(confirmed, count.saturating_sub(confirmed), took_us);
        outcomes
    }

    /// Publishes one message.
    pub(super) async fn publish_one(&self, outgoing: Outgoing) -> Outcome {
        let outcomes = self.publish(vec![outgoing]).await;
        outcomes.into_iter().next().unwrap_or_else(|| Err(silent(Silence::Broken)))
    }

    /// Where a message of this queue waits so long.
    pub(super) fn retry_queue(&self, queue: Queue, pause: Duration) -> String {
        self.names.retry(queue, pause)
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

/// A task with a channel of its own.
struct Task {
    queue: Arc<Mutex<mpsc::Receiver<Call>>>,
    link: Arc<Link>,
    names: Names,
    clock: Arc<dyn Clock>,
    timeout: Duration,
    open: Option<(Arc<Session>, Channel)>,
}

impl Task {
    async fn run(mut self) {
        while let Some(batch) = self.gather().await {
            self.send(batch).await;
        }
    }

    /// Whatever has queued up; `None`: nobody can call any more.
    async fn gather(&self) -> Option<Vec<Call>> {
        let mut queue = self.queue.lock().await;
        let first = queue.recv().await?;
        let mut messages = first.messages.len();
        let mut batch = vec![first];
        while messages < BATCH_MAX
            && let Ok(call) = queue.try_recv()
        {
            messages += call.messages.len();
            batch.push(call);
        }
        Some(batch)
    }

    async fn send(&mut self, mut batch: Vec<Call>) {
        // Whoever has given up has been told that it failed.
        batch.retain(|call| !call.reply.is_closed());
        let deadline = Instant::now() + self.timeout;
        let outcomes = match tokio::time::timeout_at(deadline, self.channel()).await {
            Ok(Ok(channel)) => self.send_on(&channel, &batch, deadline).await,
            Ok(Err(error)) => return fail(batch, &error),
            Err(_) => return fail(batch, &silent(Silence::Late)),
        };
        let mut outcomes = outcomes.into_iter();
        for call in batch {
            let own = outcomes.by_ref().take(call.messages.len()).collect();
            let _ = call.reply.send(own); // gone
        }
    }

    /// The task's channel, on the connection that there is now.
    async fn channel(&mut self) -> Result<Channel, BrokerError> {
        let session = self.link.session_now()?;
        if session.is_blocked() {
            return Err(silent(Silence::Blocked));
        }
        if let Some((of, channel)) = &self.open
            && Arc::ptr_eq(of, &session)
            && channel.status().connected()
        {
            return Ok(channel.clone());
        }
        self.open = None;
        let channel = session.channel().await?;
        bounded(channel.confirm_select(ConfirmSelectOptions::default())).await?;
        self.open = Some((session, channel.clone()));
        Ok(channel)
    }

    async fn send_on(
        &mut self,
        channel: &Channel,
        batch: &[Call],
        deadline: Instant,
    ) -> Vec<Outcome> {
        let now_ms = self.clock.now().as_micros().div_euclid(1_000);
        let mut sent = Vec::new();
        for outgoing in batch.iter().flat_map(|call| &call.messages) {
            sent.push(Sent::begin(channel, &self.names, outgoing, now_ms).await);
        }
        let mut returned = HashSet::new();
        let mut confirmed = Vec::with_capacity(sent.len());
        let (mut late, mut missing) = (false, false);
        for sent in &mut sent {
            let outcome = match tokio::time::timeout_at(deadline, sent.confirmed()).await {
                Ok(outcome) => outcome,
                Err(_) => {
                    late = true;
                    Err(silent(Silence::Unconfirmed))
                }
            };
            missing |= outcome.as_ref().is_err_and(is_missing);
            confirmed.push(outcome.map(|back| returned.extend(back)));
        }
        // A key of ours that leads nowhere: its queue has been deleted.
        let ours = self.names.exchange(Exchange::Transactions);
        let is_ours = |key: &str| Queue::ALL.iter().any(|queue| queue.takes(key));
        missing |= returned.iter().any(|(exchange, key)| *exchange == ours && is_ours(key));
        if (late || missing)
            && let Some((session, _)) = self.open.take()
        {
            // Confirms that come after all must not be taken for others'. A broker that does not
            // confirm, though it is not blocked, is looked for anew; and with a new connection, what
            // somebody has deleted is declared again.
            if missing || !session.is_blocked() {
                session.bury();
            }
        }
        confirmed
            .into_iter()
            .zip(sent)
            .map(|(outcome, sent)| match outcome {
                // The driver may hand a returned message to a neighbour's confirm: what tells them
                // apart is where they went.
                Ok(()) if returned.contains(&sent.route) => {
                    Err(BrokerError::Unroutable(sent.route.1))
                }
                outcome => outcome,
            })
            .collect()
    }
}

/// Tells everyone the same.
fn fail(batch: Vec<Call>, error: &BrokerError) {
    let text = super::error::line(error);
    for call in batch {
        let again = || match error {
            BrokerError::Refused(_) => BrokerError::Refused(text.clone().into()),
            _ => BrokerError::Unavailable(text.clone().into()),
        };
        let outcomes = call.messages.iter().map(|_| Err(again())).collect();
        let _ = call.reply.send(outcomes); // gone
    }
}

type Sending<'a> = Pin<Box<dyn Future<Output = lapin::Result<PublisherConfirm>> + Send + 'a>>;
type Route = (String, String);

/// A message on its way.
struct Sent<'a> {
    route: Route,
    sending: Result<Sending<'a>, BrokerError>,
    ready: Option<lapin::Result<PublisherConfirm>>,
}

impl<'a> Sent<'a> {
    /// Hands it to the driver, which keeps the order in which it was asked.
    async fn begin(
        channel: &'a Channel,
        names: &Names,
        outgoing: &'a Outgoing,
        now_ms: i64,
    ) -> Sent<'a> {
        let (exchange, key) = names.of(&outgoing.target);
        let Some(properties) = properties::write(&outgoing.message, now_ms) else {
            let error = BrokerError::Refused("a text is too long for a property".into());
            return Sent { route: (exchange, key), sending: Err(error), ready: None };
        };
        let mandatory = !matches!(outgoing.target, Target::Topic(Exchange::Events, _));
        let options = BasicPublishOptions { mandatory, ..BasicPublishOptions::default() };
        let mut sending: Sending<'a> = Box::pin(channel.basic_publish(
            exchange.as_str().into(),
            key.as_str().into(),
            options,
            &outgoing.message.body,
            properties,
        ));
        // The first poll takes its place in the queue; the rest is waited for together.
        let ready = std::future::poll_fn(|context| match sending.as_mut().poll(context) {
            Poll::Ready(ready) => Poll::Ready(Some(ready)),
            Poll::Pending => Poll::Ready(None),
        });
        let ready = ready.await;
        Sent { route: (exchange, key), sending: Ok(sending), ready }
    }

    /// Waits for the confirm; where something was returned with it, that is where it had gone to.
    async fn confirmed(&mut self) -> Result<Option<Route>, BrokerError> {
        let sending = match std::mem::replace(&mut self.sending, Err(silent(Silence::Broken))) {
            Ok(sending) => sending,
            Err(error) => return Err(error),
        };
        let confirm = match self.ready.take() {
            Some(ready) => ready,
            None => sending.await,
        };
        let confirmation = confirm.map_err(translate)?.await.map_err(translate)?;
        let nacked = confirmation.is_nack();
        let back = match confirmation {
            Confirmation::Ack(back) | Confirmation::Nack(back) => back,
            Confirmation::NotRequested => return Err(silent(Silence::Broken)),
        };
        if nacked {
            return Err(silent(Silence::Nacked));
        }
        Ok(back
            .map(|back| (back.exchange.as_str().to_owned(), back.routing_key.as_str().to_owned())))
    }
}
