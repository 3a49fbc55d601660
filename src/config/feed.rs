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
    /// Feeds must leave connections to others.
    pub(super) fn check(&self, connections_max: u64) -> Result<(), SettingsError> {
        within("feed.feeds_max", self.feeds_max, 0..=10_000)?;
        if self.feeds_max > connections_max / 2 {
            let half = "at most half of http.connections_max";
            return Err(SettingsError::value("feed.feeds_max", half));
        }
        within("feed.kept_max", self.kept_max, 1..=1_000_000)
    }
}
