//! The lanes: how much one takes on, and when it counts as stalled.

use serde::Deserialize;

use super::error::{SettingsError, within};

/// Settings of the lanes.
#[derive(Clone, Debug, Deserialize)]
pub struct Lane {
    /// Lanes of each home on a server; 0: one per core. The embedded store has one lane.
    pub count: u64,
    /// Intents that one transaction settles at most.
    pub batch_max: u64,
    /// Intents that may wait before a lane sheds.
    pub queue_max: u64,
    /// How long a batch may run before its lane counts as stalled, in milliseconds.
    pub stall_ms: u64,
}

impl Lane {
    pub(super) fn check(&self, deadline_ms: u64) -> Result<(), SettingsError> {
        within("lane.count", self.count, 0..=64)?;
        within("lane.batch_max", self.batch_max, 1..=4_096)?;
        within("lane.queue_max", self.queue_max, self.batch_max..=1_000_000)?;
        within("lane.stall_ms", self.stall_ms, 10..=deadline_ms)
    }
}
