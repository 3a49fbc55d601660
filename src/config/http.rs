//! The HTTP door: where it listens and how long it waits.

use std::net::SocketAddr;

use serde::{Deserialize, Deserializer};

use super::error::{SettingsError, within};

/// Settings of the HTTP door.
#[derive(Clone, Debug, Deserialize)]
pub struct Http {
    /// Address and port; port 0 takes a free one.
    #[serde(deserialize_with = "address")]
    pub listen: SocketAddr,
    /// How long a new connection or a begun header may take, in milliseconds.
    pub header_timeout_ms: u64,
    /// How long a body may take after its header, in milliseconds.
    pub body_timeout_ms: u64,
    /// How long a kept-alive connection may be silent, in milliseconds.
    pub idle_timeout_ms: u64,
    /// Open connections at most.
    pub connections_max: u64,
    /// Bytes of one bulk load at most.
    pub import_bytes_max: u64,
    /// How long the door still accepts after SIGTERM, in milliseconds.
    pub drain_ms: u64,
}

impl Http {
    pub(super) fn check(&self) -> Result<(), SettingsError> {
        within("http.header_timeout_ms", self.header_timeout_ms, 50..=60_000)?;
        within("http.body_timeout_ms", self.body_timeout_ms, 50..=60_000)?;
        within("http.idle_timeout_ms", self.idle_timeout_ms, 50..=3_600_000)?;
        within("http.connections_max", self.connections_max, 1..=1_000_000)?;
        within("http.import_bytes_max", self.import_bytes_max, 65_536..=17_179_869_184)?;
        within("http.drain_ms", self.drain_ms, 0..=20_000)
    }
}

fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SocketAddr, D::Error> {
    parse_address(&String::deserialize(deserializer)?)
}

/// An address, or what one looks like.
pub(super) fn parse_address<E: serde::de::Error>(text: &str) -> Result<SocketAddr, E> {
    let expected = "an address with a port, such as 127.0.0.1:3000";
    text.parse().map_err(|_| E::custom(expected))
}
