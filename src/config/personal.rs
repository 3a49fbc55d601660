//! Personal fields: the keys that they are sealed with.

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::error::SettingsError;
use super::unset::secret_or_unset;

/// Settings of personal fields.
#[derive(Clone, Debug, Deserialize)]
pub struct Personal {
    /// The key that seals, 32 bytes in base64; `None`: generated at first start.
    #[serde(deserialize_with = "secret_or_unset")]
    pub key: Option<SecretString>,
    /// Keys before it, separated by commas: they still open what they have sealed.
    #[serde(deserialize_with = "secret_or_unset")]
    pub previous_keys: Option<SecretString>,
    /// Whether what was kept before there was a key is sealed at a start. Every instance must be able to open
    /// it by then.
    pub seal_plain: bool,
}

impl Personal {
    /// Whether something may have to be sealed that is there already.
    pub const fn must_seal_anew(&self) -> bool {
        self.seal_plain || self.previous_keys.is_some()
    }

    /// The keys before, one by one.
    pub fn previous(&self) -> Vec<SecretString> {
        let all = self.previous_keys.as_ref().map_or("", |keys| keys.expose_secret());
        let each = all.split(',').map(str::trim).filter(|key| !key.is_empty());
        each.map(SecretString::from).collect()
    }

    pub(super) fn check(&self) -> Result<(), SettingsError> {
        const EXPECTED: &str = "32 bytes in base64";
        if self.key.as_ref().is_some_and(|key| !super::webhooks::is_key(key)) {
            return Err(SettingsError::value("personal.key", EXPECTED));
        }
        if !self.previous().iter().all(super::webhooks::is_key) {
            return Err(SettingsError::value("personal.previous_keys", EXPECTED));
        }
        Ok(())
    }
}
