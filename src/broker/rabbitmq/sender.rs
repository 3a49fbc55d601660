//! One channel that publishes, and its task: sends what it is given without waiting for the confirms of
//! what it has sent before, up to a bound.

use std::sync::Arc;
use std::time::Duration;

use lapin::Channel;
use lapin::options::ConfirmSelectOptions;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior};

use super::Names;
use super::error::{Silence, bounded, bounded_by, line, silent};
use super::flight::{Flights, Sent};
use super::link::{Link, Session};
use super::publisher::Call;
use crate::broker::BrokerError;
use crate::domain::clock::Clock;

/// With so many messages on their way no further call is taken: at most this, and one call more.
const ON_THEIR_WAY_MAX: usize = 1_024;

/// How often it is looked whether a confirm is overdue. Callers keep their own time.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What is looked for anew where a confirm is overdue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OnSilence {
    /// The connection: our own queues confirm, or the broker does not work.
    Reconnect,
    /// The channel alone: the queue may be somebody else's, and not work while all others do. A connection
    /// that does not work shows by its ping, and by what goes to our own queues.
    Reopen,
}

/// A task with a channel of its own.
pub(super) struct Sender {
    calls: mpsc::Receiver<Call>,
    link: Arc<Link>,
    names: Names,
    clock: Arc<dyn Clock>,
    timeout: Duration,
    on_silence: OnSilence,
    open: Option<(Arc<Session>, Arc<Channel>)>,
    flights: Flights,
}

impl Sender {
    pub(super) fn new(
        calls: mpsc::Receiver<Call>,
        link: Arc<Link>,
        names: Names,
        clock: Arc<dyn Clock>,
        timeout: Duration,
        on_silence: OnSilence,
    ) -> Self {
        let flights = Flights::default();
        Self { calls, link, names, clock, timeout, on_silence, open: None, flights }
    }

    /// Sends until nobody can call any more.
    pub(super) async fn run(mut self) {
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let has_room = self.flights.messages() < ON_THEIR_WAY_MAX;
            let waits = self.flights.messages() > 0;
            tokio::select! {
                biased;
                () = self.flights.confirmed(), if waits => self.answer(),
                call = self.calls.recv(), if has_room => match call {
                    Some(call) => self.send(call).await,
                    None => return,
                },
                _ = look.tick(), if waits => self.give_up_late(),
            }
        }
    }

    async fn send(&mut self, call: Call) {
        // Whoever has given up has been told that it failed.
        if call.reply.is_closed() {
            return;
        }
        let channel = match self.channel().await {
            Ok(channel) => channel,
            Err(error) => return fail(call, &error),
        };
        let now_ms = self.clock.now().as_micros().div_euclid(1_000);
        let begin = |outgoing| Sent::begin(&channel, &self.names, outgoing, now_ms);
        let sent = call.messages.into_iter().map(begin).collect();
        self.flights.push(sent, call.reply, Instant::now() + self.timeout);
    }

    /// The task's channel, on the connection that there is now.
    async fn channel(&mut self) -> Result<Arc<Channel>, BrokerError> {
        let session = self.link.session_now()?;
        if session.is_blocked() {
            return Err(silent(Silence::Blocked));
        }
        if let Some((of, channel)) = &self.open {
            let is_same = Arc::ptr_eq(of, &session);
            if is_same && channel.status().connected() {
                return Ok(Arc::clone(channel));
            }
            if !is_same {
                // What was sent on the connection before is confirmed by nobody any more.
                self.flights.give_up(&self.names);
            }
        }
        self.open = None;
        let opening = async {
            let channel = session.channel().await?;
            bounded(channel.confirm_select(ConfirmSelectOptions::default())).await?;
            Ok(Arc::new(channel))
        };
        let channel = bounded_by(self.timeout, opening).await??;
        self.open = Some((session, Arc::clone(&channel)));
        Ok(channel)
    }

    fn answer(&mut self) {
        let is_missing = self.flights.answer(&self.names);
        // With a new connection, what somebody has deleted is declared again.
        if is_missing && let Some((session, _)) = &self.open {
            session.bury();
        }
    }

    /// Gives up everything that is on its way where the oldest is overdue, and the channel with it:
    /// confirms that come after all must not be taken for others'.
    fn give_up_late(&mut self) {
        if !self.flights.is_late(Instant::now()) {
            return;
        }
        let is_missing = self.flights.give_up(&self.names);
        // A broker that does not confirm, though it is not blocked, is looked for anew.
        let is_brokers =
            |session: &Session| self.on_silence == OnSilence::Reconnect && !session.is_blocked();
        if let Some((session, _)) = self.open.take()
            && (is_missing || is_brokers(&session))
        {
            session.bury();
        }
    }
}

/// Tells the same of all its messages.
fn fail(call: Call, error: &BrokerError) {
    let text = line(error);
    let again = || match error {
        BrokerError::Refused(_) => BrokerError::Refused(text.clone().into()),
        _ => BrokerError::Unavailable(text.clone().into()),
    };
    let outcomes = call.messages.iter().map(|_| Err(again())).collect();
    let _ = call.reply.send(outcomes); // gone
}
