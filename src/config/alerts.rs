//! When somebody is alerted: a purchase, or a stage of it, took too long; a merchant has many declines,
//! clocks differ.

use serde::Deserialize;

use super::error::{SettingsError, within};

/// Thresholds, those of times in milliseconds. Above one of them an alert is raised.
#[derive(Clone, Debug, Deserialize)]
pub struct Alerts {
    /// Total: warning.
    pub total_warning_ms: u64,
    /// Total: critical.
    pub total_critical_ms: u64,
    /// Stage 1.
    pub user_lookup_ms: u64,
    /// Stage 2.
    pub card_lookup_ms: u64,
    /// Stage 3.
    pub spending_limits_ms: u64,
    /// Stage 4, the judge alone.
    pub decision_ms: u64,
    /// So many declines at one merchant...
    pub card_testing_declines: u64,
    /// ...within so many seconds raise an alert.
    pub card_testing_window_s: u64,
    /// How far the clocks of this process and of a database may be apart.
    pub clock_skew_ms: u64,
}

impl Alerts {
    pub(super) fn check(&self) -> Result<(), SettingsError> {
        within("alerts.total_warning_ms", self.total_warning_ms, 1..=60_000)?;
        let above = self.total_warning_ms..=60_000;
        within("alerts.total_critical_ms", self.total_critical_ms, above)?;
        within("alerts.user_lookup_ms", self.user_lookup_ms, 1..=60_000)?;
        within("alerts.card_lookup_ms", self.card_lookup_ms, 1..=60_000)?;
        within("alerts.spending_limits_ms", self.spending_limits_ms, 1..=60_000)?;
        within("alerts.decision_ms", self.decision_ms, 1..=60_000)?;
        within("alerts.card_testing_declines", self.card_testing_declines, 2..=1_000)?;
        within("alerts.card_testing_window_s", self.card_testing_window_s, 1..=3_600)?;
        within("alerts.clock_skew_ms", self.clock_skew_ms, 10..=3_600_000)
    }
}
