//! Subcommands. They meet a running service as a stranger does, over HTTP.
#![expect(clippy::print_stdout, reason = "commands talk to people on standard output")]

mod bench;
mod client;
mod dead_letters;
mod demo;
mod health;
mod migrate;
mod openapi;
mod play;
mod reconcile;
mod scenario;
mod scratch;
mod serve;
mod simulate;
mod verify;
mod yardstick_server;

use std::error::Error;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::log::{Log, LogFormat};
use crate::telemetry::logging;

/// Decides card purchases in real time.
#[derive(Debug, Parser)]
#[command(name = "tollgate", version)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

/// What to do; without one, `serve`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the service.
    Serve(serve::Args),
    /// Bring the stores up to date, as their owner where that is another role, and end.
    Migrate,
    /// Play purchases at a service of its own, and show what comes of them.
    Demo(demo::Args),
    /// Recompute every balance and name the first difference (exit code 1 if there is any).
    Verify(verify::Args),
    /// Compare our books with the card platform's list of transactions (exit code 1 if they differ).
    Reconcile(reconcile::Args),
    /// Play the card platform against a running service, and compare the books of both (exit code 1
    /// if they differ).
    Simulate(simulate::Args),
    /// Measure how many purchases a second are decided, and how fast.
    Bench(bench::Args),
    /// Look through messages that could not be worked, send them again, or discard them.
    DeadLetters(dead_letters::Args),
    /// Print the OpenAPI document of the service.
    Openapi(openapi::Args),
    /// Ask a running service whether it is healthy (exit code 0) or not (1).
    Health(health::Args),
    /// Serve the empty handler that `bench` compares the service with.
    #[command(hide = true)]
    YardstickServer(yardstick_server::Args),
}

/// What went wrong, for one line on the terminal.
pub type Failure = Box<dyn Error + Send + Sync>;

/// Runs the command that was asked for.
pub fn run(cli: Cli) -> Result<ExitCode, Failure> {
    match cli.command.unwrap_or_else(|| Command::Serve(serve::Args::default())) {
        Command::Serve(args) => serve::run(&args),
        Command::Migrate => finish(migrate::run()),
        Command::Demo(args) => finish(demo::run(args)),
        Command::Verify(args) => finish(verify::run(args)),
        Command::Reconcile(args) => reconcile::start(args),
        Command::Simulate(args) => simulate::start(args),
        Command::Bench(args) => finish(bench::run(args)),
        Command::DeadLetters(args) => finish(dead_letters::run(args)),
        Command::Openapi(args) => openapi::run(&args),
        Command::Health(args) => health::run(&args),
        Command::YardstickServer(args) => finish(yardstick_server::run(args)),
    }
}

/// Runs a command that is not the service: only what is wrong is logged.
fn finish<E: Error + Send + Sync + 'static>(
    command: impl Future<Output = Result<ExitCode, E>>,
) -> Result<ExitCode, Failure> {
    logging::start(&Log { format: LogFormat::Auto, filter: "warn".to_owned() })?;
    let runtime = tokio::runtime::Runtime::new()?;
    Ok(runtime.block_on(command)?)
}

/// An error and what caused it.
pub fn in_one_line(error: &(dyn Error + 'static)) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        line = format!("{line}: {error}");
        cause = error.source();
    }
    line.replace('\n', " ")
}
