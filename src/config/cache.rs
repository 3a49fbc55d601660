//! The cache of policy facts: where, how much, how long.

use serde::Deserialize;

use super::error::{SettingsError, choice, within};

choice! {
    /// Where policy facts are kept between purchases.
    CacheKind {
        /// In this process.
        Memory => "memory",
        /// Nowhere: every lookup asks the store.
        Off => "off",
    }
}

/// Settings of the cache.
#[derive(Clone, Debug, Deserialize)]
pub struct Cache {
    /// Where.
    pub kind: CacheKind,
    /// Entries of each kind at most.
    pub entries_max: u64,
    /// How long users are kept, in seconds.
    pub user_ttl_s: u64,
    /// How long cards are kept, in seconds.
    pub card_ttl_s: u64,
    /// How long a card's limits and controls are kept, in seconds.
    pub limits_ttl_s: u64,
}

impl Cache {
    pub(super) fn check(&self) -> Result<(), SettingsError> {
        within("cache.entries_max", self.entries_max, 1..=10_000_000)?;
        // Floors against stale fills live two hours: no entry may outlive them.
        within("cache.user_ttl_s", self.user_ttl_s, 1..=3_600)?;
        within("cache.card_ttl_s", self.card_ttl_s, 1..=3_600)?;
        within("cache.limits_ttl_s", self.limits_ttl_s, 1..=3_600)
    }
}
