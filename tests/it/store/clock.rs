//! A clock that tests move, and that draws ids in order.

use std::any::Any;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use tollgate::domain::clock::Clock;
use tollgate::domain::time::{Monotonic, Timestamp};
use uuid::Uuid;

/// Noon on Friday 2026-11-20, UTC.
const START: i64 = 1_795_176_000_000_000;

/// `offset` goes with it: a server's own time, put off by so much, starts at the same moment.
pub struct TestClock {
    now: AtomicI64,
    offset: Arc<AtomicI64>,
    drawn: AtomicU64,
    kept: Mutex<Vec<Box<dyn Any + Send>>>,
}

impl Default for TestClock {
    fn default() -> Self {
        Self {
            now: AtomicI64::new(START),
            offset: Arc::default(),
            drawn: AtomicU64::new(1),
            kept: Mutex::default(),
        }
    }
}

impl TestClock {
    pub fn pass(&self, micros: i64) {
        self.now.fetch_add(micros, Ordering::SeqCst);
        self.offset.fetch_add(micros, Ordering::SeqCst);
    }

    /// What is added to the time of a server whose clock says `now_us`.
    pub fn follow(&self, now_us: i64) -> Arc<AtomicI64> {
        self.offset.store(self.now().as_micros() - now_us, Ordering::SeqCst);
        Arc::clone(&self.offset)
    }

    /// Drops this with the clock: a database that a test has for itself.
    pub fn keep(&self, guard: impl Any + Send) {
        self.kept.lock().unwrap().push(Box::new(guard));
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
