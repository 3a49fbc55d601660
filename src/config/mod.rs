//! Typed settings, one file per concern. Defaults are compiled in; a file and the environment
//! override them; a key that nobody knows is an error.

pub mod access;
pub mod alerts;
pub mod broker;
pub mod cache;
pub mod feed;
pub mod gate;
pub mod history;
pub mod http;
pub mod ingest;
pub mod kyc;
pub mod lane;
pub mod log;
pub mod personal;
pub mod policy;
pub mod reconcile;
pub mod relay;
pub mod store;
pub mod webhooks;

mod error;
mod link;
mod links;
mod production;
mod sources;
#[cfg(test)]
mod tests;
mod unset;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;

pub use error::SettingsError;

use access::{Admin, Jit};
use alerts::Alerts;
use broker::Broker;
use cache::Cache;
use feed::Feed;
use gate::Access;
use history::History;
use http::Http;
use ingest::Ingest;
use kyc::Kyc;
use lane::Lane;
use log::Log;
use personal::Personal;
use policy::{Holds, Outage, Outbox, Policy};
use reconcile::Reconcile;
use relay::Relay;
use store::Store;
use webhooks::Webhooks;

/// Everything that can be set.
#[derive(Clone, Debug, Deserialize)]
pub struct Settings {
    /// Where the embedded store and the generated secrets live.
    pub data_dir: PathBuf,
    /// Whether the production profile takes servers on other machines without TLS.
    pub allow_plain_links: bool,
    /// The HTTP door.
    pub http: Http,
    /// Access to the REST routes.
    pub admin: Admin,
    /// Callers of the REST routes.
    pub access: Access,
    /// Access to the JIT door, and its deadline.
    pub jit: Jit,
    /// What the card platform notifies of.
    pub webhooks: Webhooks,
    /// How personal fields are kept.
    pub personal: Personal,
    /// What an outage is answered with.
    pub outage: Outage,
    /// The lanes.
    pub lane: Lane,
    /// What statuses permit.
    pub policy: Policy,
    /// How long holds live.
    pub holds: Holds,
    /// What people may spend whose identity has been checked.
    pub kyc: Kyc,
    /// Servers of the money homes.
    pub store: Store,
    /// The cache of policy facts.
    pub cache: Cache,
    /// The message broker.
    pub broker: Broker,
    /// Transactions that programs report.
    pub ingest: Ingest,
    /// Reconciliation with the card platform.
    pub reconcile: Reconcile,
    /// How much of history is kept.
    pub history: History,
    /// The live feed.
    pub feed: Feed,
    /// Events that wait.
    pub outbox: Outbox,
    /// Who takes them to the broker.
    pub relay: Relay,
    /// When to raise an alert.
    pub alerts: Alerts,
    /// Logs.
    pub log: Log,
}

impl Settings {
    /// Reads the settings of this process: defaults, `config/{TOLLGATE_ENV}.toml`, environment.
    /// Fails with one line that names the key at fault and the cure.
    pub fn load() -> Result<Self, SettingsError> {
        sources::read(Path::new("config"), std::env::vars_os())
    }

    /// The defaults with a store in `data_dir` and a door at `listen`, whatever the environment
    /// says.
    pub fn embedded(data_dir: PathBuf, listen: SocketAddr) -> Self {
        let mut settings =
            sources::defaults().expect("the compiled-in defaults are checked by a test");
        settings.data_dir = data_dir;
        settings.http.listen = listen;
        settings
    }

    fn check(&self) -> Result<(), SettingsError> {
        if self.data_dir.as_os_str().is_empty() {
            return Err(SettingsError::value("data_dir", "a folder, such as \"data\""));
        }
        self.http.check()?;
        self.access.check()?;
        self.jit.check()?;
        self.webhooks.check()?;
        self.personal.check()?;
        self.lane.check(self.jit.deadline_ms)?;
        self.holds.check()?;
        self.store.check()?;
        self.cache.check()?;
        self.broker.check()?;
        self.check_authorities()?;
        self.ingest.check()?;
        self.reconcile.check()?;
        self.history.check()?;
        self.feed.check(self.http.connections_max)?;
        self.outbox.check()?;
        self.relay.check()?;
        self.alerts.check()
    }
}
