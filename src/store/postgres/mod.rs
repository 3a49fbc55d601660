//! The business store: PostgreSQL. A pool for lookups and resources, and connections of their own for
//! lanes. Personal wallets are not kept here.

mod api_keys;
mod audit;
mod audit_log;
mod bulk;
mod connect;
mod daily_runs;
mod dead_letters;
mod error;
mod events;
mod expiry;
mod explanations;
mod facts;
mod history;
mod inbox;
mod keep;
mod lanes;
mod limited;
mod lists;
mod load;
mod money;
mod outbox;
mod parties;
mod persist;
mod policies;
mod pooled;
mod prepare;
mod resources;
mod rights;
mod rows;
mod schema;
mod transactions;
mod turns;
mod unfit;
mod webhooks;
mod write;

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPool, PgSslMode};
use tokio::task::JoinSet;

use crate::domain::audit::Recording;
use crate::domain::time::Timestamp;
use crate::store::{PoolStats, Probe, StoreError, StoreFuture};
use error::{Silence, silent, translate};
use lanes::Lanes;
use limited::{Limited, statement_limit};
use pooled::Pooled;

/// The URL can not be understood. Says why without repeating it: it may hold a password.
#[derive(Debug, thiserror::Error)]
#[error("not a URL of a PostgreSQL database")]
pub struct UrlError;

/// What may be set about the store.
#[derive(Clone)]
pub struct PostgresOptions {
    connect: PgConnectOptions,
    /// The owner of the tables, where that is another role.
    owner: Option<PgConnectOptions>,
    /// Connections for lookups and resources that are kept open.
    pub pool_min: u32,
    /// Connections for lookups and resources at most.
    pub pool_max: u32,
    /// How long a call waits for one of them.
    pub acquire_timeout: Duration,
    /// How long one statement outside the lanes may take.
    pub statement_timeout: Duration,
    /// A connection of the pool is closed after so long without work.
    pub idle_timeout: Duration,
    /// Connections for lanes at most: transactions that may be open at a time.
    pub lanes: u32,
    /// How long one statement of a lane may take. A transaction has twice that.
    pub deadline: Duration,
    /// Whether a server may be used that acknowledges commits before they are on disk.
    pub allow_unsafe_commit: bool,
    /// Added to the server's time, in microseconds: tests move it, everyone else leaves it at 0.
    pub clock_offset_us: Arc<AtomicI64>,
}

impl PostgresOptions {
    /// The defaults, for `postgres://user:password@host:port/database`.
    ///
    /// # Errors
    /// Where this is no such URL.
    pub fn new(url: &str) -> Result<Self, UrlError> {
        let connect = PgConnectOptions::from_str(url).map_err(|_| UrlError)?;
        Ok(Self {
            connect,
            owner: None,
            pool_min: 5,
            pool_max: 20,
            acquire_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(30),
            lanes: 2,
            deadline: Duration::from_secs(1),
            allow_unsafe_commit: false,
            clock_offset_us: Arc::default(),
        })
    }

    /// Has the schema made by the user of this URL, who owns it, and lets that of the store's own do no
    /// more than a service has to.
    ///
    /// # Errors
    /// Where this is no such URL.
    pub fn made_by(self, url: &str) -> Result<Self, UrlError> {
        let owner = PgConnectOptions::from_str(url).map_err(|_| UrlError)?;
        Ok(Self { owner: Some(owner), ..self })
    }

    /// Takes these certificates (PEM) for those of who may vouch for the server, beside the public list that
    /// the driver always trusts. Its own must be for its name, whatever the URL asks for: somebody in that
    /// list has vouched for nearly everybody.
    pub fn trust_only_verified(&mut self, authority: &str) {
        self.connect = verified(&self.connect, authority);
        self.owner = self.owner.as_ref().map(|owner| verified(owner, authority));
    }
}

fn verified(connect: &PgConnectOptions, authority: &str) -> PgConnectOptions {
    let connect = connect.clone().ssl_mode(PgSslMode::VerifyFull);
    connect.ssl_root_cert_from_pem(authority.as_bytes().to_vec())
}

/// Without the URL.
impl fmt::Debug for PostgresOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresOptions").field("lanes", &self.lanes).finish_non_exhaustive()
    }
}

/// The business store: facts, resources, money home, history, outbox and audit of company accounts.
pub struct PostgresStore {
    options: Arc<PostgresOptions>,
    ready: Arc<OnceLock<Ready>>,
    /// What the first write that is committed has to leave in the audit log.
    record: Recording,
}

/// What there is once the server is known to be as it must be.
struct Ready {
    readers: PgPool,
    writers: PgPool,
    lanes: Arc<Lanes>,
    /// Ends with the store.
    _keeping: JoinSet<()>,
}

impl PostgresStore {
    /// A store that has not connected to anything yet: see [`crate::store::Prepare`].
    pub fn new(options: PostgresOptions) -> Arc<Self> {
        Arc::new(Self { options: Arc::new(options), ready: Arc::default(), record: None })
    }

    /// Closes all connections, those of lanes as their transactions end. Later calls are
    /// [`StoreError::Unavailable`].
    pub async fn close(&self) {
        if let Some(ready) = self.ready.get() {
            ready.lanes.close().await;
            ready.readers.close().await;
            ready.writers.close().await;
        }
    }

    /// The same store, whose first committed write leaves a record.
    fn recording_with(&self, record: Recording) -> Self {
        Self { options: Arc::clone(&self.options), ready: Arc::clone(&self.ready), record }
    }

    fn ready(&self) -> Result<&Ready, StoreError> {
        self.ready.get().ok_or_else(|| silent(Silence::Unprepared))
    }

    fn writers(&self) -> Result<&PgPool, StoreError> {
        Ok(&self.ready()?.writers)
    }

    fn lanes(&self) -> Result<&Arc<Lanes>, StoreError> {
        Ok(&self.ready()?.lanes)
    }

    /// A connection that reads what has been committed, in single statements.
    async fn reader(&self) -> Result<Limited, StoreError> {
        let lent = Pooled::of(&self.ready()?.readers).await?;
        Ok(Limited::new(lent, statement_limit(&self.options)))
    }
}

impl Probe for PostgresStore {
    fn probe(&self) -> StoreFuture<'_, Option<Timestamp>> {
        Box::pin(async move {
            let asked = sqlx::query_scalar::<_, i64>(include_str!("sql/store_probe.sql"));
            let now_us = asked.fetch_one(&mut self.reader().await?).await.map_err(translate)?;
            Ok(Some(Timestamp::from_micros(now_us)))
        })
    }

    /// Lanes have their own, one each.
    fn pools(&self) -> Vec<(&'static str, PoolStats)> {
        let Some(ready) = self.ready.get() else { return Vec::new() };
        vec![("reads", stats(&ready.readers)), ("writes", stats(&ready.writers))]
    }
}

fn stats(pool: &PgPool) -> PoolStats {
    let (open, idle) = (u64::from(pool.size()), u64::try_from(pool.num_idle()).unwrap_or(0));
    let max = u64::from(pool.options().get_max_connections());
    PoolStats { open, in_use: open.saturating_sub(idle), max }
}
