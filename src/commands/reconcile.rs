//! `tollgate reconcile`: compares our books with the card platform's list of transactions, and says
//! what is missing, extra or different. Reads only; a service may be working on the same books.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;

use secrecy::SecretString;
use serde::Serialize;

use crate::app;
use crate::app::clock::SystemClock;
use crate::config::log::{Log, LogFormat};
use crate::config::{Settings, SettingsError};
use crate::domain::clock::Clock;
use crate::domain::time::Timestamp;
use crate::service::reconcile::{List, Report, Window, reconcile};
use crate::telemetry::logging;

use super::Failure;

/// Differences that are printed for people; all are counted.
const PRINTED_MAX: usize = 50;

/// Books are read without a door.
const ANYWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// What to compare.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// A file with the platform's list: what its API answers, notifications, or the bare list.
    #[arg(long, conflicts_with = "platform")]
    file: Option<PathBuf>,
    /// The platform's API, such as https://host/v3 [default: the setting reconcile.platform].
    #[arg(long)]
    platform: Option<String>,
    /// Its application token [default: the setting reconcile.application].
    #[arg(long, requires = "platform")]
    application: Option<String>,
    /// Its access token [default: the setting reconcile.access].
    #[arg(long, requires = "platform")]
    access: Option<String>,
    /// The embedded store of this folder, whatever the settings say [default: every store that the
    /// settings select].
    #[arg(long)]
    data_dir: Option<PathBuf>,
    /// From when on purchases of ours that are not listed are extra (RFC 3339); with --to. Without
    /// both, none is.
    #[arg(long, requires = "to", value_parser = time)]
    from: Option<Timestamp>,
    /// Until when, not included.
    #[arg(long, requires = "from", value_parser = time)]
    to: Option<Timestamp>,
    /// Print one JSON object with the counts and all differences that are kept.
    #[arg(long)]
    json: bool,
}

/// What is printed for programs.
#[derive(Serialize)]
struct Printed<'a> {
    agree: bool,
    #[serde(flatten)]
    report: &'a Report,
    /// Why listed transactions could not be read.
    faults: &'a [String],
}

fn time(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text).ok_or_else(|| "expected a time such as 2026-01-31T12:00:00Z".to_owned())
}

/// Runs to its end; only what is wrong is logged.
pub(super) fn start(args: Args) -> Result<ExitCode, Failure> {
    logging::start(&Log { format: LogFormat::Auto, filter: "warn".to_owned() })?;
    tokio::runtime::Runtime::new()?.block_on(run(args))
}

/// Compares and prints. Fails if anything differs, or can not be read.
async fn run(args: Args) -> Result<ExitCode, Failure> {
    let mut settings = match &args.data_dir {
        Some(data_dir) => Settings::embedded(data_dir.clone(), ANYWHERE),
        None => Settings::load()?,
    };
    name_platform(&args, &mut settings)?;
    let window = args.from.zip(args.to).map(|(from, to)| Window { from, to });
    let list = list(&args, &settings, window).await?;
    let books = app::open_books(&settings).await?;
    let report = reconcile(&list, &books, window).await?;
    if args.json {
        let (agree, faults) = (report.clean(), list.unreadable.as_slice());
        println!("{}", serde_json::to_string(&Printed { agree, report: &report, faults })?);
    } else {
        print(&report, &list);
    }
    Ok(if report.clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What flags say comes before what settings say, and is checked as they are: tokens go with each call.
fn name_platform(args: &Args, settings: &mut Settings) -> Result<(), SettingsError> {
    let Some(platform) = &args.platform else { return Ok(()) };
    let set = &mut settings.reconcile;
    set.platform = Some(platform.clone());
    set.application = args.application.clone().or(set.application.take());
    set.access = args.access.clone().map(SecretString::from).or(set.access.take());
    settings.check_platform()
}

async fn list(args: &Args, settings: &Settings, window: Option<Window>) -> Result<List, Failure> {
    if let Some(path) = &args.file {
        let text = std::fs::read_to_string(path)
            .map_err(|error| format!("{} can not be read: {error}", path.display()))?;
        let list = List::of_file(&text);
        return list.map_err(|error| format!("{} is no list: {error}", path.display()).into());
    }
    let platform = app::platform(&settings.reconcile)?;
    let platform = platform.ok_or("say --file or --platform: reconcile.platform is not set")?;
    let now = SystemClock::new().now();
    let listed = window.map(|window| Window { to: window.to.max(now), ..window });
    List::fetched(&*platform, listed).await
}

fn print(report: &Report, list: &List) {
    println!(
        "{} transactions of {} purchases listed; {} purchases are equal, {} can not be judged",
        report.listed,
        report.purchases,
        report.equal,
        report.partial + report.recent,
    );
    for difference in report.differences.iter().take(PRINTED_MAX) {
        println!("  {difference}");
    }
    for fault in list.unreadable.iter().take(PRINTED_MAX) {
        println!("  unreadable: {fault}");
    }
    println!(
        "missing: {}, extra: {}, different: {}, unreadable: {}",
        report.missing, report.extra, report.different, report.unreadable
    );
    println!("{}", if report.clean() { "both sides agree" } else { "the books DIFFER" });
}
