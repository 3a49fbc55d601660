//! What the machine would allow, measured in the same run: an empty handler behind the same accept
//! loop, and the store's own transactions without HTTP.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::super::client::Ask;
use super::super::scratch::Scratch;
use super::child::Server;
use super::load::{Until, count};
use super::program::Card;
use super::report::{BareReport, PhaseReport};
use super::requests::Tokens;
use super::{Args, BenchError, phases};
use crate::app;
use crate::domain::merchant::Merchant;
use crate::domain::money::{Currency, Money};
use crate::service::verify;
use crate::service::yardstick::{self, Purchases};

/// The batch that is assumed where the service does not tell its own.
const BATCH_ASSUMED: usize = 128;

/// Whether the books of a killed service add up.
pub(super) async fn verify(data_dir: &Path) -> Result<bool, BenchError> {
    let audit = app::open_audit(data_dir).await?;
    Ok(verify::verify(&*audit).await?.clean())
}

/// The store's own transactions at the run's mean batch size, on the run's cards and books.
pub(super) async fn bare_batch(
    args: &Args,
    data_dir: &Path,
    cards: &[Card],
    batch_mean: Option<f64>,
) -> Result<BareReport, BenchError> {
    let parts = app::open_yardstick(data_dir).await?;
    let euro = Currency::parse("EUR").expect("the euro is in ISO 4217");
    let merchant = Merchant {
        mid: Some("000000000077001".into()),
        mcc: "5411".parse().ok(),
        country: "BEL".parse().ok(),
        ..Merchant::default()
    };
    let purchases = Purchases {
        cards: cards.iter().filter_map(|card| card.card.parse().ok()).collect(),
        amount: Money::new(1_000, euro),
        merchant,
        batch: batch_mean.map_or(BATCH_ASSUMED, rounded),
    };
    let bare = yardstick::bare_batch(&parts, &purchases, args.seconds * 1_000_000 / 2).await?;
    let per_s = |number: u64| count(number) / (count(bare.elapsed_us.max(1)) / 1_000_000.0);
    Ok(BareReport {
        batch: purchases.batch,
        per_s: per_s(bare.decisions),
        batches_per_s: per_s(bare.batches),
    })
}

/// A handler that reads the body and answers the same to everyone.
pub(super) async fn empty_handler(
    args: &Args,
    scratch: &Scratch,
    cards: &[Card],
) -> Result<PhaseReport, BenchError> {
    let log = scratch.path().join("yardstick.log");
    let prepare = |command: &mut Command, addr: SocketAddr| {
        command.args(["yardstick-server", "--listen", &addr.to_string()]);
    };
    let ready = Ask::post("/api/v1/marqeta/jit", "{}");
    let server = Server::start(prepare, &ready, &log).await?;
    let load = phases::load(server.addr, args, cards, false)?;
    let used_before = server.used();
    let until = Until { elapsed: Duration::from_secs(args.seconds.div_ceil(2)), answers: 0 };
    let run = move || load.saturate(&mut Tokens::of("empty"), until);
    let phase = tokio::task::spawn_blocking(run).await.map_err(io::Error::other)??;
    let cpu_us = server.used().cpu_us.saturating_sub(used_before.cpu_us);
    Ok(PhaseReport::of(&phase, usize::from(args.connections), None, cpu_us))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a batch has between 1 and a few thousand items"
)]
fn rounded(mean: f64) -> usize {
    mean.round().clamp(1.0, 4_096.0) as usize
}
