//! `tollgate serve`: the service itself.

use std::process::ExitCode;
use std::time::Duration;

use clap::ValueEnum;

use crate::app;
use crate::app::roles::Roles;
use crate::config::Settings;
use crate::telemetry::logging;

use super::Failure;

/// How long threads may take to end once the service has.
const LEFT_MAX: Duration = Duration::from_millis(500);

/// What this process does.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Its parts in a deployment that is split; all of them by default.
    #[arg(long, value_enum, value_delimiter = ',', default_values = ["api", "worker", "relay"])]
    roles: Vec<Role>,
}

/// A part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Role {
    /// Serves purchases and the REST routes.
    Api,
    /// Lets holds expire, consumes queues.
    Worker,
    /// Takes events from the outbox to the broker.
    Relay,
}

impl Default for Args {
    fn default() -> Self {
        Self { roles: vec![Role::Api, Role::Worker, Role::Relay] }
    }
}

impl Args {
    fn roles(&self) -> Roles {
        let has = |role| self.roles.contains(&role);
        Roles { api: has(Role::Api), worker: has(Role::Worker), relay: has(Role::Relay) }
    }
}

pub(super) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let settings = Settings::load()?;
    logging::start(&settings.log)?;
    let runtime = tokio::runtime::Runtime::new()?;
    let ended = runtime.block_on(app::run(settings, args.roles()));
    // What was given up has a thread yet, perhaps, and a runtime that is dropped waits for all of them.
    runtime.shutdown_timeout(LEFT_MAX);
    ended?;
    Ok(ExitCode::SUCCESS)
}
