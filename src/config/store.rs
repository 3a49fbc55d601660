//! Servers for the stores. A URL selects the server; without one, the embedded store does its work.

use std::path::PathBuf;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::error::{SettingsError, within};
use super::unset::{path_or_unset, secret_or_unset};

/// Schemes of PostgreSQL's URLs.
const POSTGRES: [&str; 2] = ["postgres", "postgresql"];

/// Servers of the money homes.
#[derive(Clone, Debug, Deserialize)]
pub struct Store {
    /// Company accounts.
    pub postgres: Postgres,
    /// Personal wallets.
    pub mongodb: Mongodb,
}

/// Settings of the business store.
#[derive(Clone, Debug, Deserialize)]
pub struct Postgres {
    /// `postgres://user:password@host:port/database`; `None`: the embedded store.
    #[serde(deserialize_with = "secret_or_unset")]
    pub url: Option<SecretString>,
    /// The same for the owner of the tables; `None`: the service's own role, where it may.
    #[serde(deserialize_with = "secret_or_unset")]
    pub migrate_url: Option<SecretString>,
    /// Certificates in PEM of who may vouch for the server; `None`: those that everybody trusts.
    #[serde(deserialize_with = "path_or_unset")]
    pub ca_path: Option<PathBuf>,
    /// Connections for lookups and resources that are kept open.
    pub pool_min: u64,
    /// Connections for lookups and resources at most. Lanes have their own.
    pub pool_max: u64,
    /// How long a call waits for a connection, in milliseconds.
    pub acquire_ms: u64,
    /// How long one statement outside the lanes may take, in milliseconds.
    pub statement_ms: u64,
    /// A connection is closed after so many seconds without work.
    pub idle_s: u64,
    /// Whether a server may be used that acknowledges commits before they are on disk.
    pub allow_unsafe_commit: bool,
}

/// Settings of the personal store.
#[derive(Clone, Debug, Deserialize)]
pub struct Mongodb {
    /// `mongodb://host:port/database?replicaSet=…`; `None`: the embedded store.
    #[serde(deserialize_with = "secret_or_unset")]
    pub url: Option<SecretString>,
    /// Certificates in PEM of who may vouch for the server; `None`: those that everybody trusts.
    #[serde(deserialize_with = "path_or_unset")]
    pub ca_path: Option<PathBuf>,
    /// Connections that are kept open.
    pub pool_min: u64,
    /// Connections at most.
    pub pool_max: u64,
    /// How long a call waits for a server that can take it, in milliseconds.
    pub server_selection_ms: u64,
    /// How long one call may take, in milliseconds: the driver has no limit of its own.
    pub call_ms: u64,
}

impl Store {
    pub(super) fn check(&self) -> Result<(), SettingsError> {
        let Self { postgres, mongodb } = self;
        scheme("store.postgres.url", &postgres.url, &POSTGRES)?;
        scheme("store.postgres.migrate_url", &postgres.migrate_url, &POSTGRES)?;
        if postgres.url.is_none() && postgres.migrate_url.is_some() {
            let expected = "set together with store.postgres.migrate_url";
            return Err(SettingsError::value("store.postgres.url", expected));
        }
        within("store.postgres.pool_max", postgres.pool_max, 1..=1_000)?;
        within("store.postgres.pool_min", postgres.pool_min, 0..=postgres.pool_max)?;
        within("store.postgres.acquire_ms", postgres.acquire_ms, 10..=60_000)?;
        within("store.postgres.statement_ms", postgres.statement_ms, 100..=600_000)?;
        within("store.postgres.idle_s", postgres.idle_s, 1..=86_400)?;
        scheme("store.mongodb.url", &mongodb.url, &["mongodb", "mongodb+srv"])?;
        within("store.mongodb.pool_max", mongodb.pool_max, 1..=1_000)?;
        within("store.mongodb.pool_min", mongodb.pool_min, 0..=mongodb.pool_max)?;
        within("store.mongodb.server_selection_ms", mongodb.server_selection_ms, 10..=60_000)?;
        within("store.mongodb.call_ms", mongodb.call_ms, 100..=600_000)
    }
}

/// Refuses a URL of another kind of server. The rest of it is for the driver to judge.
pub(super) fn scheme(
    key: &str,
    url: &Option<SecretString>,
    schemes: &[&str],
) -> Result<(), SettingsError> {
    let Some(url) = url else { return Ok(()) };
    let found = url.expose_secret().split_once("://");
    if found.is_some_and(|(scheme, rest)| schemes.contains(&scheme) && !rest.is_empty()) {
        return Ok(());
    }
    Err(SettingsError::value(key, format!("a URL that begins with {}://", schemes[0])))
}
