//! The REST routes under load: one card as fast as it is answered, a list of fifty at a fixed rate, and
//! the day of an integration (reads of all kinds, dry runs, purchases) at a fixed rate.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use super::BenchError;
use super::answers::Check;
use super::args::Args;
use super::bars::{Bar, Bars};
use super::phases::{self, Bench, Measured};
use super::plan::Plan;
use super::profile::Profile;
use super::report::PhaseReport;
use super::requests::Requests;
use super::rest::Admin;
use super::results::Outcome;
use super::stores::Stores;
use super::yardsticks;
use crate::commands::scratch::Scratch;

/// Arrivals a second where the flags do not say.
const RATE: u32 = 1_000;

/// What is asked, with how often, beside each other. A gap in a path or body is filled for each request.
type Mix = &'static [(u32, &'static str, &'static str)];

/// One card.
const CARD: Mix = &[(1, "/api/v1/cards/{card}", "")];

/// A page of the usual length.
const LIST: Mix = &[(1, "/api/v1/cards?limit=50", "")];

/// What an integration asks for in its day. Purchases are decided, and change the books.
const MIXED: Mix = &[
    (40, "/api/v1/cards/{card}", ""),
    (15, "/api/v1/users/{user}", ""),
    (10, "/api/v1/cards?limit=50", ""),
    (5, "/api/v1/cards?user={user}", ""),
    (10, "/api/v1/authorizations?card={card}&limit=20", ""),
    (5, "/api/v1/spending-limits?scope=user&limit=50", ""),
    (5, "/api/v1/authorizations?dry_run=true", PURCHASE),
    (10, "/api/v1/authorizations", PURCHASE),
];

const PURCHASE: &str = r#"{"token":"{token}","card":"{card}","amount":1000,"currency":"EUR","merchant":{"mcc":"5411"}}"#;

/// What was found.
#[derive(Debug, Serialize)]
pub struct ReadsReport {
    profile: &'static str,
    /// Where the books are.
    pub stores: Vec<String>,
    cards: u32,
    /// One card, closed loop.
    pub card: PhaseReport,
    /// A page of fifty cards, open loop.
    pub list: PhaseReport,
    /// The mixture, open loop.
    pub mixed: PhaseReport,
    /// Failed requests of all phases.
    pub errors: u64,
    error_example: Option<String>,
    /// Whether the books add up after the service was killed.
    pub verified: Option<bool>,
    /// What was to be reached.
    bars: Bars,
}

impl Outcome for ReadsReport {
    fn profile(&self) -> &'static str {
        self.profile
    }

    fn is_sound(&self) -> bool {
        self.errors == 0 && self.verified != Some(false)
    }

    fn bars(&self) -> Bars {
        self.bars.clone()
    }
}

/// Measures the three in one run.
pub async fn measure(args: &Args, plan: Plan) -> Result<ReadsReport, BenchError> {
    let stores = Stores::select(args)?;
    let scratch = Scratch::create(args.data_dir.as_deref(), "bench")?;
    let folder = scratch.path();
    let rate = args.rate.unwrap_or(RATE);
    let mut bench = Bench::start(args, Profile::Reads, &stores, plan, folder).await?;
    ask(&mut bench, CARD);
    bench.warm_up().await?;
    let card = bench.saturate().await?;
    ask(&mut bench, LIST);
    let list = bench.at_rate(rate).await?;
    ask(&mut bench, MIXED);
    let mixed = bench.at_rate(rate).await?;
    let cards = bench.prepared.program.cards();
    let Bench { service, .. } = bench;
    service.kill()?;
    let verified = match args.no_verify {
        true => None,
        false => Some(yardsticks::verify(&stores.settings(&phases::data_dir(folder))).await?),
    };
    Ok(report(&stores, cards, [card, list, mixed], verified))
}

fn report(
    stores: &Stores,
    cards: u32,
    [card, list, mixed]: [Measured; 3],
    verified: Option<bool>,
) -> ReadsReport {
    let errors = [&card, &list, &mixed].map(|phase| phase.report.errors).into_iter().sum();
    ReadsReport {
        profile: Profile::Reads.as_str(),
        stores: stores.names().into_iter().map(str::to_owned).collect(),
        cards,
        errors,
        error_example: card.example.or(list.example).or(mixed.example),
        bars: bars(&card.report, &list.report, &mixed.report),
        card: card.report,
        list: list.report,
        mixed: mixed.report,
        verified,
    }
}

fn bars(card: &PhaseReport, list: &PhaseReport, mixed: &PhaseReport) -> Bars {
    let mut bars = Bars::default();
    bars.tell("card_per_s", Some(card.per_s), Bar::AtLeast(15_000.0));
    bars.tell("list_p99_ms", Some(list.p99_ms), Bar::Below(20.0));
    bars.tell("mixed_p95_ms", Some(mixed.p95_ms), Bar::Below(200.0));
    bars.tell("mixed_p99_ms", Some(mixed.p99_ms), Bar::Below(500.0));
    bars
}

fn ask(bench: &mut Bench<'_>, mix: Mix) {
    let Admin { host, key, .. } = bench.service.admin();
    bench.load.requests = Arc::new(requests(&host, &key, mix, &bench.prepared.program));
    bench.load.check = Check::Success;
}

/// The requests of a mixture.
fn requests(host: &str, key: &str, mix: Mix, program: &super::program::Program) -> Requests {
    let each = mix.iter().map(|(weight, path, body)| {
        let method = if body.is_empty() { "GET" } else { "POST" };
        let kind = if body.is_empty() { "" } else { "content-type: application/json\r\n" };
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {key}\r\n{kind}"
        );
        (*weight, head, (*body).to_owned())
    });
    Requests::rest(each, program)
}

impl fmt::Display for ReadsReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "reads on {} ({} cards)", self.stores.join(" and "), self.cards)?;
        let phases = [
            ("one card, closed loop", &self.card),
            ("list of 50", &self.list),
            ("mixed", &self.mixed),
        ];
        for (name, phase) in phases {
            writeln!(
                f,
                "{name:<22} {:>9.0}/s   p50 {:.2} ms   p95 {:.2} ms   p99 {:.2} ms   max {:.1} ms   \
                 {} failed",
                phase.per_s, phase.p50_ms, phase.p95_ms, phase.p99_ms, phase.max_ms, phase.errors
            )?;
        }
        if let Some(verified) = self.verified {
            writeln!(f, "books                  {}", if verified { "add up" } else { "DIFFER" })?;
        }
        self.error_example.iter().try_for_each(|example| writeln!(f, "  such as: {example}"))?;
        write!(f, "{}", self.bars)
    }
}

#[cfg(test)]
mod tests {
    use super::super::program::{Limits, Program};
    use super::super::requests::Tokens;
    use super::*;

    #[test]
    fn every_request_of_a_mixture_is_whole() {
        let program = Program {
            prefix: "b1234567".into(),
            groups: Profile::Reads.groups(100),
            limits: Limits::None,
        };
        let requests = requests("h", "k", MIXED, &program);
        let weights: u32 = MIXED.iter().map(|(weight, ..)| weight).sum();
        assert_eq!(weights, 100);
        let (mut tokens, mut buffer, mut posts) = (Tokens::of("run"), Vec::new(), 0);
        for draw in 0..100 {
            requests.write(|| draw, tokens.draw(), &mut buffer);
            let text = String::from_utf8(buffer.clone()).unwrap();
            let (head, body) = text.split_once("\r\n\r\n").unwrap();
            assert!(!text.contains("gap-") && !head.contains('{'), "{text}");
            assert!(head.contains("authorization: Bearer k"), "{head}");
            if head.starts_with("POST") {
                posts += 1;
                assert!(head.contains(&format!("content-length: {}", body.len())), "{head}");
                assert!(serde_json::from_str::<serde_json::Value>(body).is_ok(), "{body}");
            }
        }
        assert_eq!(posts, 15);
    }
}
