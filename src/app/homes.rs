//! The money homes of this process: which adapter the settings select for each, seen through every
//! port.

use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;

use crate::config::Settings;
use crate::domain::clock::Clock;
use crate::domain::id::Home;
use crate::store::sqlite::{SqliteOptions, SqliteStore};
use crate::store::{
    Audit, FactsStore, History, MoneyHome, Outbox, Prepare, Probe, ResourceStore, StoreError,
};

use super::AppError;

/// The embedded store's file in the data folder.
const SQLITE_FILE: &str = "tollgate.db";

/// One adapter, seen through every port.
#[derive(Clone)]
pub(super) struct OpenHome {
    /// What it is called in reports.
    pub(super) name: &'static str,
    /// The setting that has selected it.
    pub(super) setting: &'static str,
    pub(super) facts: Arc<dyn FactsStore>,
    pub(super) resources: Arc<dyn ResourceStore>,
    pub(super) money: Arc<dyn MoneyHome>,
    pub(super) history: Arc<dyn History>,
    pub(super) outbox: Arc<dyn Outbox>,
    pub(super) audit: Arc<dyn Audit>,
    pub(super) probe: Arc<dyn Probe>,
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

    fn embedded(store: Arc<SqliteStore>) -> Self {
        let closing = Arc::clone(&store);
        Self {
            name: "sqlite",
            setting: "data_dir",
            facts: store.clone(),
            resources: store.clone(),
            money: store.clone(),
            history: store.clone(),
            outbox: store.clone(),
            audit: store.clone(),
            probe: store,
            prepare: None,
            lanes: 1,
            close: Arc::new(move || {
                let store = Arc::clone(&closing);
                Box::pin(async move { store.close().await })
            }),
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
    /// Opens the stores that the settings select. Servers are not asked yet.
    pub(super) async fn open(
        settings: &Settings,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, AppError> {
        Ok(Self::Shared(OpenHome::embedded(sqlite(&settings.data_dir, clock).await?)))
    }

    /// Each store once.
    pub(super) fn each(&self) -> Vec<&OpenHome> {
        match self {
            Self::Shared(home) => vec![home],
            Self::Separate { business, personal } => vec![business, personal],
        }
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

/// The embedded store of a data folder; created if it is not there.
async fn sqlite(data_dir: &Path, clock: &Arc<dyn Clock>) -> Result<Arc<SqliteStore>, AppError> {
    let path = data_dir.join(SQLITE_FILE);
    let opened = SqliteStore::open(&path, Arc::clone(clock), SqliteOptions::default()).await;
    opened.map_err(|source| AppError::Store { path, source })
}

/// The embedded store of a data folder that a service has worked in.
pub(super) async fn existing(
    data_dir: &Path,
    clock: &Arc<dyn Clock>,
) -> Result<Arc<SqliteStore>, AppError> {
    let path = data_dir.join(SQLITE_FILE);
    if !path.is_file() {
        let source = StoreError::Unavailable("there is no such file".into());
        return Err(AppError::Store { path, source });
    }
    sqlite(data_dir, clock).await
}
