//! The phases of a measured service.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::answers::Check;
use super::args::Args;
use super::load::{Load, Phase, Until};
use super::plan::{Plan, Step};
use super::prepare::{Prepared, prepare};
use super::processes::ServersCpu;
use super::profile::Profile;
use super::report::{Cpu, PhaseReport};
use super::requests::{Requests, Tokens};
use super::service::{self, Figures, Service};
use super::stores::Stores;
use super::{BenchError, random};

/// A service under load.
pub(super) struct Bench<'a> {
    args: &'a Args,
    stores: &'a Stores,
    plan: Plan,
    pub(super) service: Service,
    pub(super) prepared: Prepared,
    pub(super) load: Load,
    tokens: Tokens,
}

/// A phase with what the service says about it.
pub(super) struct Measured {
    pub(super) report: PhaseReport,
    /// `None`: the service does not tell.
    pub(super) figures: Option<Figures>,
    pub(super) example: Option<String>,
}

impl<'a> Bench<'a> {
    /// Starts the service and sets up the program.
    pub(super) async fn start(
        args: &'a Args,
        profile: Profile,
        stores: &'a Stores,
        plan: Plan,
        folder: &Path,
    ) -> Result<Self, BenchError> {
        let service = Service::start(stores, args.instances, folder).await?;
        let prepared = prepare(args, profile, &service.admin(), &plan).await?;
        let load = Load {
            addrs: service.addrs(),
            connections: usize::from(args.connections),
            requests: Arc::new(Requests::of(&service::caller(), &prepared.program)?),
            check: Check::Decision,
        };
        let tokens = Tokens::of(&format!("{:012x}", random() & 0xffff_ffff_ffff));
        Ok(Self { args, stores, plan, service, prepared, load, tokens })
    }

    /// Lets caches fill and the store grow; not measured.
    pub(super) async fn warm_up(&mut self) -> Result<(), BenchError> {
        let time = self.plan.time_for(Step::WarmUp);
        let until =
            Until { elapsed: time, answers: self.args.warm_up, at_most: self.at_most(time) };
        self.blocking(move |load, tokens| load.saturate(tokens, until)).await.map(drop)
    }

    /// Asks as fast as it is answered.
    pub(super) async fn saturate(&mut self) -> Result<Measured, BenchError> {
        let elapsed = self.plan.time_for(Step::Saturation);
        let at_most = self.at_most(elapsed);
        let until = Until { elapsed, answers: self.args.decisions, at_most };
        self.measured(None, move |load, tokens| load.saturate(tokens, until)).await
    }

    /// How long a phase may go on that has not had its decisions yet.
    fn at_most(&self, elapsed: Duration) -> Duration {
        if self.args.time_limit.is_some() { elapsed } else { Duration::MAX / 4 }
    }

    /// Asks at a fixed rate.
    pub(super) async fn open_loop(&mut self, peak_per_s: f64) -> Result<Measured, BenchError> {
        let rate = self.args.rate.unwrap_or_else(|| share_of(peak_per_s, self.args.rate_share));
        let time = self.plan.time_for(Step::OpenLoop);
        self.measured(Some(rate), move |load, tokens| load.open_loop(tokens, rate, time)).await
    }

    /// Asks at this rate.
    pub(super) async fn at_rate(&mut self, rate: u32) -> Result<Measured, BenchError> {
        let time = self.plan.time_for(Step::OpenLoop);
        self.measured(Some(rate), move |load, tokens| load.open_loop(tokens, rate, time)).await
    }

    async fn measured(
        &mut self,
        rate: Option<u32>,
        phase: impl FnOnce(&Load, &mut Tokens) -> io::Result<Phase> + Send + 'static,
    ) -> Result<Measured, BenchError> {
        let before = (self.service.used(), self.stores.cpu(), self.service.figures().await);
        let phase = self.blocking(phase).await?;
        let after = (self.service.used(), self.stores.cpu(), self.service.figures().await);
        let cpu = Cpu {
            server_us: Some(after.0.cpu_us.saturating_sub(before.0.cpu_us)),
            stores_us: after.1.zip(before.1).map(|(after, before)| since(after, &before)),
        };
        let report = PhaseReport::of(&phase, self.load.connections, rate, cpu);
        let figures = after.2.zip(before.2).map(|(after, before)| after.since(before));
        Ok(Measured { report, figures, example: phase.example })
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
}

/// Where an embedded service keeps its books.
pub(super) fn data_dir(folder: &Path) -> PathBuf {
    service::data_dir(folder, 0)
}

fn since(after: ServersCpu, before: &ServersCpu) -> ServersCpu {
    let used = |(program, us): (&'static str, u64)| {
        (program, us.saturating_sub(before.get(program).copied().unwrap_or(0)))
    };
    after.into_iter().map(used).collect()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to 1..=1,000,000 before the cast"
)]
fn share_of(peak_per_s: f64, share: f64) -> u32 {
    (peak_per_s * share).clamp(1.0, 1_000_000.0) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_open_loop_takes_a_share_of_the_peak() {
        assert_eq!(share_of(10_000.0, 0.8), 8_000);
        assert_eq!(share_of(50_001.0, 0.5), 25_000);
        assert_eq!(share_of(0.0, 0.8), 1);
    }

    #[test]
    fn what_servers_have_used_is_counted_from_the_start_of_the_phase() {
        let before = ServersCpu::from([("postgres", 100), ("mongod", 7)]);
        let after = ServersCpu::from([("postgres", 160), ("mongod", 5)]);
        assert_eq!(since(after, &before), ServersCpu::from([("postgres", 60), ("mongod", 0)]));
    }
}
