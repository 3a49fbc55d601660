//! `tollgate bench`: how many purchases a second the service decides durably, and how fast.
//!
//! The service runs in a process of its own on a fresh store. First each of the connections asks
//! as fast as it is answered (the peak), then purchases arrive at a fixed rate (the latencies).
//! In the same run, on the same connections, an empty handler and the bare batch say what the
//! machine would allow. One profile so far: uncontended purchases at the JIT door.

mod child;
mod connection;
mod flush;
mod line;
mod load;
mod pace;
mod phases;
mod program;
mod report;
mod requests;
mod yardsticks;

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use super::scenario::ScenarioError;
use super::scratch::Scratch;
use crate::app::AppError;
use crate::store::StoreError;

use child::ChildError;
use phases::Bench;
use program::SetupError;
use report::Report;

/// What to measure.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// How long each phase takes, in seconds.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    seconds: u64,
    /// At least so many decisions at saturation.
    #[arg(long, default_value_t = 0)]
    decisions: u64,
    /// Connections that are kept open.
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u16).range(1..=2_000))]
    connections: u16,
    /// Arrivals a second in the open loop [default: 12000, or 80 % of the peak if that is less].
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    rate: Option<u32>,
    /// Print the result as one JSON object.
    #[arg(long)]
    json: bool,
    /// Leave out the empty handler and the bare batch.
    #[arg(long)]
    no_yardsticks: bool,
    /// Where the fresh store is put, and the disk that is measured [default: the system's folder
    /// for temporary files].
    #[arg(long)]
    data_dir: Option<PathBuf>,
}

/// Why nothing could be measured.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// Files, sockets, processes.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The server did not start.
    #[error(transparent)]
    Child(#[from] ChildError),
    /// The card program could not be created.
    #[error("the card program could not be set up: {0}")]
    Setup(#[from] SetupError),
    /// The requests could not be made.
    #[error(transparent)]
    Requests(#[from] ScenarioError),
    /// The store could not be opened.
    #[error(transparent)]
    App(#[from] AppError),
    /// The store could not be read, or driven.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Measures, and prints the result. Fails if an answer was wrong or the books differ.
pub async fn run(args: Args) -> Result<ExitCode, BenchError> {
    let scratch = Scratch::create(args.data_dir.as_deref(), "bench")?;
    let report = measure(&args, &scratch).await?;
    print(&args, &report);
    let sound = report.errors == 0 && report.verified != Some(false);
    Ok(if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn measure(args: &Args, scratch: &Scratch) -> Result<Report, BenchError> {
    let mut bench = Bench::start(args, scratch).await?;
    bench.warm_up().await?;
    let peak = bench.saturate().await?;
    let open_loop = bench.open_loop(peak.report.per_s).await?;
    let used = bench.server.used();
    let start_to_ready = bench.server.start_to_ready;
    let (cards, data_dir) = bench.kill()?;
    let verified = yardsticks::verify(&data_dir).await?;
    let (bare_batch, empty_handler) = if args.no_yardsticks {
        (None, None)
    } else {
        let bare = yardsticks::bare_batch(args, &data_dir, &cards, peak.batch_mean).await?;
        (Some(bare), Some(yardsticks::empty_handler(args, scratch, &cards).await?))
    };
    let share = |of: Option<f64>| of.filter(|of| *of > 0.0).map(|of| peak.report.per_s / of);
    Ok(Report {
        profile: "uncontended",
        decisions_per_s: peak.report.per_s,
        p50_ms: open_loop.report.p50_ms,
        p95_ms: open_loop.report.p95_ms,
        p99_ms: open_loop.report.p99_ms,
        p999_ms: open_loop.report.p999_ms,
        errors: peak.report.errors + open_loop.report.errors,
        error_example: peak.example.or(open_loop.example),
        rss_mb: load::count(used.rss_peak_kib) / 1024.0,
        service_cpu_us: peak.report.server_cpu_us,
        store_cpu_us: None,
        batch_mean: peak.batch_mean,
        ratio_bare_batch: share(bare_batch.as_ref().map(|bare| bare.per_s)),
        ratio_empty_handler: share(empty_handler.as_ref().map(|phase| phase.per_s)),
        start_to_ready_ms: report::millis(start_to_ready),
        flush_ms: report::millis(flush::median_flush(scratch.path())?),
        peak: peak.report,
        open_loop: Some(open_loop.report),
        empty_handler,
        bare_batch,
        verified: Some(verified),
    })
}

fn print(args: &Args, report: &Report) {
    if args.json {
        let json = serde_json::to_string(report).expect("numbers and texts are always JSON");
        println!("{json}");
    } else {
        println!("{report}");
    }
}
