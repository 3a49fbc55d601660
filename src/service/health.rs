//! Health: what a background task has found out about the store, for probes that never wait.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};

use crate::cache::CacheStats;
use crate::domain::clock::Clock;
use crate::domain::time::Timestamp;
use crate::store::{Outbox, Probe};

/// Between two checks. With the time that one may take, what is reported is never older than 2 s.
const CHECK_EVERY: Duration = Duration::from_millis(900);

/// A store that does not answer within this time does not answer.
const PROBE_MAX: Duration = Duration::from_millis(800);

/// The number of waiting events is left out if it takes longer.
const DEPTH_MAX: Duration = Duration::from_millis(200);

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

const STARTING: u8 = 0;
const SERVING: u8 = 1;
const DRAINING: u8 = 2;

/// What is watched.
pub struct Watch {
    /// What the store is called in reports.
    pub store: &'static str,
    /// Asks the store.
    pub probe: Arc<dyn Probe>,
    /// Counts the events that wait.
    pub outbox: Arc<dyn Outbox>,
    /// Reads the cache's figures.
    pub cache: Box<dyn Fn() -> CacheStats + Send + Sync>,
    /// Time.
    pub clock: Arc<dyn Clock>,
}

/// The latest findings, and where the process is in its life.
pub struct Health {
    watch: Watch,
    phase: AtomicU8,
    latest: Mutex<Finding>,
}

#[derive(Clone, Copy, Debug)]
struct Finding {
    state: State,
    checked_at: Option<Timestamp>,
    probe_us: u64,
    outbox_rows: Option<u64>,
}

/// The answer of `/health`.
#[derive(Clone, Debug, Serialize)]
pub struct HealthReport {
    /// The worst of all services.
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
        let latest =
            Finding { state: State::Unhealthy, checked_at: None, probe_us: 0, outbox_rows: None };
        Self { watch, phase: AtomicU8::new(STARTING), latest: Mutex::new(latest) }
    }

    /// From now on the process serves.
    pub fn serve(&self) {
        self.phase.store(SERVING, Ordering::Release);
    }

    /// From now on the process should get no more traffic.
    pub fn drain(&self) {
        self.phase.store(DRAINING, Ordering::Release);
    }

    /// Whether the process has started and is not about to stop.
    pub fn is_serving(&self) -> bool {
        self.phase.load(Ordering::Acquire) == SERVING
    }

    /// `starting`, `serving` or `draining`.
    pub fn phase(&self) -> &'static str {
        match self.phase.load(Ordering::Acquire) {
            STARTING => "starting",
            SERVING => "serving",
            _ => "draining",
        }
    }

    /// The latest findings.
    pub fn report(&self, now: Timestamp) -> HealthReport {
        let found = *self.latest();
        HealthReport {
            status: found.state,
            timestamp: now.to_string(),
            services: BTreeMap::from([(self.watch.store, found.state)]),
            details: self.details(),
        }
    }

    /// How the cache has been doing.
    pub fn cache(&self) -> CacheStats {
        (self.watch.cache)()
    }

    /// Figures of the store and the cache.
    pub fn details(&self) -> Value {
        let found = *self.latest();
        json!({
            "store": {
                "kind": self.watch.store,
                "checked_at": found.checked_at.map(|at| at.to_string()),
                "probe_us": found.probe_us,
                "outbox_rows": found.outbox_rows,
            },
            "cache": self.cache(),
        })
    }

    /// Checks again and again, for ever.
    pub async fn watch(&self) {
        loop {
            tokio::time::sleep(CHECK_EVERY).await;
            self.check().await;
        }
    }

    /// Checks once.
    pub async fn check(&self) {
        let clock = &self.watch.clock;
        let started = clock.monotonic();
        let answered = tokio::time::timeout(PROBE_MAX, self.watch.probe.probe()).await;
        let probe_us = clock.monotonic().since(started);
        let state = match answered {
            Ok(Ok(())) if probe_us <= PROBE_SLOW_US => State::Healthy,
            Ok(Ok(())) => State::Degraded,
            Ok(Err(_)) | Err(_) => State::Unhealthy,
        };
        // A figure, not a condition: without it the store is no less well.
        let depth = tokio::time::timeout(DEPTH_MAX, self.watch.outbox.depth()).await;
        let outbox_rows = depth.ok().and_then(Result::ok);
        let found = Finding { state, checked_at: Some(clock.now()), probe_us, outbox_rows };
        let before = std::mem::replace(&mut *self.latest(), found);
        self.tell(before, found);
    }

    fn tell(&self, before: Finding, found: Finding) {
        if before.checked_at.is_none() || before.state == found.state {
            return;
        }
        let (store, probe_us) = (self.watch.store, found.probe_us);
        match found.state {
            State::Unhealthy => tracing::error!(store, probe_us, "the store does not answer"),
            state => tracing::warn!(store, probe_us, "the store is {}", state.as_str()),
        }
    }

    fn latest(&self) -> MutexGuard<'_, Finding> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use uuid::Uuid;

    use crate::domain::time::Monotonic;
    use crate::store::{StoreError, StoreFuture};

    use super::*;

    #[derive(Default)]
    struct Patient {
        down: AtomicBool,
        micros: std::sync::atomic::AtomicU64,
        takes_us: std::sync::atomic::AtomicU64,
    }

    impl Probe for Patient {
        fn probe(&self) -> StoreFuture<'_, ()> {
            self.micros.fetch_add(self.takes_us.load(Ordering::Relaxed), Ordering::Relaxed);
            let down = self.down.load(Ordering::Relaxed);
            let answer = if down { Err(StoreError::Unavailable("down".into())) } else { Ok(()) };
            Box::pin(std::future::ready(answer))
        }
    }

    impl Outbox for Patient {
        fn depth(&self) -> StoreFuture<'_, u64> {
            Box::pin(std::future::ready(Ok(3)))
        }

        fn drop_before(&self, _before: Timestamp, _rows_max: u32) -> StoreFuture<'_, u64> {
            Box::pin(std::future::ready(Ok(0)))
        }
    }

    impl Clock for Patient {
        fn now(&self) -> Timestamp {
            Timestamp::from_micros(0)
        }

        fn monotonic(&self) -> Monotonic {
            Monotonic::from_micros(self.micros.load(Ordering::Relaxed))
        }

        fn uuid(&self) -> Uuid {
            Uuid::nil()
        }
    }

    fn health(patient: &Arc<Patient>) -> Health {
        Health::new(Watch {
            store: "sqlite",
            probe: Arc::clone(patient) as Arc<dyn Probe>,
            outbox: Arc::clone(patient) as Arc<dyn Outbox>,
            cache: Box::new(CacheStats::default),
            clock: Arc::clone(patient) as Arc<dyn Clock>,
        })
    }

    #[tokio::test]
    async fn the_latest_check_is_what_is_reported() {
        let patient = Arc::new(Patient::default());
        let health = health(&patient);
        let state = |health: &Health| health.report(Timestamp::from_micros(0)).status;
        assert_eq!(state(&health), State::Unhealthy, "nothing is known yet");
        health.check().await;
        assert_eq!(state(&health), State::Healthy);
        patient.takes_us.store(PROBE_SLOW_US + 1, Ordering::Relaxed);
        health.check().await;
        assert_eq!(state(&health), State::Degraded);
        patient.down.store(true, Ordering::Relaxed);
        assert_eq!(state(&health), State::Degraded, "asking does not check");
        health.check().await;
        assert_eq!(state(&health), State::Unhealthy);
        let report = serde_json::to_value(health.report(Timestamp::from_micros(0))).unwrap();
        assert_eq!(report["services"]["sqlite"], "unhealthy");
    }

    #[test]
    fn a_process_serves_between_its_start_and_its_end() {
        let health = health(&Arc::default());
        assert_eq!((health.is_serving(), health.phase()), (false, "starting"));
        health.serve();
        assert_eq!((health.is_serving(), health.phase()), (true, "serving"));
        health.drain();
        assert_eq!((health.is_serving(), health.phase()), (false, "draining"));
    }
}
