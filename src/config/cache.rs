//! The cache of policy facts and processed transactions: where, how much, how long.

use std::path::PathBuf;

use secrecy::SecretString;
use serde::Deserialize;

use super::error::{SettingsError, choice, within};
use super::store::scheme;
use super::unset::{path_or_unset, secret_or_unset};

/// Schemes of Redis's URLs, and of those who speak as it does.
const REDIS: [&str; 7] =
    ["redis", "rediss", "valkey", "valkeys", "redis+unix", "valkey+unix", "unix"];

choice! {
    /// Where policy facts are kept between purchases, and transactions between readings.
    CacheKind {
        /// In this process.
        Memory => "memory",
        /// Nowhere: every lookup asks the store.
        Off => "off",
    }
}

/// Settings of the cache.
#[derive(Clone, Debug, Deserialize)]
pub struct Cache {
    /// Where.
    pub kind: CacheKind,
    /// Entries of each kind at most.
    pub entries_max: u64,
    /// How long users are kept, in seconds.
    pub user_ttl_s: u64,
    /// How long cards are kept, in seconds.
    pub card_ttl_s: u64,
    /// How long a card's limits and controls are kept, in seconds.
    pub limits_ttl_s: u64,
    /// How long processed transactions are kept, in seconds.
    pub transaction_ttl_s: u64,
    /// The level behind the memory, shared by all instances.
    pub redis: Redis,
}

/// Settings of the shared level.
#[derive(Clone, Debug, Deserialize)]
pub struct Redis {
    /// `redis://:password@host:port/database`, or `unix:///socket?pass=password`; `None`: the memory is the
    /// only level.
    #[serde(deserialize_with = "secret_or_unset")]
    pub url: Option<SecretString>,
    /// Certificates in PEM of who may vouch for the server; `None`: those that everybody trusts.
    #[serde(deserialize_with = "path_or_unset")]
    pub ca_path: Option<PathBuf>,
    /// What every key begins with, so that programs can share a server.
    pub prefix: String,
    /// How long connecting may take, in milliseconds.
    pub connect_ms: u64,
    /// How long a lookup waits for the server before it goes on without it, in milliseconds.
    pub budget_ms: u64,
    /// How long what the server has is kept in memory, in seconds.
    pub memory_ttl_s: u64,
}

impl Cache {
    pub(super) fn check(&self) -> Result<(), SettingsError> {
        within("cache.entries_max", self.entries_max, 1..=10_000_000)?;
        // Floors against stale fills live two hours: no entry may outlive them.
        within("cache.user_ttl_s", self.user_ttl_s, 1..=3_600)?;
        within("cache.card_ttl_s", self.card_ttl_s, 1..=3_600)?;
        within("cache.limits_ttl_s", self.limits_ttl_s, 1..=3_600)?;
        within("cache.transaction_ttl_s", self.transaction_ttl_s, 1..=3_600)?;
        let redis = &self.redis;
        scheme("cache.redis.url", &redis.url, &REDIS)?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-:.".contains(&byte);
        if redis.prefix.len() > 64 || !redis.prefix.bytes().all(plain) {
            let expected = "at most 64 letters, digits, and _ - : .";
            return Err(SettingsError::value("cache.redis.prefix", expected));
        }
        within("cache.redis.connect_ms", redis.connect_ms, 10..=60_000)?;
        within("cache.redis.budget_ms", redis.budget_ms, 1..=1_000)?;
        within("cache.redis.memory_ttl_s", redis.memory_ttl_s, 1..=3_600)
    }
}
