//! For `bench` and `verify`: the accept loop with nothing behind it, and a store without a service.

use std::path::Path;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::config::Settings;
use crate::domain::clock::Clock;
use crate::ingress::http::{accept, yardstick};
use crate::service::yardstick::Parts;
use crate::store::Audit;

use super::AppError;
use super::build::limits;
use super::clock::SystemClock;
use super::homes;

/// Opens the books of a data folder to be read; a service may be working on them.
pub async fn open_audit(data_dir: &Path) -> Result<Arc<dyn Audit>, AppError> {
    Ok(homes::existing(data_dir, &system_clock()).await?)
}

/// Opens the store of a data folder to be driven without HTTP, wire and judge.
pub async fn open_yardstick(data_dir: &Path) -> Result<Parts, AppError> {
    let clock = system_clock();
    let store = homes::existing(data_dir, &clock).await?;
    Ok(Parts { facts: store.clone(), home: store, clock })
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
