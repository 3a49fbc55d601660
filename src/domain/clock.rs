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
