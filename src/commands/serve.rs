//! `tollgate serve`: the service itself.

use std::process::ExitCode;

use crate::app;
use crate::config::Settings;
use crate::telemetry::logging;

use super::Failure;

pub(super) fn run() -> Result<ExitCode, Failure> {
    let settings = Settings::load()?;
    logging::start(&settings.log)?;
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(app::run(settings))?;
    Ok(ExitCode::SUCCESS)
}
