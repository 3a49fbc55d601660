//! Health against a server that does as it is told.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use uuid::Uuid;

use crate::domain::time::Monotonic;
use crate::store::{StoreError, StoreFuture};
use crate::telemetry::faults::Faults;
use crate::telemetry::faults::tests::Told;

use super::*;

#[derive(Default)]
struct Patient {
    down: AtomicBool,
    micros: std::sync::atomic::AtomicU64,
    takes_us: std::sync::atomic::AtomicU64,
    /// How far the server's clock is ahead, and how far ours has been set.
    ahead_us: AtomicI64,
    set_us: AtomicI64,
}

impl Patient {
    fn passed_us(&self) -> i64 {
        self.micros.load(Ordering::Relaxed).try_into().unwrap()
    }
}

impl Probe for Patient {
    fn probe(&self) -> StoreFuture<'_, Option<Timestamp>> {
        let half_us = self.takes_us.load(Ordering::Relaxed) / 2;
        self.micros.fetch_add(half_us, Ordering::Relaxed);
        let now_us = self.passed_us() + self.ahead_us.load(Ordering::Relaxed);
        self.micros.fetch_add(half_us, Ordering::Relaxed);
        let down = self.down.load(Ordering::Relaxed);
        let answer = if down {
            Err(StoreError::Unavailable("down".into()))
        } else {
            Ok(Some(Timestamp::from_micros(now_us)))
        };
        Box::pin(std::future::ready(answer))
    }
}

impl Outbox for Patient {
    fn depth(&self) -> StoreFuture<'_, u64> {
        Box::pin(std::future::ready(Ok(3)))
    }

    fn oldest_at(&self) -> StoreFuture<'_, Option<Timestamp>> {
        Box::pin(std::future::ready(Ok(Some(Timestamp::from_micros(-2_000_000)))))
    }

    fn drop_before(&self, _before: Timestamp, _rows_max: u32) -> StoreFuture<'_, u64> {
        Box::pin(std::future::ready(Ok(0)))
    }
}

impl Clock for Patient {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.passed_us() + self.set_us.load(Ordering::Relaxed))
    }

    fn monotonic(&self) -> Monotonic {
        Monotonic::from_micros(self.micros.load(Ordering::Relaxed))
    }

    fn uuid(&self) -> Uuid {
        Uuid::nil()
    }
}

fn health(patient: &Arc<Patient>) -> Health {
    telling(patient, &Arc::default())
}

fn telling(patient: &Arc<Patient>, faults: &Arc<Faults>) -> Health {
    Health::new(Watch {
        servers: vec![Watched {
            name: "sqlite",
            probe: Arc::clone(patient) as Arc<dyn Probe>,
            need: Need::Home,
        }],
        outbox: Arc::clone(patient) as Arc<dyn Outbox>,
        caches: Box::new(Vec::new),
        queues: Box::new(Vec::new),
        clock: Arc::clone(patient) as Arc<dyn Clock>,
        skew: ClockSkew::new(Duration::from_secs(2), Arc::clone(faults)),
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
    patient.takes_us.store(PROBE_SLOW_US + 2, Ordering::Relaxed);
    health.check().await;
    assert_eq!(state(&health), State::Degraded);
    patient.down.store(true, Ordering::Relaxed);
    assert_eq!(state(&health), State::Degraded, "asking does not check");
    health.check().await;
    assert_eq!(state(&health), State::Unhealthy);
    let report = serde_json::to_value(health.report(Timestamp::from_micros(0))).unwrap();
    assert_eq!(report["services"]["sqlite"], "unhealthy");
}

#[tokio::test]
async fn clocks_are_compared_with_half_the_round_trip_taken_off() {
    let (patient, faults) = (Arc::new(Patient::default()), Arc::new(Faults::default()));
    let told = Arc::new(Told::default());
    faults.tell_to(told.clone());
    let health = telling(&patient, &faults);
    let ahead = |health: &Health| health.details()["stores"]["sqlite"]["clock_ahead_us"].clone();
    assert_eq!(ahead(&health), Value::Null, "nothing is known yet");
    for (takes_us, ahead_us, set_us, found_us) in [
        (0, 0, 0, 0),
        (400_000, 0, 0, 0),
        (400_000, 1_999_999, 0, 1_999_999),
        // Of a difference of 2.1 s the half of an answer that took 0.4 s may be none.
        (400_000, 2_100_000, 0, 2_100_000),
        (0, 0, 2_000_000, -2_000_000_i64),
    ] {
        patient.takes_us.store(takes_us, Ordering::Relaxed);
        patient.ahead_us.store(ahead_us, Ordering::Relaxed);
        patient.set_us.store(set_us, Ordering::Relaxed);
        health.check().await;
        assert_eq!(ahead(&health), found_us);
    }
    assert!(told.0.lock().unwrap().is_empty());
    patient.set_us.store(2_000_001, Ordering::Relaxed);
    health.check().await;
    health.check().await;
    let events: Vec<&str> = told.0.lock().unwrap().iter().map(|notice| notice.event()).collect();
    assert_eq!(events, ["alert.raised"]);
    patient.down.store(true, Ordering::Relaxed);
    health.check().await;
    assert_eq!(ahead(&health), Value::Null, "a server that does not answer tells no time");
    assert_eq!(told.0.lock().unwrap().len(), 1, "it may answer again soon");
    patient.micros.fetch_add(60_000_000, Ordering::Relaxed);
    health.check().await;
    assert_eq!(told.0.lock().unwrap().last().unwrap().event(), "alert.cleared");
}

#[test]
fn one_home_that_answers_is_enough_to_decide() {
    use Need::{Help, Home};
    use State::{Degraded, Healthy, Unhealthy};
    for (servers, expected) in [
        (vec![(Home, Healthy), (Home, Healthy), (Help, Healthy)], Healthy),
        (vec![(Home, Healthy), (Home, Unhealthy)], Degraded),
        (vec![(Home, Degraded), (Home, Unhealthy)], Degraded),
        (vec![(Home, Healthy), (Help, Unhealthy)], Degraded),
        (vec![(Home, Unhealthy), (Home, Unhealthy), (Help, Healthy)], Unhealthy),
        (vec![(Help, Healthy)], Unhealthy),
    ] {
        assert_eq!(overall(servers.iter().copied()), expected, "{servers:?}");
    }
}
