//! `tollgate demo`: a service on a fresh store, and scenarios played at its own door.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use secrecy::SecretString;
use serde_json::Value;
use tokio::time::Instant;

use super::client::{Answer, Ask, Client};
use super::play::{Played, Player, Target};
use super::scenario::{self, Scenario, ScenarioError, Step};
use super::scratch::Scratch;
use super::verify;
use crate::app::{self, AppError, Running};
use crate::config::Settings;
use crate::service::verify as books;
use crate::store::StoreError;

/// Credentials of the demo. Known to everyone: it keeps nothing and listens where it is told to.
const ADMIN_KEY: &str = "demo-admin-key";
const JIT_USERNAME: &str = "demo";
const JIT_PASSWORD: &str = "Demo-password-0001!";

/// How wide the column of names is.
const NAME_WIDTH: usize = 52;

/// The stages of a decision, in the order in which a purchase passes them.
const STAGES: [&str; 7] =
    ["user_lookup", "card_lookup", "spending_limits", "lane_wait", "decision", "commit", "total"];

/// What to play.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Stop after the play instead of serving on.
    #[arg(long)]
    exit: bool,
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:3000")]
    listen: SocketAddr,
    /// Scenario files to play instead of those that come with the program.
    scenarios: Vec<PathBuf>,
}

/// Why the demo could not be given.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// A scenario is no good.
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    /// No folder for the store, or no signal to wait for.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The service did not start.
    #[error(transparent)]
    App(#[from] AppError),
    /// The books could not be read.
    #[error("the books could not be read")]
    Store(#[from] StoreError),
}

/// Plays, prints, and serves until told to stop. Fails if an answer was not the expected one or the
/// books differ.
pub async fn run(args: Args) -> Result<ExitCode, DemoError> {
    let scenarios = match args.scenarios.as_slice() {
        [] => scenario::built_in()?,
        files => files.iter().map(|file| scenario::load(file)).collect::<Result<_, _>>()?,
    };
    let scratch = Scratch::create(None, "demo")?;
    let started = Instant::now();
    let settings = settings(&args, &scratch);
    let running = app::start(settings.clone()).await?;
    println!("tollgate is ready on http://{} after {}", running.addr, millis(started));
    let failures = play_all(&scenarios, &running).await;
    print_profile(&running).await;
    let audited = Instant::now();
    println!();
    let mut clean = true;
    for (_, audit) in app::open_audits(&settings).await? {
        let report = books::verify(&*audit).await?;
        verify::print(&report, audited);
        clean &= report.clean();
    }
    println!("{}", verdict(failures));
    if !args.exit {
        serve_on(&running).await?;
    }
    running.shutdown().await;
    let sound = failures == 0 && clean;
    Ok(if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn settings(args: &Args, scratch: &Scratch) -> Settings {
    let mut settings = Settings::embedded(scratch.path().join("data"), args.listen);
    settings.admin.key = Some(ADMIN_KEY.into());
    settings.jit.username = Some(JIT_USERNAME.into());
    settings.jit.password = Some(JIT_PASSWORD.into());
    settings.http.drain_ms = 0;
    settings
}

async fn play_all(scenarios: &[Scenario], running: &Running) -> usize {
    let target = Target {
        addr: running.addr,
        admin_key: SecretString::from(ADMIN_KEY),
        jit_username: JIT_USERNAME.to_owned(),
        jit_password: SecretString::from(JIT_PASSWORD),
    };
    let run = format!("{:08x}", std::process::id());
    let mut player = Player::new(target, run);
    let mut failures = 0;
    for scenario in scenarios {
        println!("\n{}", scenario.title);
        player.begin();
        for (number, step) in scenario.steps.iter().enumerate() {
            let played = player.play(scenario, step).await;
            failures += usize::from(!played.faults.is_empty());
            print_step(number + 1, step, &played);
        }
    }
    failures
}

fn print_step(number: usize, step: &Step, played: &Played) {
    let status = played.answer.as_ref().map_or(0, |answer| answer.status);
    let said = played.answer.as_ref().map(said).unwrap_or_default();
    let mark = if played.faults.is_empty() { "ok" } else { "NOT AS EXPECTED" };
    let took = played.took.as_secs_f64() * 1_000.0;
    let name = &step.name;
    println!("{number:>4}  {name:<NAME_WIDTH$} {status:>3}  {said:<54} {took:>7.1} ms  {mark}");
    for fault in &played.faults {
        println!("      {fault}");
    }
}

/// What an answer comes to, in a few words.
fn said(answer: &Answer) -> String {
    let json = answer.json();
    let text = |pointer: &str| json.pointer(pointer).and_then(Value::as_str);
    let number = |pointer: &str| json.pointer(pointer).and_then(Value::as_i64);
    if let Some(funding) = json.get("jit_funding") {
        let memo = funding.get("memo").and_then(Value::as_str).unwrap_or_default();
        return match funding.get("decline_reason").and_then(Value::as_str) {
            Some(reason) => format!("{reason}  {memo}"),
            None => "approved".to_owned(),
        };
    }
    if let Some(decision) = text("/decision") {
        return [decision, text("/reason").unwrap_or_default()].join("  ").trim().to_owned();
    }
    if let (Some(held), Some(posted)) = (number("/held"), number("/posted")) {
        let available = number("/available").unwrap_or(0);
        return format!("held {held}, posted {posted}, available {available}");
    }
    if let (Some(held), Some(posted)) = (number("/held_change"), number("/posted_change")) {
        let flags = json.get("flags").and_then(Value::as_array);
        let flags: Vec<&str> =
            flags.into_iter().flatten().filter_map(serde_json::Value::as_str).collect();
        let available = number("/available").unwrap_or(0);
        let moved =
            format!("held {held:+}, posted {posted:+}, available {available}  {}", flags.join(" "));
        return moved.trim_end().to_owned();
    }
    text("/code").or_else(|| text("/status")).unwrap_or_default().to_owned()
}

/// Stage times and reasons, as the service itself reports them.
async fn print_profile(running: &Running) {
    let ask = Ask::get("/api/v1/profile").bearer(ADMIN_KEY);
    let Ok(answer) = Client::new(running.addr).send(&ask).await else { return };
    let profile = answer.json();
    let since_start = profile.get("since_start").unwrap_or(&Value::Null);
    println!("\nstage                 count  average us      p50      p95      p99      max");
    for stage in STAGES {
        let Some(times) = since_start.get("stages").and_then(|stages| stages.get(stage)) else {
            continue;
        };
        let number = |name: &str| times.get(name).and_then(Value::as_f64).unwrap_or(0.0);
        println!(
            "{stage:<20}{:>7.0}{:>12.1}{:>9.0}{:>9.0}{:>9.0}{:>9.0}",
            number("count"),
            number("average_us"),
            number("p50_us"),
            number("p95_us"),
            number("p99_us"),
            number("max_us")
        );
    }
    let count = |name: &str| since_start.get(name).and_then(Value::as_u64).unwrap_or(0);
    println!("approved {}, declined {}", count("approved"), count("declined"));
    for (reason, number) in
        since_start.get("reasons").and_then(Value::as_object).into_iter().flatten()
    {
        println!("  {reason:<34}{number:>5}");
    }
}

fn verdict(failures: usize) -> String {
    match failures {
        0 => "every answer was the expected one".to_owned(),
        1 => "1 answer was not the expected one".to_owned(),
        more => format!("{more} answers were not the expected ones"),
    }
}

async fn serve_on(running: &Running) -> std::io::Result<()> {
    println!("\nserving on http://{} until Ctrl-C", running.addr);
    println!("  admin key   {ADMIN_KEY}");
    println!("  JIT door    {JIT_USERNAME} / {JIT_PASSWORD}");
    tokio::signal::ctrl_c().await
}

fn millis(since: Instant) -> String {
    format!("{:.0} ms", since.elapsed().as_secs_f64() * 1_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_told_in_a_few_words() {
        for (body, expected) in [
            (r#"{"jit_funding":{"token":"t"}}"#, "approved"),
            (
                r#"{"jit_funding":{"decline_reason":"INVALID_CARD","memo":"card.unknown"}}"#,
                "INVALID_CARD  card.unknown",
            ),
            (r#"{"decision":"declined","reason":"EXPIRED_CARD"}"#, "declined  EXPIRED_CARD"),
            (r#"{"held":5,"posted":-1,"available":7}"#, "held 5, posted -1, available 7"),
            (
                r#"{"held_change":-5,"posted_change":6,"available":9,"flags":["over_clearing"]}"#,
                "held -5, posted +6, available 9  over_clearing",
            ),
            (r#"{"code":"token_reused","status":409}"#, "token_reused"),
            (r#"{"id":"cmp_1","status":"ACTIVE"}"#, "ACTIVE"),
            ("not json", ""),
        ] {
            let answer = Answer { status: 200, body: body.into() };
            assert_eq!(said(&answer), expected, "{body}");
        }
    }
}
