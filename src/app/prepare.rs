//! Prepares the servers: at the start, and again until each of them has answered; or once, for who only
//! wants them prepared. What can not work with these settings ends the process with one line.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use crate::config::Settings;
use crate::domain::clock::Clock;
use crate::service::health::Health;
use crate::store::{Prepare, StoreError};

use super::AppError;
use super::clock::SystemClock;
use super::homes::OpenHomes;

/// Between two attempts to reach a server.
const AGAIN: Duration = Duration::from_millis(500);

/// How often it is said that a server is still not there.
const REMIND_EVERY: u32 = 60;

/// How long the process waits for all servers before it serves with those that are there.
const ALL_WITHIN: Duration = Duration::from_secs(10);

/// One server to prepare.
#[derive(Clone)]
struct Server {
    name: &'static str,
    setting: &'static str,
    prepare: Arc<dyn Prepare>,
}

/// How often a server that does not answer, or has no time for it, is asked by who only wants it prepared.
const TRIES: u32 = 10;

/// Brings the store of each home up to date that these settings name, and gives back their names.
pub async fn migrate(settings: &Settings) -> Result<Vec<&'static str>, AppError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let homes = OpenHomes::open(settings, &clock).await?;
    patiently(&homes).await?;
    let names = homes.each().iter().map(|home| home.name).collect();
    for home in homes.each() {
        home.close().await;
    }
    Ok(names)
}

/// A migration gives up soon where others hold what it must lock, for purchases would wait behind it.
async fn patiently(homes: &OpenHomes) -> Result<(), AppError> {
    for _ in 1..TRIES {
        match homes.prepare().await {
            Err(AppError::Server {
                source: StoreError::Unavailable(_) | StoreError::Conflict(_),
                ..
            }) => tokio::time::sleep(AGAIN).await,
            prepared => return prepared,
        }
    }
    homes.prepare().await
}

/// Asks every server once. What can not work is an error; what does not answer is asked again by
/// [`Preparing::finish`].
pub(super) async fn begin(homes: &OpenHomes) -> Result<Preparing, AppError> {
    let servers = homes.each().into_iter().filter_map(|home| {
        let prepare = Arc::clone(home.prepare.as_ref()?);
        Some(Server { name: home.name, setting: home.setting, prepare })
    });
    let embedded = homes.each().iter().any(|home| home.prepare.is_none());
    let servers: Vec<Server> = servers.collect();
    let asked =
        futures_util::future::join_all(servers.iter().map(|server| server.attempt(true))).await;
    let mut waiting = Vec::new();
    for (server, prepared) in servers.iter().zip(asked) {
        if !prepared? {
            waiting.push(server.clone());
        }
    }
    let usable = embedded || waiting.len() < servers.len();
    Ok(Preparing { waiting, usable })
}

/// What is still to be done.
pub(super) struct Preparing {
    waiting: Vec<Server>,
    usable: bool,
}

impl Preparing {
    /// Whether all servers have been prepared.
    pub(super) fn is_complete(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Goes on until every server is prepared. The process serves once all are, or after a while
    /// with at least one home.
    pub(super) async fn finish(self, health: Arc<Health>) -> Result<(), AppError> {
        let mut usable = self.usable;
        let mut tasks = JoinSet::new();
        for server in self.waiting {
            tasks.spawn(server.until_prepared());
        }
        let patience = tokio::time::sleep(ALL_WITHIN);
        tokio::pin!(patience);
        let mut patient = true;
        loop {
            tokio::select! {
                done = tasks.join_next() => match done {
                    None => break,
                    Some(prepared) => {
                        prepared.map_err(|_| AppError::Forced)??;
                        usable = true;
                    }
                },
                () = &mut patience, if patient => patient = false,
            }
            if usable && !patient {
                health.phase().serve();
            }
        }
        health.phase().serve();
        Ok(())
    }
}

impl Server {
    /// Whether it could be prepared; it is worth another try if not.
    async fn attempt(&self, loud: bool) -> Result<bool, AppError> {
        match self.prepare.prepare().await {
            Ok(()) => {
                tracing::info!(server = self.name, "a server is prepared");
                Ok(true)
            }
            Err(error @ (StoreError::Unavailable(_) | StoreError::Conflict(_))) => {
                if loud {
                    tracing::warn!(
                        server = self.name,
                        setting = self.setting,
                        %error,
                        cause = error.cause(),
                        "a server does not answer; trying again"
                    );
                }
                Ok(false)
            }
            Err(source) => Err(AppError::Server { setting: self.setting, source }),
        }
    }

    async fn until_prepared(self) -> Result<(), AppError> {
        let mut attempts: u32 = 1;
        loop {
            tokio::time::sleep(AGAIN).await;
            if self.attempt(attempts.is_multiple_of(REMIND_EVERY)).await? {
                return Ok(());
            }
            attempts = attempts.wrapping_add(1);
        }
    }
}
