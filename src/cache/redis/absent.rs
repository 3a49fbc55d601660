//! Keys that the server has nothing under, or said nothing of, remembered for a moment.

use std::time::Duration;

use quick_cache::sync::Cache;
use tokio::time::Instant;

/// Long enough that the lookups of one purchase do not ask again one by one; forgetting it only costs
/// time.
const ABSENT_FOR: Duration = Duration::from_millis(200);

/// Keys that are remembered at most.
const ABSENT_MAX: usize = 10_000;

/// Until when keys are remembered.
pub(super) struct Absent(Cache<String, Instant>);

impl Absent {
    pub(super) fn new() -> Self {
        Self(Cache::new(ABSENT_MAX))
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.0.get(key).is_some_and(|until| Instant::now() < until)
    }

    pub(super) fn remember(&self, key: String) {
        self.0.insert(key, Instant::now() + ABSENT_FOR);
    }
}
