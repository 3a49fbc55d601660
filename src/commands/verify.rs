//! `tollgate verify`: recomputes the books and says what differs, and whether the audit log is whole. Reads only; a service may be
//! working on the same books.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;

use tokio::time::Instant;

use crate::app::{self, AppError};
use crate::config::{Settings, SettingsError};
use crate::service::verify::log::{LogReport, verify_log};
use crate::service::verify::{Report, verify};
use crate::store::StoreError;

/// Differences that are printed; all are counted.
const PRINTED_MAX: usize = 20;

/// Books are read without a door.
const ANYWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// Which books.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// The embedded store of this folder, whatever the settings say [default: every store that the
    /// settings select].
    #[arg(long)]
    data_dir: Option<PathBuf>,
}

/// Why nothing can be said about the books.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The settings are wrong.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The store can not be opened.
    #[error(transparent)]
    App(#[from] AppError),
    /// The store can not be read.
    #[error("the books could not be read")]
    Store(#[from] StoreError),
}

/// Verifies every home and prints the verdicts. Fails if anything differs.
pub async fn run(args: Args) -> Result<ExitCode, VerifyError> {
    let settings = match args.data_dir {
        Some(data_dir) => Settings::embedded(data_dir, ANYWHERE),
        None => Settings::load()?,
    };
    let audits = app::open_audits(&settings).await?;
    let (several, mut clean) = (audits.len() > 1, true);
    for (name, audit) in audits {
        if several {
            println!("{name}");
        }
        let started = Instant::now();
        let report = verify(&*audit).await?;
        print(&report, started);
        clean &= report.clean();
    }
    clean &= print_log(verify_log(&*app::open_audit_log(&settings).await?).await?);
    Ok(if clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Prints what is to be said about the audit log; whether it is whole.
fn print_log(report: LogReport) -> bool {
    match report.broken_at {
        None => println!("audit log: {} entries, each follows the one before", report.entries),
        Some(number) => println!(
            "audit log: BROKEN at entry {number}: it is missing, was changed, or does not follow"
        ),
    }
    report.broken_at.is_none()
}

/// Prints what was looked at, what differs, and the verdict.
pub(super) fn print(report: &Report, started: Instant) {
    let counts = &report.counts;
    println!(
        "verified {} accounts, {} chains, {} counters, {} postings, {} decisions ({} approved) in {:.0} ms",
        report.accounts,
        report.chains,
        report.counters,
        counts.postings,
        counts.decisions,
        counts.approved,
        started.elapsed().as_secs_f64() * 1_000.0,
    );
    if report.overdrawn > 0 {
        println!("  {} accounts are overdrawn, each by a cause on record", report.overdrawn);
    }
    if report.counters_skipped > 0 {
        println!("  {} counters could not be recounted", report.counters_skipped);
    }
    for difference in report.differences.iter().take(PRINTED_MAX) {
        println!("  DIFFERS  {difference}");
    }
    match report.differences_count {
        0 => println!("verdict: clean"),
        count => println!("verdict: {count} differences"),
    }
}
