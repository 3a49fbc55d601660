//! Health: what a background task has found out about the servers, for probes that never wait.

mod phase;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};

use crate::broker::QueueStats;
use crate::cache::CacheStats;
use crate::domain::clock::Clock;
use crate::domain::time::Timestamp;
use crate::store::{Outbox, PoolStats, Probe};
use crate::telemetry::alerts::AlertReport;
use crate::telemetry::clock_skew::{ClockSkew, Skew};

pub use phase::Phase;

/// Between two checks. With the time that one may take, what is reported is never older than 2 s.
const CHECK_EVERY: Duration = Duration::from_millis(900);

/// A store that does not answer within this time does not answer.
const PROBE_MAX: Duration = Duration::from_millis(800);

/// How the outbox stands is left out if it takes longer to find out.
const OUTBOX_MAX: Duration = Duration::from_millis(200);

/// A store that needs longer is not well.
const PROBE_SLOW_US: u64 = 250_000;

/// How a part of the service is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// As it should be.
    Healthy,
    /// Slow, but it answers.
    Degraded,
    /// It does not answer.
    Unhealthy,
}

impl State {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::Unhealthy => "unhealthy",
        }
    }
}

/// What is watched.
pub struct Watch {
    /// Everything that answers probes.
    pub servers: Vec<Watched>,
    /// Counts the events that wait.
    pub outbox: Arc<dyn Outbox>,
    /// Reads the figures of the cache of each home.
    pub caches: Box<dyn Fn() -> Vec<(&'static str, CacheStats)> + Send + Sync>,
    /// How the queues of the message broker stand.
    pub queues: Box<dyn Fn() -> Vec<QueueStats> + Send + Sync>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Told how far the clocks of servers are from it.
    pub skew: ClockSkew,
}

/// A store, or another server that the service works with.
pub struct Watched {
    /// What it is called in reports.
    pub name: &'static str,
    /// Asks it.
    pub probe: Arc<dyn Probe>,
    /// What depends on it.
    pub need: Need,
}

/// How much the service needs a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Accounts live there: without it, theirs can not be decided.
    Home,
    /// Without it things are slower, or later.
    Help,
}

/// The latest findings, and where the process is in its life.
pub struct Health {
    watch: Watch,
    phase: Phase,
    latest: Mutex<Latest>,
}

#[derive(Clone, Debug)]
struct Latest {
    findings: Vec<Finding>,
    outbox: Option<OutboxState>,
}

/// How the events stand that wait for a relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutboxState {
    /// How many wait.
    pub rows: u64,
    /// How long the oldest has waited.
    pub oldest_us: u64,
}

#[derive(Clone, Copy, Debug)]
struct Finding {
    state: State,
    checked_at: Option<Timestamp>,
    probe_us: u64,
    skew: Option<Skew>,
}

/// Figures of one server.
#[derive(Clone, Debug)]
pub struct Figures {
    /// What it is called in reports.
    pub name: &'static str,
    /// How long it took to answer the latest check.
    pub probe_us: u64,
    /// How the connections of each of its pools are used.
    pub pools: Vec<(&'static str, PoolStats)>,
}

/// The answer of `/health`.
#[derive(Clone, Debug, Serialize)]
pub struct HealthReport {
    /// Unhealthy where no home answers; degraded where anything does not.
    pub status: State,
    /// When this was asked (RFC 3339).
    pub timestamp: String,
    /// Each service.
    pub services: BTreeMap<&'static str, State>,
    /// Figures.
    pub details: Value,
}

impl Health {
    /// Starting; nothing is known to be well yet.
    pub fn new(watch: Watch) -> Self {
        let unknown =
            Finding { state: State::Unhealthy, checked_at: None, probe_us: 0, skew: None };
        let latest = Latest { findings: vec![unknown; watch.servers.len()], outbox: None };
        Self { watch, phase: Phase::default(), latest: Mutex::new(latest) }
    }

    /// Where the process is in its life.
    pub const fn phase(&self) -> &Phase {
        &self.phase
    }

    /// The latest findings.
    pub fn report(&self, now: Timestamp) -> HealthReport {
        let latest = self.latest().clone();
        let each = self.watch.servers.iter().zip(&latest.findings);
        HealthReport {
            status: overall(each.clone().map(|(server, found)| (server.need, found.state))),
            timestamp: now.to_string(),
            services: each.map(|(server, found)| (server.name, found.state)).collect(),
            details: self.figures(&latest),
        }
    }

    /// The latest finding about all servers together.
    pub fn status(&self) -> State {
        let latest = self.latest();
        let each = self.watch.servers.iter().zip(&latest.findings);
        overall(each.map(|(server, found)| (server.need, found.state)))
    }

    /// Figures of all servers that have been checked.
    pub fn servers(&self) -> Vec<Figures> {
        let latest = self.latest();
        let each = self.watch.servers.iter().zip(&latest.findings);
        let checked = each.filter(|(_, found)| found.checked_at.is_some());
        let figures = checked.map(|(server, found)| Figures {
            name: server.name,
            probe_us: found.probe_us,
            pools: server.probe.pools(),
        });
        figures.collect()
    }

    /// How the alert about clocks stands, once it has been raised.
    pub fn clocks(&self) -> Option<AlertReport> {
        self.watch.skew.report()
    }

    /// How the queues stand.
    pub fn queues(&self) -> Vec<QueueStats> {
        (self.watch.queues)()
    }

    /// How the caches have been doing, by home.
    pub fn caches(&self) -> Vec<(&'static str, CacheStats)> {
        (self.watch.caches)()
    }

    /// How the outbox stood lately; `None`: it is not known.
    pub fn outbox(&self) -> Option<OutboxState> {
        self.latest().outbox
    }

    /// Figures of the servers and the caches.
    pub fn details(&self) -> Value {
        let latest = self.latest().clone();
        self.figures(&latest)
    }

    fn figures(&self, latest: &Latest) -> Value {
        let each = self.watch.servers.iter().zip(&latest.findings);
        let servers: serde_json::Map<String, Value> = each
            .map(|(server, found)| {
                let figures = json!({
                    "checked_at": found.checked_at.map(|at| at.to_string()),
                    "probe_us": found.probe_us,
                    "clock_ahead_us": found.skew.map(|skew| skew.ahead_us),
                    "pools": server.probe.pools().into_iter().collect::<BTreeMap<_, _>>(),
                });
                (server.name.to_owned(), figures)
            })
            .collect();
        json!({
            "stores": servers,
            "outbox_rows": latest.outbox.map(|outbox| outbox.rows),
            "outbox_oldest_ms": latest.outbox.map(|outbox| outbox.oldest_us / 1_000),
            "queues": self.queues(),
            "cache": self.caches().into_iter().collect::<BTreeMap<_, _>>(),
        })
    }

    /// Checks again and again, for ever.
    pub async fn watch(&self) {
        loop {
            tokio::time::sleep(CHECK_EVERY).await;
            self.check().await;
        }
    }

    /// Checks once, everything at the same time.
    pub async fn check(&self) {
        let probes = self.watch.servers.iter().map(|server| self.probe(&*server.probe));
        // A figure, not a condition: without it the stores are no less well.
        let outbox = tokio::time::timeout(OUTBOX_MAX, self.outbox_state());
        let (findings, outbox) =
            futures_util::future::join(futures_util::future::join_all(probes), outbox).await;
        let latest = Latest { findings, outbox: outbox.ok().flatten() };
        let before = std::mem::replace(&mut *self.latest(), latest.clone());
        let changes = before.findings.iter().zip(&latest.findings);
        for (server, (before, found)) in self.watch.servers.iter().zip(changes) {
            tell(server.name, before, found);
            let clock = &self.watch.clock;
            if let Some(skew) = found.skew {
                self.watch.skew.found(server.name, skew, (clock.now(), clock.monotonic()));
            } else {
                self.watch.skew.silent(server.name, clock.monotonic());
            }
        }
    }

    async fn outbox_state(&self) -> Option<OutboxState> {
        let rows = self.watch.outbox.depth().await.ok()?;
        let oldest = self.watch.outbox.oldest_at().await.ok()?;
        let waited = |at: Timestamp| self.watch.clock.now().as_micros() - at.as_micros();
        let oldest_us = oldest.map_or(0, waited).try_into().unwrap_or(0);
        Some(OutboxState { rows, oldest_us })
    }

    async fn probe(&self, probe: &dyn Probe) -> Finding {
        let clock = &self.watch.clock;
        let (asked_at, started) = (clock.now(), clock.monotonic());
        let answered = tokio::time::timeout(PROBE_MAX, probe.probe()).await;
        let probe_us = clock.monotonic().since(started);
        let (state, told) = match answered {
            Ok(Ok(told)) if probe_us <= PROBE_SLOW_US => (State::Healthy, told),
            Ok(Ok(told)) => (State::Degraded, told),
            Ok(Err(_)) | Err(_) => (State::Unhealthy, None),
        };
        let skew = told.map(|told| skew(asked_at, probe_us, told));
        Finding { state, checked_at: Some(clock.now()), probe_us, skew }
    }

    fn latest(&self) -> MutexGuard<'_, Latest> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// While one home answers, its cards are decided.
fn overall(servers: impl Iterator<Item = (Need, State)> + Clone) -> State {
    let homes = servers.clone().filter(|(need, _)| *need == Need::Home);
    let best_home = homes.map(|(_, state)| state).min().unwrap_or(State::Unhealthy);
    let worst = servers.map(|(_, state)| state).max().unwrap_or(State::Unhealthy);
    match (best_home, worst) {
        (State::Unhealthy, _) => State::Unhealthy,
        (_, State::Healthy) => State::Healthy,
        _ => State::Degraded,
    }
}

/// A server that was asked at one time, and answered so much later, told its own.
fn skew(asked_at: Timestamp, took_us: u64, told: Timestamp) -> Skew {
    let half_us = took_us / 2;
    let halfway = asked_at.plus_micros(i64::try_from(half_us).unwrap_or(i64::MAX));
    Skew { ahead_us: told.as_micros().saturating_sub(halfway.as_micros()), unsure_us: half_us }
}

fn tell(server: &str, before: &Finding, found: &Finding) {
    if before.checked_at.is_none() || before.state == found.state {
        return;
    }
    let probe_us = found.probe_us;
    match found.state {
        State::Unhealthy => tracing::error!(server, probe_us, "a server does not answer"),
        state => tracing::warn!(server, probe_us, "a server is {}", state.as_str()),
    }
}
