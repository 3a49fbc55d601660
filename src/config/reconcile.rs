//! Reconciliation with the card platform's list of transactions.

use secrecy::SecretString;
use serde::Deserialize;

use super::error::{SettingsError, within};
use super::unset::{secret_or_unset, text_or_unset};

/// Settings of reconciliation.
#[derive(Clone, Debug, Deserialize)]
pub struct Reconcile {
    /// The platform's API (`https://host/v3`); `None`: the service does not reconcile by itself.
    #[serde(deserialize_with = "text_or_unset")]
    pub platform: Option<String>,
    /// Its application token.
    #[serde(deserialize_with = "text_or_unset")]
    pub application: Option<String>,
    /// Its access token.
    #[serde(deserialize_with = "secret_or_unset")]
    pub access: Option<SecretString>,
    /// The hour of the day, UTC, at which the service does it.
    pub hour: u64,
    /// How many days back purchases are compared.
    pub days: u64,
}

impl Reconcile {
    pub(super) fn check(&self) -> Result<(), SettingsError> {
        let http = |url: &String| url.starts_with("https://") || url.starts_with("http://");
        if !self.platform.as_ref().is_none_or(http) {
            let expected = "a URL such as https://host/v3";
            return Err(SettingsError::value("reconcile.platform", expected));
        }
        within("reconcile.hour", self.hour, 0..=23)?;
        within("reconcile.days", self.days, 1..=365)
    }
}
