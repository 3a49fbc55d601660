//! The money homes of this process: which adapter the settings select for each, seen through every
//! port.

use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use crate::config::Settings;
use crate::domain::clock::Clock;
use crate::domain::id::Home;
use crate::store::api_keys::ApiKeys;
use crate::store::audit_log::AuditLog;
use crate::store::daily_runs::DailyRuns;
use crate::store::dead_letters::DeadLetters;
use crate::store::ingest::{RawTransactions, Transactions};
use crate::store::lists::Lists;
use crate::store::mongodb::{MongoOptions, MongoStore};
use crate::store::outbox::OutboxShards;
use crate::store::postgres::{PostgresOptions, PostgresStore};
use crate::store::sqlite::{SqliteOptions, SqliteStore};
use crate::store::webhooks::WebhookEvents;
use crate::store::{
    Audit, DueHolds, Explanations, FactsStore, History, Inbox, MoneyHome, Outbox, Prepare, Probe,
    ResourceStore, StoreError,
};

use super::{AppError, trust};

/// The embedded store's file in the data folder.
const SQLITE_FILE: &str = "tollgate.db";

const POSTGRES_URL: &str = "store.postgres.url";
const MIGRATE_URL: &str = "store.postgres.migrate_url";
const MONGODB_URL: &str = "store.mongodb.url";

/// One adapter, seen through every port.
#[derive(Clone)]
pub(super) struct OpenHome {
    /// What it is called in reports.
    pub(super) name: &'static str,
    /// The setting that has selected it.
    pub(super) setting: &'static str,
    pub(super) facts: Arc<dyn FactsStore>,
    pub(super) resources: Arc<dyn ResourceStore>,
    pub(super) lists: Arc<dyn Lists>,
    pub(super) money: Arc<dyn MoneyHome>,
    pub(super) history: Arc<dyn History>,
    pub(super) outbox: Arc<dyn Outbox>,
    pub(super) shards: Arc<dyn OutboxShards>,
    pub(super) due: Arc<dyn DueHolds>,
    pub(super) explanations: Arc<dyn Explanations>,
    pub(super) audit: Arc<dyn Audit>,
    /// Where notifications are kept, if here.
    pub(super) webhooks: Option<Arc<dyn WebhookEvents>>,
    pub(super) probe: Arc<dyn Probe>,
    /// Where dead letters are kept, if here.
    pub(super) letters: Option<Arc<dyn DeadLetters>>,
    /// Keys of the REST routes; only a home of companies keeps them.
    pub(super) keys: Option<Arc<dyn ApiKeys>>,
    /// Who has done what, kept beside them.
    pub(super) audit_log: Option<Arc<dyn AuditLog>>,
    /// Attempts at messages; only a home of companies keeps them.
    pub(super) inbox: Option<Arc<dyn Inbox>>,
    /// Marks of daily work, kept beside them.
    pub(super) runs: Option<Arc<dyn DailyRuns>>,
    /// Where reported transactions are kept as they came; personal homes have one.
    pub(super) raw: Option<Arc<dyn RawTransactions>>,
    /// Where they end up; business homes have one.
    pub(super) transactions: Option<Arc<dyn Transactions>>,
    /// A server must be prepared before it can be used.
    pub(super) prepare: Option<Arc<dyn Prepare>>,
    /// How many lanes settle its batches.
    pub(super) lanes: usize,
    close: Arc<dyn Fn() -> Closing + Send + Sync>,
}

type Closing = Pin<Box<dyn Future<Output = ()> + Send>>;

impl OpenHome {
    /// Finishes what was asked of it, and closes it.
    pub(super) async fn close(&self) {
        (self.close)().await;
    }

    /// The embedded store has one writer, and so one lane.
    fn embedded(store: Arc<SqliteStore>) -> Self {
        let closing = Arc::clone(&store);
        let close = move || -> Closing {
            let store = Arc::clone(&closing);
            Box::pin(async move { store.close().await })
        };
        let webhooks = Some(Arc::clone(&store) as Arc<dyn WebhookEvents>);
        let inbox = Some(Arc::clone(&store) as Arc<dyn Inbox>);
        let runs = Some(Arc::clone(&store) as Arc<dyn DailyRuns>);
        let letters = Some(Arc::clone(&store) as Arc<dyn DeadLetters>);
        let raw = Some(Arc::clone(&store) as Arc<dyn RawTransactions>);
        let transactions = Some(Arc::clone(&store) as Arc<dyn Transactions>);
        let keys = Some(Arc::clone(&store) as Arc<dyn ApiKeys>);
        let audit_log = Some(Arc::clone(&store) as Arc<dyn AuditLog>);
        let of = Self::of(store, ("sqlite", "data_dir"), 1, close);
        Self { webhooks, inbox, runs, letters, keys, audit_log, raw, transactions, ..of }
    }

    fn postgres(store: Arc<PostgresStore>, lanes: usize) -> Self {
        let closing = Arc::clone(&store);
        let close = move || -> Closing {
            let store = Arc::clone(&closing);
            Box::pin(async move { store.close().await })
        };
        let prepare = Some(Arc::clone(&store) as Arc<dyn Prepare>);
        let webhooks = Some(Arc::clone(&store) as Arc<dyn WebhookEvents>);
        let inbox = Some(Arc::clone(&store) as Arc<dyn Inbox>);
        let runs = Some(Arc::clone(&store) as Arc<dyn DailyRuns>);
        let letters = Some(Arc::clone(&store) as Arc<dyn DeadLetters>);
        let transactions = Some(Arc::clone(&store) as Arc<dyn Transactions>);
        let keys = Some(Arc::clone(&store) as Arc<dyn ApiKeys>);
        let audit_log = Some(Arc::clone(&store) as Arc<dyn AuditLog>);
        let of = Self::of(store, ("postgres", POSTGRES_URL), lanes, close);
        Self { prepare, webhooks, inbox, runs, letters, keys, audit_log, transactions, ..of }
    }

    /// Its connections end with its last handle: what was acknowledged needs no more.
    fn mongodb(store: Arc<MongoStore>, lanes: usize) -> Self {
        let prepare = Some(Arc::clone(&store) as Arc<dyn Prepare>);
        let close = || -> Closing { Box::pin(std::future::ready(())) };
        let raw: Arc<dyn RawTransactions> = store.clone();
        Self { prepare, raw: Some(raw), ..Self::of(store, ("mongodb", MONGODB_URL), lanes, close) }
    }

    fn of<S>(
        store: Arc<S>,
        (name, setting): (&'static str, &'static str),
        lanes: usize,
        close: impl Fn() -> Closing + Send + Sync + 'static,
    ) -> Self
    where
        S: FactsStore + ResourceStore + MoneyHome + History + Audit + Probe,
        S: Outbox + OutboxShards + DueHolds + Explanations + Lists + 'static,
    {
        Self {
            name,
            setting,
            facts: store.clone(),
            resources: store.clone(),
            lists: store.clone(),
            money: store.clone(),
            history: store.clone(),
            outbox: store.clone(),
            shards: store.clone(),
            due: store.clone(),
            explanations: store.clone(),
            audit: store.clone(),
            webhooks: None,
            letters: None,
            keys: None,
            audit_log: None,
            probe: store,
            inbox: None,
            runs: None,
            prepare: None,
            raw: None,
            transactions: None,
            lanes,
            close: Arc::new(close),
        }
    }
}

/// The homes of the settings.
pub(super) enum OpenHomes {
    /// One store is both.
    Shared(OpenHome),
    /// Each has its own.
    Separate {
        /// Company accounts.
        business: OpenHome,
        /// Personal wallets.
        personal: OpenHome,
    },
}

impl OpenHomes {
    /// Opens the stores that the settings select. Servers are not asked yet. What no server is
    /// selected for is embedded.
    pub(super) async fn open(
        settings: &Settings,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, AppError> {
        Self::with(settings, sqlite(&settings.data_dir, clock)).await
    }

    /// Opens stores that a service has worked in, ready to be read: nothing is made that is not
    /// there.
    pub(super) async fn existing(
        settings: &Settings,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, AppError> {
        let homes = Self::with(settings, existing(&settings.data_dir, clock)).await?;
        homes.prepare().await?;
        Ok(homes)
    }

    /// Prepares every server, once: one that does not answer is an error.
    pub(super) async fn prepare(&self) -> Result<(), AppError> {
        for home in self.each() {
            if let Some(prepare) = &home.prepare {
                let setting = home.setting;
                let prepared = prepare.prepare().await;
                prepared.map_err(|source| AppError::Server { setting, source })?;
            }
        }
        Ok(())
    }

    async fn with(
        settings: &Settings,
        embedded: impl Future<Output = Result<Arc<SqliteStore>, AppError>>,
    ) -> Result<Self, AppError> {
        let lanes = lanes(settings);
        let business = match &settings.store.postgres.url {
            Some(url) => Some(OpenHome::postgres(postgres(settings, url, lanes)?, lanes)),
            None => None,
        };
        let personal = match &settings.store.mongodb.url {
            Some(url) => Some(OpenHome::mongodb(mongodb(settings, url, lanes)?, lanes)),
            None => None,
        };
        if let (Some(business), Some(personal)) = (&business, &personal) {
            let (business, personal) = (business.clone(), personal.clone());
            return Ok(Self::Separate { business, personal });
        }
        let embedded = OpenHome::embedded(embedded.await?);
        Ok(match (business, personal) {
            (None, None) => Self::Shared(embedded),
            (business, personal) => Self::Separate {
                business: business.unwrap_or_else(|| embedded.clone()),
                personal: personal.unwrap_or(embedded),
            },
        })
    }

    /// Each store once.
    pub(super) fn each(&self) -> Vec<&OpenHome> {
        match self {
            Self::Shared(home) => vec![home],
            Self::Separate { business, personal } => vec![business, personal],
        }
    }

    /// Where attempts at messages are counted.
    pub(super) fn inbox(&self) -> Arc<dyn Inbox> {
        let business = self.of(Home::Business).inbox.as_ref();
        Arc::clone(business.expect("every store of companies keeps an inbox"))
    }

    /// Where daily work is marked.
    pub(super) fn runs(&self) -> Arc<dyn DailyRuns> {
        let business = self.of(Home::Business).runs.as_ref();
        Arc::clone(business.expect("every store of companies keeps marks of daily work"))
    }

    /// Where reported transactions are kept as they came, and where they end up.
    pub(super) fn ingest(&self) -> (Arc<dyn RawTransactions>, Arc<dyn Transactions>) {
        let raw = self.of(Home::Personal).raw.clone();
        let transactions = self.of(Home::Business).transactions.clone();
        (
            raw.expect("every store of personal accounts keeps raw transactions"),
            transactions.expect("every store of company accounts keeps transactions"),
        )
    }

    /// The store of a home.
    pub(super) const fn of(&self, home: Home) -> &OpenHome {
        match (self, home) {
            (Self::Shared(shared), _) => shared,
            (Self::Separate { business, .. }, Home::Business) => business,
            (Self::Separate { personal, .. }, Home::Personal) => personal,
        }
    }
}

/// Lanes of each home on a server: one per core, where the settings do not say.
fn lanes(settings: &Settings) -> usize {
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    match usize::try_from(settings.lane.count) {
        Ok(0) | Err(_) => cores(),
        Ok(count) => count,
    }
}

fn postgres(
    settings: &Settings,
    url: &SecretString,
    lanes: usize,
) -> Result<Arc<PostgresStore>, AppError> {
    let set = &settings.store.postgres;
    let millis = Duration::from_millis;
    let mut options = PostgresOptions::new(url.expose_secret())
        .map_err(|error| AppError::Url { setting: POSTGRES_URL, source: Box::new(error) })?;
    if let Some(owner) = &set.migrate_url {
        options = options
            .made_by(owner.expose_secret())
            .map_err(|error| AppError::Url { setting: MIGRATE_URL, source: Box::new(error) })?;
    }
    if let Some(pem) = trust::authority("store.postgres.ca_path", set.ca_path.as_deref())? {
        options.trust_only_verified(&pem);
    }
    options.pool_min = narrow(set.pool_min);
    options.pool_max = narrow(set.pool_max);
    options.acquire_timeout = millis(set.acquire_ms);
    options.statement_timeout = millis(set.statement_ms);
    options.idle_timeout = Duration::from_secs(set.idle_s);
    options.lanes = u32::try_from(lanes).unwrap_or(u32::MAX);
    options.deadline = millis(settings.jit.deadline_ms);
    options.allow_unsafe_commit = set.allow_unsafe_commit;
    Ok(PostgresStore::new(options))
}

fn mongodb(
    settings: &Settings,
    url: &SecretString,
    lanes: usize,
) -> Result<Arc<MongoStore>, AppError> {
    let set = &settings.store.mongodb;
    let millis = Duration::from_millis;
    trust::authority("store.mongodb.ca_path", set.ca_path.as_deref())?;
    let options = MongoOptions {
        ca_path: set.ca_path.clone(),
        pool_min: narrow(set.pool_min),
        pool_max: narrow(set.pool_max),
        lanes: u32::try_from(lanes).unwrap_or(u32::MAX),
        server_selection: millis(set.server_selection_ms),
        call: millis(set.call_ms),
        batch: millis(settings.jit.deadline_ms.saturating_mul(2)),
        ..MongoOptions::new(url.expose_secret())
    };
    let store = MongoStore::new(options)
        .map_err(|error| AppError::Url { setting: MONGODB_URL, source: Box::new(error) })?;
    Ok(Arc::new(store))
}

/// The settings' ranges fit.
fn narrow(setting: u64) -> u32 {
    u32::try_from(setting).unwrap_or(u32::MAX)
}

/// The embedded store of a data folder; created if it is not there.
async fn sqlite(data_dir: &Path, clock: &Arc<dyn Clock>) -> Result<Arc<SqliteStore>, AppError> {
    let path = data_dir.join(SQLITE_FILE);
    let opened = SqliteStore::open(&path, Arc::clone(clock), SqliteOptions::default()).await;
    opened.map_err(|source| AppError::Store { path, source })
}

/// The embedded store of a data folder that a service has worked in.
async fn existing(data_dir: &Path, clock: &Arc<dyn Clock>) -> Result<Arc<SqliteStore>, AppError> {
    let path = data_dir.join(SQLITE_FILE);
    if !path.is_file() {
        let source = StoreError::Unavailable("there is no such file".into());
        return Err(AppError::Store { path, source });
    }
    sqlite(data_dir, clock).await
}
