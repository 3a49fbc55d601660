//! The store of personal accounts on a MongoDB replica set: people, wallets, cards, their policy and
//! their books. Companies are kept elsewhere.
//!
//! # What is read in a batch, and how old it may be
//! A transaction here reads one snapshot, taken at its first statement. With read concern `majority`
//! the server takes the latest one (not, as with `snapshot`, one without holes, which may lie behind),
//! and the commit waits until a majority has what was read and written. So:
//! - Whatever was acknowledged before a batch began is seen by it: a suspension, a limit, a decision
//!   of another instance. A request that was received after the acknowledgement is judged in a
//!   batch that begins after its receipt. That is promise P4; what commits while the batch runs
//!   was acknowledged after all of its requests were received.
//! - Every wallet of a batch is written by it, changed or not. That never waits with a snapshot that
//!   grows old: a wallet that another transaction holds, or has changed since the snapshot, is a
//!   `WriteConflict` at once, which aborts the transaction.
//! - Policies and counters are read, not locked. A policy that changes meanwhile is the case above. A
//!   counter that changes meanwhile is a conflict when it is written. Adding a pool claims the
//!   wallets that it counts, so that no batch that has not seen it is still running when it is
//!   counted for the first time.

mod audit;
mod connect;
mod error;
mod expiry;
mod explanations;
mod facts;
mod history;
mod kyc;
mod lease;
mod leases;
mod lists;
mod load;
mod money;
mod narrow;
mod outbox;
mod parties;
mod persist;
mod policies;
mod pool;
mod prepare;
mod raw;
mod read;
mod refresh;
mod resources;
mod rows;
mod schema;
mod seed;
mod server_time;
mod sums;
mod tell;
mod transaction;
mod wallets;
mod walls;

use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use mongodb::options::ConnectionString;
use secrecy::{ExposeSecret, SecretString};

use crate::domain::time::Timestamp;
use crate::store::{PoolStats, Probe, StoreError, StoreFuture};
use connect::Clients;
use error::NotPrepared;
use money::Contention;
use read::Reader;
use server_time::ServerTime;

/// What may be set about the store.
#[derive(Clone, Debug)]
pub struct MongoOptions {
    /// `mongodb://host:port/database?replicaSet=…`.
    pub url: SecretString,
    /// Certificates (PEM) of who may vouch for the server; `None`: those that everybody trusts.
    pub ca_path: Option<PathBuf>,
    /// What the server calls this service in its log and statistics. Lanes add `-lanes`.
    pub app_name: String,
    /// Connections for lookups and resources that are kept open.
    pub pool_min: u32,
    /// Connections for lookups and resources at most.
    pub pool_max: u32,
    /// How many lanes there are: each has a connection of its own.
    pub lanes: u32,
    /// How long a call waits for a server that can take it.
    pub server_selection: Duration,
    /// How long one call outside the lanes may take.
    pub call: Duration,
    /// How long one batch may take (twice the deadline of a request). Past it the transaction is
    /// killed and its outcome is unknown.
    pub batch: Duration,
    /// For how long after its start, and after each conflict, batches claim their wallets first.
    pub claims: Duration,
    /// Added to the server's time, in microseconds. For tests.
    pub time_offset_us: Arc<AtomicI64>,
}

impl MongoOptions {
    /// The defaults of the settings, for this server.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: SecretString::from(url.into()),
            ca_path: None,
            app_name: "tollgate".to_owned(),
            pool_min: 2,
            pool_max: 10,
            lanes: 2,
            server_selection: Duration::from_secs(5),
            call: Duration::from_secs(45),
            batch: Duration::from_secs(2),
            claims: Duration::from_secs(1),
            time_offset_us: Arc::default(),
        }
    }
}

/// `store.mongodb.url` is not a connection string. What is wrong is not told: it may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a MongoDB connection string (mongodb://host:port/database?replicaSet=name)")]
pub struct UrlError;

/// The personal store. All ports but those of companies.
pub struct MongoStore {
    options: MongoOptions,
    clients: OnceLock<Arc<Clients>>,
    prepared: OnceLock<Arc<Clients>>,
    server_time: Arc<ServerTime>,
    contention: Arc<Contention>,
}

impl MongoStore {
    /// A store that has not been prepared: nothing is asked of the server yet.
    ///
    /// # Errors
    /// Where the URL can not be read.
    pub fn new(options: MongoOptions) -> Result<Self, UrlError> {
        ConnectionString::parse(options.url.expose_secret()).map_err(|_| UrlError)?;
        let (clients, prepared) = (OnceLock::new(), OnceLock::new());
        let server_time = Arc::default();
        let contention = Arc::new(Contention::new(options.claims));
        Ok(Self { options, clients, prepared, server_time, contention })
    }

    /// The clients, once the store is prepared.
    fn clients(&self) -> Result<&Arc<Clients>, StoreError> {
        self.prepared.get().ok_or_else(|| StoreError::Unavailable(Box::new(NotPrepared)))
    }

    /// Reads outside transactions.
    fn reader(&self) -> Result<Reader<'_>, StoreError> {
        Ok(Reader::Snapshot(&self.clients()?.rest, self.options.call))
    }

    fn time_offset_us(&self) -> i64 {
        self.options.time_offset_us.load(Ordering::SeqCst)
    }
}

impl Probe for MongoStore {
    fn probe(&self) -> StoreFuture<'_, Option<Timestamp>> {
        Box::pin(async move { tell::now(&mut self.reader()?).await.map(Some) })
    }

    fn pools(&self) -> Vec<(&'static str, PoolStats)> {
        let clients = self.prepared.get();
        let stats = clients.map(|clients| clients.connections.stats(self.options.pool_max));
        stats.map(|stats| ("calls", stats)).into_iter().collect()
    }
}
