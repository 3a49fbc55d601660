//! Logs: JSON for machines, lines for people, on standard error. A panic is one log line; its
//! message is left out where it was put together at run time, because it may hold a value.

use std::io::IsTerminal;
use std::panic::PanicHookInfo;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{Layer, fmt, registry};

use crate::config::log::{Log, LogFormat};

/// Why logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum LoggingError {
    /// The filter is not one.
    #[error("setting log.filter must be a level or targets with levels, such as \"info\"")]
    Filter,
    /// It was set up before.
    #[error("logging is set up twice")]
    Twice(#[from] TryInitError),
}

/// Sets up logging for the process, once.
pub fn start(settings: &Log) -> Result<(), LoggingError> {
    let filter = EnvFilter::try_new(&settings.filter).map_err(|_| LoggingError::Filter)?;
    let json = match settings.format {
        LogFormat::Json => true,
        LogFormat::Pretty => false,
        LogFormat::Auto => !std::io::stderr().is_terminal(),
    };
    let lines = fmt::layer().with_writer(std::io::stderr);
    let lines = if json { lines.json().flatten_event(true).boxed() } else { lines.boxed() };
    registry().with(filter).with(lines).try_init()?;
    std::panic::set_hook(Box::new(log_panic));
    Ok(())
}

fn log_panic(panic: &PanicHookInfo<'_>) {
    let message = panic.payload().downcast_ref::<&'static str>().copied();
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    tracing::error!(place, message, "a task panicked");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_that_is_none_names_its_setting() {
        let log = Log { format: LogFormat::Json, filter: "info,=,=".to_owned() };
        let error = start(&log).unwrap_err();
        assert!(error.to_string().contains("log.filter"), "{error}");
    }
}
