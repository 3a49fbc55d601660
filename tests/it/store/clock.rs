//! A clock that tests move, and that draws ids in order.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use tollgate::app::clock::SystemClock;
use tollgate::domain::clock::Clock;
use tollgate::domain::time::{Monotonic, Timestamp};
use uuid::Uuid;

/// Noon on Friday 2026-11-20, UTC.
const START: i64 = 1_795_176_000_000_000;

/// Stands still, unless it stands beside a server, whose time can only be shifted.
pub struct TestClock {
    offset: Arc<AtomicI64>,
    drawn: AtomicU64,
    wall: Option<SystemClock>,
}

impl Default for TestClock {
    fn default() -> Self {
        Self { offset: Arc::new(AtomicI64::new(START)), drawn: AtomicU64::new(1), wall: None }
    }
}

impl TestClock {
    /// A clock that starts at the same noon and goes on as a server's does. A store that adds
    /// [`TestClock::offset`] to its server's time agrees with it, to the millisecond.
    pub fn beside_a_server() -> Self {
        let clock = Self { wall: Some(SystemClock::new()), ..Self::default() };
        clock.offset.fetch_sub(clock.wall_micros(), Ordering::SeqCst);
        clock
    }

    /// What is to be added to a server's time, in microseconds.
    pub fn offset(&self) -> Arc<AtomicI64> {
        Arc::clone(&self.offset)
    }

    pub fn pass(&self, micros: i64) {
        self.offset.fetch_add(micros, Ordering::SeqCst);
    }

    /// Whole milliseconds: some servers know no finer time, and it must not run ahead of theirs.
    fn wall_micros(&self) -> i64 {
        self.wall.map_or(0, |wall| wall.now().as_micros() / 1_000 * 1_000)
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.wall_micros() + self.offset.load(Ordering::SeqCst))
    }

    fn monotonic(&self) -> Monotonic {
        Monotonic::from_micros(0)
    }

    fn uuid(&self) -> Uuid {
        let drawn = self.drawn.fetch_add(1, Ordering::SeqCst);
        Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + u128::from(drawn))
    }
}
