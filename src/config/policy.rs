//! What statuses permit, how long holds and events live, what an outage is answered with.

use serde::{Deserialize, Deserializer};

use super::error::{SettingsError, choice, within};
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
    /// After how many seconds they are dropped.
    pub retention_s: u64,
}

impl Outbox {
    pub(super) fn check(&self) -> Result<(), SettingsError> {
        within("outbox.retention_s", self.retention_s, 1..=31_536_000)
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
