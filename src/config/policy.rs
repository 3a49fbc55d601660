//! What statuses permit, how long holds and events live, what an outage is answered with.

use std::time::Duration;

use serde::{Deserialize, Deserializer};

use super::error::{SettingsError, choice, within};
use super::relay::Relay;
use crate::domain::hold::HoldDays;

/// What statuses permit.
#[derive(Clone, Debug, Deserialize)]
pub struct Policy {
    /// Whether cardholders with status `LIMITED` may spend.
    pub user_limited_may_spend: bool,
    /// Whether cards with status `LIMITED` may spend.
    pub card_limited_may_spend: bool,
    /// Whether less than what is asked may be approved.
    pub partial_approval: bool,
}

/// How long holds live.
#[derive(Clone, Debug, Deserialize)]
pub struct Holds {
    /// In days, where neither the message nor the merchant's category says.
    pub days: u64,
    /// In days by merchant category, where the message does not say.
    #[serde(deserialize_with = "hold_days")]
    pub days_by_mcc: HoldDays,
    /// How often it is looked for holds that have run out, in seconds.
    pub sweep_s: u64,
}

fn hold_days<'de, D: Deserializer<'de>>(deserializer: D) -> Result<HoldDays, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(serde::de::Error::custom)
}

impl Holds {
    pub(super) fn check(&self) -> Result<(), SettingsError> {
        within("holds.days", self.days, 1..=365)?;
        within("holds.sweep_s", self.sweep_s, 1..=3_600)
    }
}

/// Events that no relay has taken yet.
#[derive(Clone, Debug, Deserialize)]
pub struct Outbox {
    /// After how many seconds they are dropped where nobody relays; 0: never.
    pub retention_s: u64,
}

impl Outbox {
    pub(super) fn check(&self) -> Result<(), SettingsError> {
        within("outbox.retention_s", self.retention_s, 0..=31_536_000)
    }

    /// After how long events are dropped that no relay has taken. `None`: they wait for as long as it
    /// takes. So they do wherever relays are at work, whatever is set.
    pub fn drop_after(&self, relay: &Relay) -> Option<Duration> {
        let drops = self.retention_s > 0 && !relay.enabled;
        drops.then(|| Duration::from_secs(self.retention_s))
    }
}

choice! {
    /// What the JIT door answers when nothing can be decided.
    OutageAnswer {
        /// 402, which the platform respects.
        Decline => "decline",
        /// 503: the platform's own stand-in may act.
        Error => "error",
    }
}

/// What happens while nothing can be decided.
#[derive(Clone, Debug, Deserialize)]
pub struct Outage {
    /// The answer at the JIT door.
    pub answer: OutageAnswer,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_dropped_only_where_that_is_asked_for_and_nobody_relays() {
        let relay =
            |enabled| Relay { enabled, count: 1, batch_max: 1, idle_ms: 1, lease_ms: 1_000 };
        let drop_after = |retention_s, enabled| Outbox { retention_s }.drop_after(&relay(enabled));
        assert_eq!(drop_after(0, false), None);
        assert_eq!(drop_after(0, true), None);
        assert_eq!(drop_after(60, true), None);
        assert_eq!(drop_after(60, false), Some(Duration::from_secs(60)));
    }
}
