//! `tollgate bench`: how many purchases a second the service decides durably, and how fast.
//!
//! The service runs in processes of its own. First each of the connections asks as fast as it is
//! answered (the peak), then purchases arrive at a fixed rate (the latencies). In the same run, on
//! the same connections, an empty handler and the bare batch say what the machine would allow.
//! `docs/BENCH.md` says how to read the result.

mod answers;
mod args;
mod bars;
mod child;
mod connection;
mod flush;
mod line;
mod load;
mod pace;
mod phases;
mod plan;
mod prepare;
mod processes;
mod profile;
mod program;
mod purchase_bars;
mod reads;
mod report;
mod requests;
mod rest;
mod results;
mod service;
mod setup;
mod stores;
mod table;
mod target;
#[cfg(test)]
mod tests;
mod work;
mod yardsticks;

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use tokio::time::Instant;

use super::scenario::ScenarioError;
use super::scratch::Scratch;
use crate::app::AppError;
use crate::app::clock::SystemClock;
use crate::broker::BrokerError;
use crate::config::SettingsError;
use crate::domain::clock::Clock;
use crate::store::StoreError;

use child::ChildError;
use phases::{Bench, Measured};
use plan::{Plan, Step};
use profile::{Choice, Profile};
use report::Report;
use results::Results;
use setup::SetupError;
use stores::Stores;
use target::Target;

pub use args::Args;

/// Any port of this machine: stores are opened without a door.
const SELF: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// Why nothing could be measured.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// Files, sockets, processes.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The flags and the environment do not go together.
    #[error("{0}")]
    Refused(String),
    /// The settings are wrong.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The server did not start.
    #[error(transparent)]
    Child(#[from] ChildError),
    /// The card program could not be created.
    #[error("the card program could not be set up")]
    Setup(#[from] SetupError),
    /// The set-up alone took all the time.
    #[error("{0} accounts could not be set up within {1:.1} s: give more time, or fewer accounts")]
    TooLong(u32, f64),
    /// The requests could not be made.
    #[error(transparent)]
    Requests(#[from] ScenarioError),
    /// The message broker can not be used.
    #[error(transparent)]
    Broker(#[from] BrokerError),
    /// The store could not be opened.
    #[error(transparent)]
    App(#[from] AppError),
    /// The store could not be read, or driven.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Measures, and prints the results. Fails if a request failed or the books differ, and with `--bars` if a
/// figure misses its bar, or none has one.
pub async fn run(args: Args) -> Result<ExitCode, BenchError> {
    let deadline = args.time_limit.map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let plan = Plan::new(args.seconds, deadline, !args.no_yardsticks && args.target.is_none());
    let (profiles, works) = (Choice::profiles(&args.profile), Choice::works(&args.profile));
    if args.target.is_some() && !works.is_empty() {
        let why = "--target measures purchases only: what is done behind an answer can not be seen";
        return Err(BenchError::Refused(why.to_owned()));
    }
    let mut left = u32::try_from(profiles.len() + works.len()).unwrap_or(u32::MAX);
    let mut results = Results::new(&args);
    let mut uncontended_per_s = None;
    let target = match &args.target {
        Some(url) => Some(Target::of(url, &args).await?),
        None => None,
    };
    for profile in profiles {
        let plan = plan.next_of(left);
        left -= 1;
        if profile == Profile::Reads {
            if target.is_some() {
                return Err(BenchError::Refused("reads are not measured on a target".into()));
            }
            results.show(&reads::measure(&args, plan).await?);
            continue;
        }
        let mut report = match &target {
            Some(target) => target.measure(&args, profile, plan).await?,
            None => measure(&args, profile, plan).await?,
        };
        report.bars = purchase_bars::of(profile, &report, uncontended_per_s);
        if profile == Profile::Uncontended {
            uncontended_per_s = Some(report.decisions_per_s);
        }
        results.show(&report);
    }
    for work in works {
        results.show(&work.measure(&args, plan.next_of(left)).await?);
        left -= 1;
    }
    Ok(results.end())
}

async fn measure(args: &Args, profile: Profile, plan: Plan) -> Result<Report, BenchError> {
    let stores = Stores::select(args)?;
    let scratch = Scratch::create(args.data_dir.as_deref(), "bench")?;
    let folder = scratch.path();
    let mut bench = Bench::start(args, profile, &stores, plan, folder).await?;
    bench.warm_up().await?;
    let peak = bench.saturate().await?;
    let open_loop = bench.open_loop(peak.report.per_s).await?;
    let mut report = loops(args, profile, &stores, &bench, peak, open_loop);

    let Bench { service, prepared, load, .. } = bench;
    service.kill()?;
    let data_dir = phases::data_dir(folder);
    if !args.no_verify {
        report.verified = Some(yardsticks::verify(&stores.settings(&data_dir)).await?);
    }
    report.flush_ms = Some(report::millis(flush::median_flush(folder)?));
    if !args.no_yardsticks {
        let time = plan.time_for(Step::BareBatch);
        let (program, mean) = (&prepared.program, report.batch_mean);
        report.bare_batch =
            yardsticks::bare_batch(args, &stores, &data_dir, program, mean, time).await?;
        let time = plan.time_for(Step::EmptyHandler);
        report.empty_handler = Some(yardsticks::empty_handler(&load, folder, time).await?);
        report.compare();
    }
    Ok(report)
}

/// What the two loops say, before the yardsticks.
fn loops(
    args: &Args,
    profile: Profile,
    stores: &Stores,
    bench: &Bench<'_>,
    peak: Measured,
    open: Measured,
) -> Report {
    let program = &bench.prepared.program;
    let failures = peak.report.failures.and(&open.report.failures);
    let retries = |measured: &Measured| measured.figures.map(service::Figures::retries);
    Report {
        profile: profile.as_str(),
        stores: stores.names().into_iter().map(str::to_owned).collect(),
        instances: args.instances,
        connections: bench.load.connections,
        accounts: program.accounts(),
        cards: program.cards(),
        limits_per_card: program.limits.per_card(),
        decisions_per_s: peak.report.per_s,
        p50_ms: open.report.p50_ms,
        p95_ms: open.report.p95_ms,
        p99_ms: open.report.p99_ms,
        p999_ms: open.report.p999_ms,
        requests: peak.report.answers + open.report.answers + failures.total(),
        errors: failures.total(),
        failures,
        rss_mb: Some(load::count(bench.service.used().rss_peak_kib) / 1024.0),
        service_cpu_us: peak.report.server_cpu_us,
        store_cpu_us: peak.report.store_cpu_us(),
        batch_mean: peak.figures.and_then(service::Figures::batch_mean),
        retries: retries(&peak).zip(retries(&open)).map(|(peak, open)| peak + open),
        cache_hit_share: peak.figures.and_then(service::Figures::hit_share),
        setup_s: bench.prepared.took.map(|took| took.as_secs_f64()),
        start_to_ready_ms: Some(report::millis(bench.service.start_to_ready())),
        error_example: peak.example.or(open.example),
        peak: Some(peak.report),
        open_loop: Some(open.report),
        ..Report::default()
    }
}

/// Names that no other run has: nothing is kept secret with it.
fn random() -> u128 {
    SystemClock::new().uuid().as_u128()
}
