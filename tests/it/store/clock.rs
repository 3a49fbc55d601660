//! A clock that tests move, and that draws ids in order.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use tollgate::domain::clock::Clock;
use tollgate::domain::time::{Monotonic, Timestamp};
use uuid::Uuid;

/// Noon on Friday 2026-11-20, UTC.
const START: i64 = 1_795_176_000_000_000;

pub struct TestClock {
    now: AtomicI64,
    drawn: AtomicU64,
}

impl Default for TestClock {
    fn default() -> Self {
        Self { now: AtomicI64::new(START), drawn: AtomicU64::new(1) }
    }
}

impl TestClock {
    pub fn pass(&self, micros: i64) {
        self.now.fetch_add(micros, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.now.load(Ordering::SeqCst))
    }

    fn monotonic(&self) -> Monotonic {
        Monotonic::from_micros(0)
    }

    fn uuid(&self) -> Uuid {
        let drawn = self.drawn.fetch_add(1, Ordering::SeqCst);
        Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + u128::from(drawn))
    }
}
