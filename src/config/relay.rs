//! Relays: who takes events from the outbox to the broker, and how.

use serde::Deserialize;

use super::error::{SettingsError, within};

/// Settings of the relays.
#[derive(Clone, Debug, Deserialize)]
pub struct Relay {
    /// Whether this process relays at all.
    pub enabled: bool,
    /// Relays of each home, at work at the same time.
    pub count: u64,
    /// Events that one relay publishes at a time.
    pub batch_max: u64,
    /// How long after it had nothing more to do a relay looks again, in milliseconds; up to eight times
    /// as long while nothing comes.
    pub idle_ms: u64,
    /// How long a relay that has died keeps its shards, in milliseconds.
    pub lease_ms: u64,
}

impl Relay {
    pub(super) fn check(&self) -> Result<(), SettingsError> {
        within("relay.count", self.count, 1..=16)?;
        within("relay.batch_max", self.batch_max, 1..=10_000)?;
        within("relay.idle_ms", self.idle_ms, 1..=10_000)?;
        within("relay.lease_ms", self.lease_ms, 1_000..=300_000)
    }
}
