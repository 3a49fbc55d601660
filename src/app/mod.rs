//! The composition root: builds the service from its settings, runs it, and shuts it down.

pub mod clock;
pub mod secrets;

mod broker;
mod build;
mod caches;
mod gate;
mod homes;
mod prepare;
mod reconcile;
mod relays;
pub mod roles;
mod run;
mod stores;
mod trust;
mod webhooks;
mod yardstick;

#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::broker::{Broker, BrokerError};
use crate::cache::redis::RedisRefused;
use crate::config::Settings;
use crate::domain::clock::Clock;
use crate::egress::notices;
use crate::ingress::http;
use crate::ingress::queue::Consumers;
use crate::pipeline::Pipeline;
use crate::service::attempts::Attempts;
use crate::service::feed::Feed;
use crate::service::health::Health;
use crate::service::ingest::Ingest;
use crate::service::outbox;
use crate::store::StoreError;
use crate::store::seal::{Seal, Use};
use crate::telemetry::faults::Faults;
use crate::telemetry::notices::Sink;

use broker::OpenBroker;
use build::Kept;
use clock::SystemClock;
use homes::OpenHomes;
use relays::Relays;
use roles::Roles;
use secrets::{Secrets, SecretsError};
use stores::Stores;

pub use prepare::migrate;
pub use reconcile::{open_books, platform};
pub use run::run;
pub use yardstick::{open_audit_log, open_audits, open_broker, open_yardstick, serve_yardstick};

/// Installs the one TLS provider for every driver. Drivers that find none fail when they connect.
pub fn install_tls_provider() {
    // An error only says that there is one already.
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
}

/// The OpenAPI document of the service, which needs nothing to run.
pub fn openapi() -> &'static [u8] {
    &http::openapi::TEXT
}

/// How long requests may take to end once the door is closed, then workers, and at last the stores.
const FINISH_MAX: Duration = Duration::from_secs(5);

/// Why the service can not start, or did not end well.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// Generated secrets can not be read or kept.
    #[error(transparent)]
    Secrets(#[from] SecretsError),
    /// The key that notifications are sealed with is none.
    #[error("setting webhooks.storage.key can not be used")]
    WebhookKey(#[source] crate::store::seal::SealError),
    /// The key that personal fields are sealed with is none.
    #[error("setting personal.key or personal.previous_keys can not be used")]
    PersonalKey(#[source] crate::store::seal::SealError),
    /// The key that tokens are checked with is none.
    #[error("setting access.jwt.key can not be used")]
    TokenKey(#[source] crate::store::Source),
    /// The address is taken, or not ours.
    #[error("can not listen on {address}")]
    Listen {
        /// The setting `http.listen` or `admin.listen`.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The store can not be opened.
    #[error("the store in {} can not be opened", path.display())]
    Store {
        /// Where it is.
        path: PathBuf,
        /// What it said.
        source: StoreError,
    },
    /// A URL makes no sense to the server's driver. It is not repeated: it may hold a password.
    #[error("setting {setting} can not be used")]
    Url {
        /// Which URL.
        setting: &'static str,
        /// What is wrong with it.
        source: crate::store::Source,
    },
    /// The file of who may vouch for a server is none.
    #[error("setting {setting} can not be used")]
    Authority {
        /// Which file.
        setting: &'static str,
        /// What is wrong with it.
        source: trust::TrustError,
    },
    /// A server can not be used with these settings: a wrong password, an unsafe server, a schema
    /// that is newer than this release.
    #[error("setting {setting} names a server that can not be used")]
    Server {
        /// The setting that has selected it.
        setting: &'static str,
        /// What it said.
        source: StoreError,
    },
    /// The cache's server can not be used with these settings: a wrong password, or too few rights.
    #[error("setting {setting} names a cache that can not be used")]
    Cache {
        /// The setting that has selected it.
        setting: &'static str,
        /// What it said.
        source: RedisRefused,
    },
    /// The message broker can not be used with these settings: a wrong password, a queue that exists
    /// with other arguments, a file that another process has.
    #[error("setting {setting} names a message broker that can not be used")]
    Broker {
        /// The setting that has selected it.
        setting: &'static str,
        /// What it said.
        source: BrokerError,
    },
    /// The operating system refused something that every process needs.
    #[error("the operating system refused")]
    System(#[from] std::io::Error),
    /// A second signal came before the service had ended.
    #[error("stopped by a second signal before everything was finished")]
    Forced,
    /// The service had not ended 25 s after the first signal.
    #[error("stopped after 25 s before everything was finished")]
    Overdue,
}

/// A running service. Dropped, it closes its door; [`Running::shutdown`] also waits until everything
/// is finished.
pub struct Running {
    /// Where the HTTP door is; the port is the real one where the settings said 0.
    pub addr: SocketAddr,
    /// Where the metrics are, if anywhere.
    pub admin_addr: Option<SocketAddr>,
    /// Where the store and the generated secrets are.
    pub data_dir: PathBuf,
    /// The keys and credentials in force.
    pub secrets: Secrets,
    /// The message broker, for whoever is in the same process.
    pub queues: Arc<dyn Broker>,
    health: Arc<Health>,
    feed: Arc<Feed>,
    stop: DropGuard,
    served: JoinHandle<()>,
    background: JoinSet<()>,
    ingest: Arc<Ingest>,
    workers: JoinSet<()>,
    pipeline: Arc<Pipeline>,
    relays: Option<Relays>,
    consumers: Consumers,
    broker: OpenBroker,
    homes: OpenHomes,
    preparing: JoinHandle<Result<(), AppError>>,
}

/// Starts the service; it serves when this returns.
pub async fn start(settings: Settings) -> Result<Running, AppError> {
    start_as(settings, Roles::ALL, None).await
}

/// Starts a process that does a part of the work, with this broker instead of the settings' one.
pub async fn start_as(
    settings: Settings,
    roles: Roles,
    broker: Option<Arc<dyn Broker>>,
) -> Result<Running, AppError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let secrets = Secrets::settle(&settings)?;
    let listener = listen(settings.http.listen).await?;
    let addr = listener.local_addr()?;
    let admin = match settings.admin.listen {
        Some(address) => Some(listen(address).await?),
        None => None,
    };
    let admin_addr = admin.as_ref().map(TcpListener::local_addr).transpose()?;

    let homes = OpenHomes::open(&settings, &clock).await?;
    let preparing = prepare::begin(&homes).await?;
    let keys = settings.personal.previous();
    let keys = std::iter::once(&secrets.personal_key).chain(&keys);
    let seal = Arc::new(Seal::new(Use::Personal, keys).map_err(AppError::PersonalKey)?);
    let stores = Stores::compose(&homes, &settings, &clock, &seal).await?;
    let outbox = Arc::clone(&stores.outbox);
    let reseal = build::reseal(&homes, &stores, seal);
    let broker = match broker {
        Some(broker) => OpenBroker::given(broker),
        None => OpenBroker::open(&settings, &clock).await?,
    };
    let kept = Kept::of(&homes);
    let queues = Arc::clone(&broker.broker);
    let faults = Arc::new(Faults::default());
    let (sink, publisher) = notices::notices(Arc::clone(&queues), Arc::clone(&clock));
    faults.tell_to(Arc::clone(&sink) as Arc<dyn Sink>);
    let (doors, passing) =
        build::doors(&settings, &secrets, stores, kept, Arc::clone(&queues), &faults, &clock)?;
    let attempts = Arc::new(Attempts::new(homes.inbox(), Arc::clone(&clock)));
    let pipeline = Arc::clone(&doors.pipeline);
    let health = Arc::clone(&doors.health);
    let profiler = Arc::clone(&doors.profiler);
    health.check().await;

    let mut background = JoinSet::new();
    let watched = Arc::clone(&health);
    background.spawn(async move { watched.watch().await });
    let gated = Arc::clone(&doors);
    let wall = Arc::clone(&clock);
    background.spawn(async move { gated.gate.forget_for_ever(wall).await });
    let ring = Arc::clone(&doors.gate.keys);
    background.spawn(async move { ring.write_use_for_ever().await });
    background.spawn(build::tick(Arc::clone(&profiler), Arc::clone(&clock)));
    if roles.worker {
        if let Some(retention) = settings.outbox.drop_after(&settings.relay) {
            background.spawn(outbox::sweep_for_ever(outbox, Arc::clone(&clock), retention));
        }
        if settings.personal.must_seal_anew() {
            background.spawn(reseal.until_done());
        }
        if let Some(retention) = settings.history.retention() {
            background.spawn(build::thinner(&homes, &clock, retention).thin_for_ever());
        }
        let sweeper = build::sweeper(&homes, &pipeline);
        background.spawn(sweeper.sweep_for_ever(Duration::from_secs(settings.holds.sweep_s)));
    }
    profiler.tell_to(sink);
    background.spawn(publisher.run());
    let relaying = roles.relay && settings.relay.enabled;
    let relays =
        relaying.then(|| Relays::start(&homes, &queues, &settings.relay, &doors.dead_letters));
    background.spawn(passing);
    let works = roles.worker && settings.webhooks.worker;
    webhooks::work(&mut background, &doors.webhooks.handler, works);
    background.spawn(build::keep_metrics_up());
    let consumers = broker::consumers(&settings, roles, &doors, &attempts);
    background.spawn(async move { attempts.forget_for_ever().await });
    if roles.worker
        && let Some(daily) = reconcile::daily(&settings.reconcile, &homes, &clock, faults)?
    {
        background.spawn(daily);
    }
    let ingest = Arc::clone(&doors.service.ingest);
    background.spawn(Arc::clone(&ingest).keep_for_ever());
    let mut workers = JoinSet::new();
    let workers_count = if roles.worker { settings.ingest.workers } else { 0 };
    for _ in 0..workers_count {
        workers.spawn(Arc::clone(&ingest).work_until_stopped());
    }
    let stop = CancellationToken::new();
    if let Some(listener) = admin {
        let router = http::admin::router(Arc::clone(&doors));
        let (limits, clock) = (build::admin_limits(&settings.http), Arc::clone(&clock));
        // It closes with the door, but nobody waits for it.
        background.spawn(http::accept::serve(listener, router, limits, clock, stop.clone()));
    }
    let feed = Arc::clone(&doors.feed);
    if roles.api && settings.feed.feeds_max > 0 {
        background.spawn(Arc::clone(&feed).hear_for_ever());
    }
    let router = if roles.api { http::router(doors) } else { http::probes(doors) };
    let limits = build::limits(&settings.http);
    let served = tokio::spawn(http::accept::serve(listener, router, limits, clock, stop.clone()));
    let stop = stop.drop_guard();
    if preparing.is_complete() {
        health.phase().serve();
        tracing::info!(address = %addr, "tollgate is ready");
    } else {
        tracing::warn!(address = %addr, "tollgate is up, and not ready before its servers are");
    }
    let preparing = tokio::spawn(preparing.finish(Arc::clone(&health)));
    let data_dir = settings.data_dir;
    Ok(Running {
        addr,
        admin_addr,
        data_dir,
        secrets,
        queues: Arc::clone(&broker.broker),
        health,
        feed,
        stop,
        served,
        background,
        ingest,
        workers,
        pipeline,
        relays,
        consumers,
        broker,
        homes,
        preparing,
    })
}

async fn listen(address: SocketAddr) -> Result<TcpListener, AppError> {
    let bound = TcpListener::bind(address).await;
    bound.map_err(|source| AppError::Listen { address, source })
}

impl Running {
    /// Tells probes that no more traffic should come; what comes is still served. Live feeds end, and
    /// go on elsewhere.
    pub fn drain(&self) {
        self.health.phase().drain();
        self.feed.stop();
    }

    /// Comes back only if the service can not go on: a server that has answered at last can not be
    /// used.
    pub async fn failed(&mut self) -> AppError {
        match (&mut self.preparing).await {
            Ok(Err(error)) => error,
            Ok(Ok(())) | Err(_) => std::future::pending().await,
        }
    }

    /// Closes the door and finishes what is under way, within 5 s.
    pub async fn shutdown(mut self) {
        self.drain();
        drop(self.stop);
        // What waits in queues is left to others; what is at work is finished.
        self.consumers.stop(FINISH_MAX).await;
        if tokio::time::timeout(FINISH_MAX, &mut self.served).await.is_err() {
            tracing::error!("requests did not end in time and are dropped");
            self.served.abort();
        }
        self.preparing.abort();
        self.ingest.stop();
        let finished = async { while self.workers.join_next().await.is_some() {} };
        if tokio::time::timeout(FINISH_MAX, finished).await.is_err() {
            tracing::warn!("workers did not end in time: what they had is tried again");
        }
        self.background.shutdown().await;
        self.pipeline.drain().await;
        if let Some(relays) = self.relays {
            relays.stop().await;
        }
        self.broker.close().await;
        let closed = async {
            for home in self.homes.each() {
                home.close().await;
            }
        };
        if tokio::time::timeout(FINISH_MAX, closed).await.is_err() {
            tracing::warn!("stores did not close in time: their connections are dropped");
        }
        tracing::info!("tollgate has stopped");
    }
}
