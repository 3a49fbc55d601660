//! A connection that is found again: the supervisor connects, declares, watches, and begins anew.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::StreamExt;
use lapin::options::ExchangeDeclareOptions;
use lapin::types::FieldTable;
use lapin::{Channel, Connection, Event, ExchangeKind};
use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::connect::Server;
use super::error::{CALL_MAX, Silence, bounded, bounded_by, line, silent};
use super::{Names, connect, topology};
use crate::broker::BrokerError;
use crate::telemetry::broker::BrokerMetrics;

/// The pauses between attempts to connect: from the first to the longest.
const AGAIN_MIN: Duration = Duration::from_millis(50);
const AGAIN_MAX: Duration = Duration::from_millis(500);

/// The pause where the broker answers and can not be used: until somebody has mended it.
const AGAIN_REFUSED: Duration = Duration::from_secs(5);

/// How often a connection is asked whether it still works.
const PING_EVERY: Duration = Duration::from_secs(5);

/// How long a caller waits for a connection.
const WAIT_MAX: Duration = Duration::from_secs(2);

/// How long an orderly goodbye may take.
const CLOSE_MAX: Duration = Duration::from_secs(1);

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Publishing, declaring, counting.
    Publish,
    /// Consuming.
    Consume,
}

impl Purpose {
    const fn name(self) -> &'static str {
        match self {
            Self::Publish => "tollgate publish",
            Self::Consume => "tollgate consume",
        }
    }
}

/// A connection that works, as far as is known.
pub(super) struct Session {
    connection: Connection,
    buried: watch::Sender<bool>,
}

impl Session {
    /// A new channel.
    pub(super) async fn channel(&self) -> Result<Channel, BrokerError> {
        bounded(self.connection.create_channel()).await
    }

    /// Whether the broker takes no messages for now.
    pub(super) fn is_blocked(&self) -> bool {
        self.connection.status().blocked()
    }

    /// It works no more: the supervisor makes another.
    pub(super) fn bury(&self) {
        self.buried.send_replace(true);
    }

    /// Waits until it works no more.
    async fn burial(&self) {
        let _ = self.buried.subscribe().wait_for(|buried| *buried).await;
    }

    /// `true` from when it works no more.
    pub(super) fn buried(&self) -> watch::Receiver<bool> {
        self.buried.subscribe()
    }
}

/// How the link stands.
#[derive(Clone)]
enum State {
    /// Not connected. Says why, where it is known.
    Down,
    Up(Arc<Session>),
    /// The broker answers, and can not be used.
    Refused(Arc<BrokerError>),
    Closed,
}

/// A connection that is found again.
pub(super) struct Link {
    state: Arc<watch::Sender<State>>,
    supervisor: AbortHandle,
}

/// Another caller has been told the same.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Told(String);

impl Link {
    /// Begins to connect.
    pub(super) fn open(
        server: Server,
        names: Names,
        purpose: Purpose,
        metrics: BrokerMetrics,
        opening: Arc<AtomicBool>,
    ) -> Self {
        let state = Arc::new(watch::Sender::new(State::Down));
        let supervisor = Supervisor {
            server,
            names,
            purpose,
            metrics,
            opening,
            state: Arc::clone(&state),
            told: false,
        };
        let supervisor = tokio::spawn(supervisor.run()).abort_handle();
        Self { state, supervisor }
    }

    /// The connection; waits for it, but not for long.
    pub(super) async fn session(&self) -> Result<Arc<Session>, BrokerError> {
        let mut state = self.state.subscribe();
        let known = state.wait_for(|state| !matches!(state, State::Down));
        let known = tokio::time::timeout(WAIT_MAX, known).await;
        match known {
            Ok(Ok(state)) => state.session(),
            Ok(Err(_)) => Err(silent(Silence::Closed)),
            Err(_) => Err(silent(Silence::Disconnected)),
        }
    }

    /// The connection, if there is one now.
    pub(super) fn session_now(&self) -> Result<Arc<Session>, BrokerError> {
        self.state.borrow().session()
    }

    /// Ends the supervisor, and says goodbye.
    pub(super) async fn close(&self) {
        self.supervisor.abort();
        let last = self.state.send_replace(State::Closed);
        if let State::Up(session) = last {
            session.bury();
            goodbye(&session.connection).await;
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.supervisor.abort();
    }
}

impl State {
    fn session(&self) -> Result<Arc<Session>, BrokerError> {
        match self {
            Self::Up(session) => Ok(Arc::clone(session)),
            Self::Refused(error) => Err(BrokerError::Refused(Box::new(Told(line(error))))),
            Self::Down => Err(silent(Silence::Disconnected)),
            Self::Closed => Err(silent(Silence::Closed)),
        }
    }
}

/// The task that keeps a link up.
struct Supervisor {
    server: Server,
    names: Names,
    purpose: Purpose,
    metrics: BrokerMetrics,
    /// While it is set, whoever opens the broker hears of a refusal, and says so.
    opening: Arc<AtomicBool>,
    state: Arc<watch::Sender<State>>,
    /// Whether this outage has been logged.
    told: bool,
}

impl Supervisor {
    async fn run(mut self) {
        let mut pause = AGAIN_MIN;
        loop {
            match self.connect().await {
                Ok(session) => {
                    pause = AGAIN_MIN;
                    self.told = false;
                    self.metrics.connected(self.purpose.name());
                    self.state.send_replace(State::Up(Arc::clone(&session)));
                    let why = watch_over(&session).await;
                    self.state.send_replace(State::Down);
                    session.bury();
                    self.metrics.lost(self.purpose.name(), &why);
                    tokio::spawn(async move { goodbye(&session.connection).await });
                }
                Err(error @ BrokerError::Refused(_)) => {
                    if !self.opening.load(Ordering::Relaxed) {
                        if !self.told {
                            self.metrics.refused(self.purpose.name(), &line(&error));
                        }
                        self.told = true;
                    }
                    self.state.send_replace(State::Refused(Arc::new(error)));
                    pause = AGAIN_REFUSED;
                }
                Err(error) => {
                    if !self.told {
                        self.metrics.unreachable(self.purpose.name(), &line(&error));
                    }
                    self.told = true;
                    self.state.send_replace(State::Down);
                }
            }
            tokio::time::sleep(pause).await;
            pause = pause.saturating_mul(2).min(AGAIN_MAX);
        }
    }

    /// A connection on which everything is declared.
    async fn connect(&self) -> Result<Arc<Session>, BrokerError> {
        let connection = connect::connect(self.server.clone(), self.purpose.name()).await?;
        let session = Session { connection, buried: watch::Sender::new(false) };
        if self.purpose == Purpose::Publish
            && let Err(error) = topology::declare(&session, &self.names).await
        {
            goodbye(&session.connection).await;
            return Err(error);
        }
        Ok(Arc::new(session))
    }
}

/// Comes back when the connection works no more, and says why: the driver has noticed, a user of it
/// has, or it does not answer.
async fn watch_over(session: &Session) -> String {
    let mut events = Box::pin(session.connection.events_listener());
    let mut ping = tokio::time::interval(PING_EVERY);
    let mut pinged: Option<Channel> = None;
    loop {
        tokio::select! {
            event = events.next() => match event {
                Some(Event::Error(error)) => return error.to_string(),
                Some(_) => {}
                None => return "the driver has ended".to_owned(),
            },
            () = session.burial() => return "it did not confirm in time".to_owned(),
            _ = ping.tick() => {
                if !session.connection.status().connected() {
                    return "it has closed".to_owned();
                }
                if let Err(error) = check(session, &mut pinged).await {
                    return line(&error);
                }
            }
        }
    }
}

/// Asks for something that every broker has. One that has blocked us does not read it.
async fn check(session: &Session, pinged: &mut Option<Channel>) -> Result<(), BrokerError> {
    if session.is_blocked() {
        return Ok(());
    }
    let channel = match pinged.take() {
        Some(channel) => channel,
        None => session.channel().await?,
    };
    let passive = ExchangeDeclareOptions { passive: true, ..ExchangeDeclareOptions::default() };
    let asked = channel.exchange_declare(
        "amq.topic".into(),
        ExchangeKind::Topic,
        passive,
        FieldTable::default(),
    );
    match bounded_by(CALL_MAX, asked).await {
        Ok(Ok(())) => {
            *pinged = Some(channel);
            Ok(())
        }
        // A channel that was closed is replaced; a connection that is closed shows by itself.
        Ok(Err(_)) => Ok(()),
        // It may have been blocked while it was asked.
        Err(_) if session.is_blocked() => Ok(()),
        Err(late) => Err(late),
    }
}

async fn goodbye(connection: &Connection) {
    // Gone either way.
    let _ = tokio::time::timeout(CLOSE_MAX, connection.close(200, "goodbye".into())).await;
}
