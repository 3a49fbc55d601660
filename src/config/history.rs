//! History: how much of it is kept.

use std::time::Duration;

use serde::Deserialize;

use super::error::{SettingsError, within};

/// The platform may repeat itself, and purchases be cleared, for about a month.
const DAYS_MIN: u64 = 35;

/// Settings of history.
#[derive(Clone, Debug, Deserialize)]
pub struct History {
    /// After how many days checks and stage times of a decision go; 0: never.
    pub retention_days: u64,
}

impl History {
    pub(super) fn check(&self) -> Result<(), SettingsError> {
        match self.retention_days {
            0 => Ok(()),
            days => within("history.retention_days", days, DAYS_MIN..=36_500),
        }
    }

    /// How long checks and stage times are kept; `None`: for ever.
    pub fn retention(&self) -> Option<Duration> {
        let days = self.retention_days;
        (days > 0).then(|| Duration::from_secs(days.saturating_mul(86_400)))
    }
}
