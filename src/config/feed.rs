//! The live feed: how many may read it, and how much of it is kept.

use serde::Deserialize;

use super::error::{SettingsError, within};

/// Settings of the live feed.
#[derive(Clone, Debug, Deserialize)]
pub struct Feed {
    /// Readers at a time; 0: there is no feed.
    pub feeds_max: u64,
    /// Events that are kept for those who come back.
    pub kept_max: u64,
}

impl Feed {
    pub(super) fn check(&self) -> Result<(), SettingsError> {
        within("feed.feeds_max", self.feeds_max, 0..=10_000)?;
        within("feed.kept_max", self.kept_max, 1..=1_000_000)
    }
}
