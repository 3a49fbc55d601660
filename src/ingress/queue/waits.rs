//! How many requests wait for a store that does not answer: half of those that may be at work. The other
//! half is for a home whose store does.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Places to wait at, for all consumers of a queue.
pub struct Waits(Arc<Semaphore>);

/// A place, until it is dropped.
pub(super) type Wait = OwnedSemaphorePermit;

impl Waits {
    /// Of so many that may be at work.
    pub fn of(at_work_max: u64) -> Self {
        let places = usize::try_from(at_work_max / 2).unwrap_or(Semaphore::MAX_PERMITS);
        Self(Arc::new(Semaphore::new(places.clamp(1, Semaphore::MAX_PERMITS))))
    }

    /// A place, if one is free. Nobody waits for one.
    pub(super) fn begin(&self) -> Option<Wait> {
        Arc::clone(&self.0).try_acquire_owned().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(at_work_max: u64, expected: usize) {
        let waits = Waits::of(at_work_max);
        let mut waiting: Vec<Wait> = std::iter::from_fn(|| waits.begin()).collect();
        assert_eq!(waiting.len(), expected, "of {at_work_max}");
        waiting.pop();
        assert!(waits.begin().is_some(), "one has gone");
    }

    #[test]
    fn half_of_what_is_at_work_may_wait_and_one_always() {
        check(512, 256);
        check(5, 2);
        check(1, 1);
        check(0, 1);
    }
}
