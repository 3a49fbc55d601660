//! The measured service and the phases it goes through.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::super::client::{Ask, Client};
use super::super::scratch::Scratch;
use super::child::Server;
use super::load::{Load, Phase, Until, count};
use super::program::{self, Card, Size};
use super::report::PhaseReport;
use super::requests::{Caller, Template, Tokens};
use super::{Args, BenchError};

/// Credentials of the measured service; it lives for one run on the loopback.
const ADMIN_KEY: &str = "bench-admin-key";
pub(super) const JIT_USERNAME: &str = "bench";
pub(super) const JIT_PASSWORD: &str = "Bench-password-0001!";

/// The card program.
const SIZE: Size = Size { companies: 200, cards_each: 5 };

/// The open loop's default rate.
const RATE_MAX: f64 = 12_000.0;

/// The share of the peak that the open loop asks for at most.
const RATE_SHARE: f64 = 0.8;

/// A service under load.
pub(super) struct Bench {
    pub(super) server: Server,
    load: Load,
    tokens: Tokens,
    cards: Vec<Card>,
    data_dir: PathBuf,
    seconds: u64,
    decisions: u64,
    rate: Option<u32>,
}

/// A phase with what the service says about it.
pub(super) struct Measured {
    pub(super) report: PhaseReport,
    pub(super) batch_mean: Option<f64>,
    pub(super) example: Option<String>,
}

impl Bench {
    /// Starts the service on a fresh store and sets up the program.
    pub(super) async fn start(args: &Args, scratch: &Scratch) -> Result<Self, BenchError> {
        let data_dir = scratch.path().join("data");
        let log = scratch.path().join("service.log");
        let prepare = |command: &mut Command, addr: SocketAddr| {
            command
                .arg("serve")
                .env("TOLLGATE__DATA_DIR", &data_dir)
                .env("TOLLGATE__HTTP__LISTEN", addr.to_string())
                .env("TOLLGATE__ADMIN__KEY", ADMIN_KEY)
                .env("TOLLGATE__JIT__USERNAME", JIT_USERNAME)
                .env("TOLLGATE__JIT__PASSWORD", JIT_PASSWORD)
                .env("TOLLGATE__LOG__FILTER", "error");
        };
        let server = Server::start(prepare, &Ask::get("/ready"), &log).await?;
        let cards = program::set_up(server.addr, ADMIN_KEY, SIZE).await?;
        let load = load(server.addr, args, &cards, true)?;
        let run = format!("{:x}", std::process::id());
        let tokens = Tokens::of(&run);
        let Args { seconds, decisions, rate, .. } = *args;
        Ok(Self { server, load, tokens, cards, data_dir, seconds, decisions, rate })
    }

    /// Lets caches fill and the store's file grow; not measured.
    pub(super) async fn warm_up(&mut self) -> Result<(), BenchError> {
        let until = Until { elapsed: Duration::from_secs(1), answers: 0 };
        self.blocking(move |load, tokens| load.saturate(tokens, until)).await.map(drop)
    }

    /// Asks as fast as it is answered.
    pub(super) async fn saturate(&mut self) -> Result<Measured, BenchError> {
        let elapsed = Duration::from_secs(self.seconds);
        let until = Until { elapsed, answers: self.decisions };
        self.measured(None, move |load, tokens| load.saturate(tokens, until)).await
    }

    /// Asks at a fixed rate.
    pub(super) async fn open_loop(&mut self, peak_per_s: f64) -> Result<Measured, BenchError> {
        let rate = self.rate.unwrap_or_else(|| default_rate(peak_per_s));
        let time = Duration::from_secs(self.seconds);
        self.measured(Some(rate), move |load, tokens| load.open_loop(tokens, rate, time)).await
    }

    /// Ends the service without warning. Gives back its cards and where its books are.
    pub(super) fn kill(self) -> Result<(Vec<Card>, PathBuf), BenchError> {
        self.server.kill()?;
        Ok((self.cards, self.data_dir))
    }

    async fn measured(
        &mut self,
        rate: Option<u32>,
        phase: impl FnOnce(&Load, &mut Tokens) -> io::Result<Phase> + Send + 'static,
    ) -> Result<Measured, BenchError> {
        let (used_before, lanes_before) = (self.server.used(), self.lanes().await);
        let phase = self.blocking(phase).await?;
        let (used, lanes) = (self.server.used(), self.lanes().await);
        let cpu_us = used.cpu_us.saturating_sub(used_before.cpu_us);
        let report = PhaseReport::of(&phase, self.load.connections, rate, cpu_us);
        let batch_mean = lanes.zip(lanes_before).and_then(|(after, before)| after.mean(before));
        Ok(Measured { report, batch_mean, example: phase.example })
    }

    /// The generator has a thread of its own.
    async fn blocking(
        &mut self,
        phase: impl FnOnce(&Load, &mut Tokens) -> io::Result<Phase> + Send + 'static,
    ) -> Result<Phase, BenchError> {
        let (load, mut tokens) = (self.load.clone(), self.tokens.clone());
        let run = move || phase(&load, &mut tokens).map(|phase| (phase, tokens));
        let (phase, tokens) =
            tokio::task::spawn_blocking(run).await.map_err(io::Error::other)??;
        self.tokens = tokens;
        Ok(phase)
    }

    async fn lanes(&self) -> Option<Lanes> {
        let ask = Ask::get("/api/v1/profile").bearer(ADMIN_KEY);
        let profile = Client::new(self.server.addr).send(&ask).await.ok()?.json();
        let number = |pointer| profile.pointer(pointer).and_then(Value::as_u64);
        Some(Lanes { batches: number("/lanes/batches")?, items: number("/lanes/items")? })
    }
}

/// What the lanes have settled so far.
#[derive(Clone, Copy)]
struct Lanes {
    batches: u64,
    items: u64,
}

impl Lanes {
    /// Items in a batch since `before`.
    fn mean(self, before: Self) -> Option<f64> {
        let batches = self.batches.checked_sub(before.batches).filter(|batches| *batches > 0)?;
        Some(count(self.items.saturating_sub(before.items)) / count(batches))
    }
}

/// The load on a server: a ready-made request for each card.
pub(super) fn load(
    addr: SocketAddr,
    args: &Args,
    cards: &[Card],
    tokens_come_back: bool,
) -> Result<Load, BenchError> {
    let caller = Caller { addr, username: JIT_USERNAME, password: JIT_PASSWORD };
    let template = |card: &Card| Template::purchase(&caller, &card.user, &card.card);
    let templates = cards.iter().map(template).collect::<Result<Vec<_>, _>>()?;
    let connections = usize::from(args.connections);
    Ok(Load { addr, connections, templates: Arc::new(templates), tokens_come_back })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to 1..=12,000 before the cast"
)]
fn default_rate(peak_per_s: f64) -> u32 {
    (peak_per_s * RATE_SHARE).clamp(1.0, RATE_MAX) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_open_loop_stays_below_the_peak() {
        assert_eq!(default_rate(10_000.0), 8_000);
        assert_eq!(default_rate(50_000.0), 12_000);
        assert_eq!(default_rate(0.0), 1);
    }

    #[test]
    fn the_mean_batch_is_that_of_the_phase() {
        let before = Lanes { batches: 10, items: 10 };
        let after = Lanes { batches: 14, items: 410 };
        assert_eq!(after.mean(before), Some(100.0));
        assert_eq!(before.mean(before), None);
    }
}
