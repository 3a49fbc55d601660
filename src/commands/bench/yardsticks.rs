//! What the machine would allow, measured in the same run: an empty handler behind the same accept
//! loop, and the store's own transactions without HTTP.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use futures_util::future::try_join_all;

use super::super::client::Ask;
use super::BenchError;
use super::answers::Check;
use super::args::Args;
use super::child::Server;
use super::load::{Load, Until, count};
use super::program::Program;
use super::report::{BareReport, Cpu, PhaseReport};
use super::requests::Tokens;
use super::stores::Stores;
use crate::app;
use crate::config::Settings;
use crate::domain::id::Home;
use crate::domain::merchant::Merchant;
use crate::domain::money::{Currency, Money};
use crate::service::verify;
use crate::service::yardstick::{self, Bare, Parts, Purchases};

/// The batch that is assumed where the service does not tell its own.
const BATCH_ASSUMED: usize = 128;

/// So many cards are enough to keep batches apart; each is looked up before the measurement.
const CARDS_MAX: u32 = 10_000;

/// Whether the books of all homes add up.
pub(super) async fn verify(settings: &Settings) -> Result<bool, BenchError> {
    let mut clean = true;
    for (_, audit) in app::open_audits(settings).await? {
        clean &= verify::verify(&*audit).await?.clean();
    }
    Ok(clean)
}

/// The homes' own transactions at the run's mean batch size, on the run's accounts and books, in as
/// many lanes as the service has had. `None`: no card of the program spends.
pub(super) async fn bare_batch(
    args: &Args,
    stores: &Stores,
    data_dir: &Path,
    program: &Program,
    batch_mean: Option<f64>,
    time: Duration,
) -> Result<Option<BareReport>, BenchError> {
    let settings = stores.settings(data_dir);
    let batch = batch_mean.map_or(BATCH_ASSUMED, rounded);
    let mut homes: Vec<(Home, Vec<String>)> = Vec::new();
    for home in Home::ALL {
        let cards = program.spending(home, CARDS_MAX);
        match homes.first_mut() {
            _ if cards.is_empty() => {}
            Some((_, both)) if stores.shared() => both.extend(cards),
            _ => homes.push((home, cards)),
        }
    }
    let runs = homes.iter().map(|(home, cards)| {
        let (settings, lanes) = (&settings, stores.lanes(*home));
        async move {
            let purchases = purchases(cards, batch);
            let mut instances: Vec<Parts> = Vec::new();
            for _ in 0..args.instances {
                instances.push(app::open_yardstick(settings, *home).await?);
            }
            let at_least_us = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
            let bare = yardstick::bare_batch(&instances, &purchases, lanes, at_least_us).await?;
            Ok::<_, BenchError>(bare)
        }
    });
    let bare = try_join_all(runs).await?;
    Ok(report(&bare, batch))
}

fn purchases(cards: &[String], batch: usize) -> Purchases {
    let euro = Currency::parse("EUR").expect("the euro is in ISO 4217");
    let merchant = Merchant {
        mid: Some("000000000077001".into()),
        mcc: "5411".parse().ok(),
        country: "BEL".parse().ok(),
        ..Merchant::default()
    };
    Purchases {
        cards: cards.iter().filter_map(|card| card.parse().ok()).collect(),
        amount: Money::new(1_000, euro),
        merchant,
        batch,
    }
}

/// The homes have worked at the same time.
fn report(bare: &[Bare], batch: usize) -> Option<BareReport> {
    let per_s = |number: u64, bare: &Bare| count(number) / (count(bare.elapsed_us) / 1_000_000.0);
    let measured = bare.iter().filter(|bare| bare.elapsed_us > 0);
    let report = BareReport {
        batch,
        lanes: measured.clone().map(|bare| bare.lanes).sum(),
        per_s: measured.clone().map(|bare| per_s(bare.decisions, bare)).sum(),
        batches_per_s: measured.clone().map(|bare| per_s(bare.batches, bare)).sum(),
        conflicts: measured.map(|bare| bare.conflicts).sum(),
    };
    (report.per_s > 0.0).then_some(report)
}

/// A handler that reads the body and answers the same to everyone.
pub(super) async fn empty_handler(
    load: &Load,
    folder: &Path,
    time: Duration,
) -> Result<PhaseReport, BenchError> {
    let log = folder.join("yardstick.log");
    let prepare = |command: &mut Command, addr: SocketAddr, _| {
        command.args(["yardstick-server", "--listen", &addr.to_string()]);
    };
    let ready = Ask::post("/api/v1/marqeta/jit", "{}");
    let server = Server::start(prepare, &ready, &log).await?;
    let load = Load { addrs: vec![server.addr], check: Check::Status(200), ..load.clone() };
    let connections = load.connections;
    let used_before = server.used();
    let until = Until { elapsed: time, answers: 0, at_most: time };
    let run = move || load.saturate(&mut Tokens::of("empty"), until);
    let phase = tokio::task::spawn_blocking(run).await.map_err(io::Error::other)??;
    let server_us = server.used().cpu_us.saturating_sub(used_before.cpu_us);
    let cpu = Cpu { server_us: Some(server_us), stores_us: None };
    Ok(PhaseReport::of(&phase, connections, None, cpu))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a batch has between 1 and a few thousand items"
)]
fn rounded(mean: f64) -> usize {
    mean.round().clamp(1.0, 4_096.0) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn homes_that_work_at_the_same_time_add_up() {
        let bare = |decisions, elapsed_us| Bare {
            decisions,
            batches: decisions / 100,
            elapsed_us,
            lanes: 2,
            conflicts: 1,
        };
        let report = report(&[bare(1_000, 1_000_000), bare(4_000, 2_000_000)], 100).unwrap();
        assert_eq!((report.per_s, report.batches_per_s), (3_000.0, 30.0));
        assert_eq!((report.lanes, report.conflicts), (4, 2));
        assert!(super::report(&[Bare::default()], 100).is_none());
    }
}
