//! Notifications of the card platform: who may send them, how they are kept and worked.

use std::str::FromStr;

use ipnet::IpNet;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer};

use super::error::{SettingsError, within};
use super::unset::{networks, secret_or_unset, text_or_unset};
use crate::domain::id::CompanyId;

/// Settings of the notifications.
#[derive(Clone, Debug, Deserialize)]
pub struct Webhooks {
    /// Basic user name; `None`: the credentials of the JIT door.
    #[serde(deserialize_with = "text_or_unset")]
    pub username: Option<String>,
    /// Basic password.
    #[serde(deserialize_with = "secret_or_unset")]
    pub password: Option<SecretString>,
    /// The user name before, while rotating.
    #[serde(deserialize_with = "text_or_unset")]
    pub previous_username: Option<String>,
    /// The password before, while rotating.
    #[serde(deserialize_with = "secret_or_unset")]
    pub previous_password: Option<SecretString>,
    /// How bodies are signed.
    pub signature: Signature,
    /// From where notifications may come.
    pub address: Address,
    /// How they are kept.
    pub storage: Storage,
    /// The company of cards and cardholders that nobody knows; `None`: their notifications are parked.
    #[serde(deserialize_with = "parsed_or_unset")]
    pub unknown_company: Option<CompanyId>,
    /// Whether this process applies what is kept.
    pub worker: bool,
    /// How many are applied at a time, whether the queue has delivered them or the worker has found them.
    pub workers: u64,
    /// How long one is left to the queue before a worker takes it without, in milliseconds.
    pub sweep_after_ms: u64,
}

/// How bodies are signed.
#[derive(Clone, Debug, Deserialize)]
pub struct Signature {
    /// The secret; `None`: bodies need no signature.
    #[serde(deserialize_with = "secret_or_unset")]
    pub secret: Option<SecretString>,
    /// The secret before, while rotating.
    #[serde(deserialize_with = "secret_or_unset")]
    pub previous_secret: Option<SecretString>,
    /// Whether SHA-1 is accepted beside SHA-256.
    pub accept_sha1: bool,
    /// A header with the time, where the sender signs it too.
    #[serde(deserialize_with = "text_or_unset")]
    pub timestamp_header: Option<String>,
}

/// From where notifications may come.
#[derive(Clone, Debug, Deserialize)]
pub struct Address {
    /// Networks; none: from everywhere.
    #[serde(deserialize_with = "networks")]
    pub allowed: Vec<IpNet>,
    /// Networks of proxies whose `X-Forwarded-For` counts.
    #[serde(deserialize_with = "networks")]
    pub proxies: Vec<IpNet>,
}

/// How notifications are kept.
#[derive(Clone, Debug, Deserialize)]
pub struct Storage {
    /// The key that they are sealed with, 32 bytes in base64; `None`: generated at first start.
    #[serde(deserialize_with = "secret_or_unset")]
    pub key: Option<SecretString>,
    /// The key before, while rotating.
    #[serde(deserialize_with = "secret_or_unset")]
    pub previous_key: Option<SecretString>,
    /// After how many days what is done is forgotten.
    pub retention_days: u64,
}

impl Webhooks {
    pub(super) fn check(&self) -> Result<(), SettingsError> {
        pair("webhooks.username", &self.username, &self.password)?;
        pair("webhooks.previous_username", &self.previous_username, &self.previous_password)?;
        for (key, name) in [
            ("webhooks.username", &self.username),
            ("webhooks.previous_username", &self.previous_username),
        ] {
            if name.as_ref().is_some_and(|name| name.contains(':')) {
                return Err(SettingsError::value(key, "a name without a colon"));
            }
        }
        if self.signature.previous_secret.is_some() && self.signature.secret.is_none() {
            let key = "webhooks.signature.previous_secret";
            return Err(SettingsError::value(key, "set together with webhooks.signature.secret"));
        }
        let token = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        if self.signature.timestamp_header.as_ref().is_some_and(|name| !name.bytes().all(token)) {
            let key = "webhooks.signature.timestamp_header";
            return Err(SettingsError::value(key, "the name of an HTTP header"));
        }
        for (key, secret) in [
            ("webhooks.storage.key", &self.storage.key),
            ("webhooks.storage.previous_key", &self.storage.previous_key),
        ] {
            if secret.as_ref().is_some_and(|secret| !is_key(secret)) {
                return Err(SettingsError::value(key, "32 bytes in base64"));
            }
        }
        within("webhooks.storage.retention_days", self.storage.retention_days, 17..=3_650)?;
        within("webhooks.workers", self.workers, 1..=256)?;
        within("webhooks.sweep_after_ms", self.sweep_after_ms, 100..=600_000)
    }
}

fn pair(
    key: &str,
    name: &Option<String>,
    password: &Option<SecretString>,
) -> Result<(), SettingsError> {
    if name.is_some() == password.is_some() {
        return Ok(());
    }
    Err(SettingsError::value(key, "set together with its password"))
}

/// 32 bytes are 44 characters of base64.
pub(super) fn is_key(secret: &SecretString) -> bool {
    let text = secret.expose_secret();
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"+/".contains(&byte);
    text.len() == 44 && text.strip_suffix('=').is_some_and(|rest| rest.bytes().all(legal))
}

fn parsed_or_unset<'de, T: FromStr, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    let parsed = text_or_unset(deserializer)?.map(|text| text.parse());
    parsed.transpose().map_err(|_| serde::de::Error::custom("the id of a company (cmp_…)"))
}
