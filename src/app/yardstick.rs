//! For `bench` and `verify`: the accept loop with nothing behind it, a store and a broker without a
//! service.

use std::sync::Arc;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::broker::Broker;
use crate::config::Settings;
use crate::domain::clock::Clock;
use crate::domain::id::Home;
use crate::ingress::http::{accept, yardstick};
use crate::service::yardstick::Parts;
use crate::store::Audit;
use crate::store::audit_log::AuditLog;

use super::AppError;
use super::broker::OpenBroker;
use super::build::limits;
use super::clock::SystemClock;
use super::homes::OpenHomes;

/// Opens the books that these settings name to be read, each home's once, with its name; a service
/// may be working on them.
pub async fn open_audits(
    settings: &Settings,
) -> Result<Vec<(&'static str, Arc<dyn Audit>)>, AppError> {
    let homes = OpenHomes::existing(settings, &system_clock()).await?;
    Ok(homes.each().into_iter().map(|home| (home.name, Arc::clone(&home.audit))).collect())
}

/// Opens the audit log that these settings name to be read.
pub async fn open_audit_log(settings: &Settings) -> Result<Arc<dyn AuditLog>, AppError> {
    let homes = OpenHomes::existing(settings, &system_clock()).await?;
    let log = homes.of(Home::Business).audit_log.clone();
    Ok(log.expect("every store of business accounts keeps one"))
}

/// Opens the store of a home to be driven without HTTP, wire and judge.
pub async fn open_yardstick(settings: &Settings, home: Home) -> Result<Parts, AppError> {
    let clock = system_clock();
    let homes = OpenHomes::existing(settings, &clock).await?;
    let (facts, money) = (&homes.of(home).facts, &homes.of(home).money);
    Ok(Parts { facts: Arc::clone(facts), home: Arc::clone(money), clock })
}

/// Opens the message broker that these settings name, to be published to from outside. Not the embedded
/// one while a service has it: that is one process's.
pub async fn open_broker(settings: &Settings) -> Result<Arc<dyn Broker>, AppError> {
    Ok(OpenBroker::open(settings, &system_clock()).await?.broker)
}

fn system_clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock::new())
}

/// Serves on this listener until the process ends.
pub async fn serve_yardstick(listener: TcpListener) -> std::io::Result<()> {
    let settings = Settings::embedded("data".into(), listener.local_addr()?);
    let clock = system_clock();
    let (router, limits) = (yardstick::empty_router(), limits(&settings.http));
    accept::serve(listener, router, limits, clock, CancellationToken::new()).await;
    Ok(())
}
