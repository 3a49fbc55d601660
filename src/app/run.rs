//! Runs the service until a signal, then stops it in order.

use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::config::Settings;

use super::roles::Roles;
use super::{AppError, Running, start_as};

/// How long everything may take after the signal, `http.drain_ms` included: supervisors kill after 30 s.
const STOP_MAX: Duration = Duration::from_secs(25);

/// Starts the service and serves until SIGTERM or SIGINT (Ctrl-C).
///
/// After SIGTERM probes are told at once, and the door stays open for `http.drain_ms`, so that
/// balancers notice; after Ctrl-C it closes at once. A second signal ends everything, and so do 25 s.
pub async fn run(settings: Settings, roles: Roles) -> Result<(), AppError> {
    let mut signals = Signals::listen()?;
    let drain = Duration::from_millis(settings.http.drain_ms);
    let mut running = start_as(settings, roles, None).await?;
    running.secrets.announce(&running.data_dir);
    let first = tokio::select! {
        signal = signals.next() => signal,
        error = running.failed() => return Err(error),
    };
    tracing::info!(signal = first.name(), "stopping");
    ended(stop(running, first, drain), signals.next(), STOP_MAX).await
}

/// Waits for the end, but neither beyond a second signal nor for longer than this.
async fn ended(
    stopping: impl Future<Output = ()>,
    second: impl Future<Output = Stop>,
    within: Duration,
) -> Result<(), AppError> {
    tokio::select! {
        ended = tokio::time::timeout(within, stopping) => ended.map_err(|_| {
            tracing::error!(waited_s = within.as_secs(), "not stopped in time: not waiting any longer");
            AppError::Overdue
        }),
        _second = second => {
            tracing::error!("a second signal: not waiting any longer");
            Err(AppError::Forced)
        }
    }
}

async fn stop(running: Running, signal: Stop, drain: Duration) {
    if signal == Stop::Terminate {
        running.drain();
        tokio::time::sleep(drain).await;
    }
    running.shutdown().await;
}

/// What ends the process in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    /// SIGTERM: from a supervisor.
    Terminate,
    /// SIGINT: from a person.
    Interrupt,
}

impl Stop {
    const fn name(self) -> &'static str {
        match self {
            Self::Terminate => "SIGTERM",
            Self::Interrupt => "SIGINT",
        }
    }
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) -> Stop {
        tokio::select! {
            _ = self.terminate.recv() => Stop::Terminate,
            _ = self.interrupt.recv() => Stop::Interrupt,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    const SOON: Duration = Duration::from_millis(20);

    #[tokio::test]
    async fn a_stop_has_an_end_of_its_own_or_one_that_is_forced() {
        assert!(ended(ready(()), pending(), SOON).await.is_ok());
        let overdue = ended(pending(), pending(), SOON).await;
        assert!(matches!(overdue, Err(AppError::Overdue)), "{overdue:?}");
        let forced = ended(pending(), ready(Stop::Interrupt), SOON).await;
        assert!(matches!(forced, Err(AppError::Forced)), "{forced:?}");
    }
}
