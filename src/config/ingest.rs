//! Raw ingest: how much waits, how it is processed, when it is given up.

use serde::Deserialize;

use super::error::{SettingsError, within};

/// Settings of raw ingest.
#[derive(Clone, Debug, Deserialize)]
pub struct Ingest {
    /// Workers of this process; 0: it accepts and lists, and others process.
    pub workers: u64,
    /// Records that may wait to be kept.
    pub queue_max: u64,
    /// How long a caller waits for its record to be kept, in milliseconds.
    pub accept_ms: u64,
    /// Records that are processed together.
    pub batch_max: u64,
    /// How long a worker may keep what it has claimed, in milliseconds.
    pub lease_ms: u64,
    /// Attempts before a record is parked.
    pub attempts_max: u64,
    /// The pause after the first attempt, in milliseconds.
    pub retry_ms: u64,
    /// How often a worker without work looks for some, in milliseconds.
    pub poll_ms: u64,
}

impl Ingest {
    pub(super) fn check(&self) -> Result<(), SettingsError> {
        within("ingest.workers", self.workers, 0..=64)?;
        within("ingest.queue_max", self.queue_max, 1..=1_000_000)?;
        within("ingest.accept_ms", self.accept_ms, 10..=60_000)?;
        within("ingest.batch_max", self.batch_max, 1..=5_000)?;
        within("ingest.lease_ms", self.lease_ms, 100..=3_600_000)?;
        within("ingest.attempts_max", self.attempts_max, 1..=100)?;
        within("ingest.retry_ms", self.retry_ms, 1..=3_600_000)?;
        within("ingest.poll_ms", self.poll_ms, 10..=60_000)
    }
}
