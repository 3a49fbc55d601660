//! Tiers of people whose identity has been checked.

use serde::{Deserialize, Deserializer};

use crate::domain::kyc::Tiers;

/// Know your customer.
#[derive(Clone, Debug, Deserialize)]
pub struct Kyc {
    /// What each tier may spend a month.
    #[serde(deserialize_with = "tiers")]
    pub tiers: Tiers,
}

fn tiers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Tiers, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(serde::de::Error::custom)
}
