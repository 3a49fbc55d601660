//! Who may come in: the admin key, and the card platform's credentials.

use std::net::SocketAddr;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer};

use super::error::{SettingsError, within};
use super::http::parse_address;
use super::unset::{secret_or_unset, text_or_unset};

/// Access to the REST routes, and where those who watch the process look.
#[derive(Clone, Debug, Deserialize)]
pub struct Admin {
    /// Address and port of the metrics; `None`: nowhere. Port 0 takes a free one.
    #[serde(deserialize_with = "address_or_unset")]
    pub listen: Option<SocketAddr>,
    /// The bearer key; `None`: generated at first start.
    #[serde(deserialize_with = "secret_or_unset")]
    pub key: Option<SecretString>,
}

/// Access to the JIT door, and how long a decision may take there.
#[derive(Clone, Debug, Deserialize)]
pub struct Jit {
    /// Basic user name; `None`: generated at first start.
    #[serde(deserialize_with = "text_or_unset")]
    pub username: Option<String>,
    /// Basic password; `None`: generated at first start.
    #[serde(deserialize_with = "secret_or_unset")]
    pub password: Option<SecretString>,
    /// The user name before, while rotating.
    #[serde(deserialize_with = "text_or_unset")]
    pub previous_username: Option<String>,
    /// The password before, while rotating.
    #[serde(deserialize_with = "secret_or_unset")]
    pub previous_password: Option<SecretString>,
    /// How long a decision may take from the complete header, in milliseconds.
    pub deadline_ms: u64,
    /// How old a request of the queue may be, in milliseconds, before it is answered as late.
    pub queue_deadline_ms: u64,
    /// A custom header that must accompany the credentials.
    pub header: JitHeader,
}

/// The custom header of the JIT door; both or neither are set.
#[derive(Clone, Debug, Deserialize)]
pub struct JitHeader {
    /// Its name.
    #[serde(deserialize_with = "text_or_unset")]
    pub name: Option<String>,
    /// The value it must have.
    #[serde(deserialize_with = "secret_or_unset")]
    pub value: Option<SecretString>,
}

impl Jit {
    pub(super) fn check(&self) -> Result<(), SettingsError> {
        within("jit.deadline_ms", self.deadline_ms, 50..=7_000)?;
        within("jit.queue_deadline_ms", self.queue_deadline_ms, 50..=600_000)?;
        for (key, name) in
            [("jit.username", &self.username), ("jit.previous_username", &self.previous_username)]
        {
            if name.as_ref().is_some_and(|name| name.contains(':')) {
                return Err(SettingsError::value(key, "a name without a colon"));
            }
        }
        if self.previous_username.is_some() != self.previous_password.is_some() {
            return Err(SettingsError::value(
                "jit.previous_username",
                "set together with jit.previous_password",
            ));
        }
        self.header.check()
    }
}

impl JitHeader {
    fn check(&self) -> Result<(), SettingsError> {
        if self.name.is_some() != self.value.is_some() {
            return Err(SettingsError::value(
                "jit.header.name",
                "set together with jit.header.value",
            ));
        }
        let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if self.name.as_ref().is_some_and(|name| !name.bytes().all(token)) {
            return Err(SettingsError::value("jit.header.name", "the name of an HTTP header"));
        }
        let visible = |byte: u8| (0x20..0x7f).contains(&byte);
        if self.value.as_ref().is_some_and(|value| !value.expose_secret().bytes().all(visible)) {
            return Err(SettingsError::value("jit.header.value", "visible ASCII characters"));
        }
        Ok(())
    }
}

fn address_or_unset<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<SocketAddr>, D::Error> {
    text_or_unset(deserializer)?.map(|text| parse_address(&text)).transpose()
}
