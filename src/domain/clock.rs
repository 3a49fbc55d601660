//! The clock that everyone but `app` is handed: wall time, a monotonic reading, and fresh ids.

use uuid::Uuid;

use super::time::{Monotonic, Timestamp};

/// Source of time and ids. Tests inject their own.
pub trait Clock: Send + Sync {
    /// Wall time, for facts. Never for measuring how long something took.
    fn now(&self) -> Timestamp;

    /// A reading that only grows, for deadlines and durations.
    fn monotonic(&self) -> Monotonic;

    /// A fresh, time-ordered UUIDv7.
    fn uuid(&self) -> Uuid;
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

    use super::*;

    /// A clock that stands still, unless somebody sets it. Its ids are all nil.
    #[derive(Default)]
    pub(crate) struct StillClock {
        pub now_us: AtomicI64,
        pub monotonic_us: AtomicU64,
    }

    impl StillClock {
        /// Wall time is this.
        pub(crate) fn at(now_us: i64) -> Self {
            Self { now_us: now_us.into(), ..Self::default() }
        }
    }

    impl Clock for StillClock {
        fn now(&self) -> Timestamp {
            Timestamp::from_micros(self.now_us.load(Ordering::SeqCst))
        }

        fn monotonic(&self) -> Monotonic {
            Monotonic::from_micros(self.monotonic_us.load(Ordering::SeqCst))
        }

        fn uuid(&self) -> Uuid {
            Uuid::nil()
        }
    }
}
