//! What every profile of work stands on: stores, a folder, the time, and services with a card program.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::super::super::scratch::Scratch;
use super::super::answers::Check;
use super::super::args::Args;
use super::super::load::{Load, Phase, count};
use super::super::plan::{Plan, Step};
use super::super::prepare::prepare;
use super::super::processes;
use super::super::profile::Profile;
use super::super::program::Program;
use super::super::requests::{Requests, Tokens};
use super::super::rest::Admin;
use super::super::service::{self, Service};
use super::super::stores::Stores;
use super::super::{BenchError, phases, random, yardsticks};
use super::Work;
use super::figures::WorkReport;
use crate::config::Settings;

/// The queues of measured services, apart from all others at the same broker.
pub(super) const QUEUE_PREFIX: &str = "tollgate-bench.";
const PREFIX_SETTING: &str = "TOLLGATE__BROKER__RABBITMQ__PREFIX";

/// What RabbitMQ's process is called.
const RABBITMQ_PROGRAM: &str = "beam.smp";

/// What it is called in reports.
const RABBITMQ: &str = "rabbitmq";

/// Stores, a folder, the time.
pub(super) struct Ground<'a> {
    pub(super) args: &'a Args,
    pub(super) plan: Plan,
    pub(super) stores: Stores,
    work: Work,
    scratch: Scratch,
}

/// CPU time of everyone so far, in microseconds.
#[derive(Clone, Copy)]
pub(super) struct CpuUsed {
    service: u64,
    stores: Option<u64>,
    broker: u64,
}

impl<'a> Ground<'a> {
    pub(super) fn of(work: Work, args: &'a Args, plan: Plan) -> Result<Self, BenchError> {
        let stores = Stores::select(args)?;
        let scratch = Scratch::create(args.data_dir.as_deref(), "bench")?;
        Ok(Self { args, plan, stores, work, scratch })
    }

    pub(super) fn folder(&self) -> &Path {
        self.scratch.path()
    }

    /// Settings with which this process finds books and queues of the services.
    pub(super) fn settings(&self) -> Settings {
        let mut settings = self.stores.settings(&phases::data_dir(self.folder()));
        settings.broker.rabbitmq.prefix = QUEUE_PREFIX.to_owned();
        settings
    }

    /// Whether the broker is a server: the embedded one is its process's own.
    pub(super) fn has_broker(&self) -> bool {
        self.settings().broker.rabbitmq.url.is_some()
    }

    /// Services with their queues apart from others, and these arguments and settings.
    pub(super) async fn services(
        &self,
        arguments: &[&str],
        settings: &[(&str, &str)],
    ) -> Result<Service, BenchError> {
        let mut all = vec![(PREFIX_SETTING, QUEUE_PREFIX)];
        all.extend(settings);
        Service::start_with(&self.stores, self.args.instances, self.folder(), arguments, &all).await
    }

    /// A company for each card, as many as the flags say.
    pub(super) async fn program(&self, admin: &Admin) -> Result<Program, BenchError> {
        let prepared = prepare(self.args, Profile::Uncontended, admin, &self.plan).await?;
        Ok(prepared.program)
    }

    /// How many a second arrive, unless the flags say otherwise.
    pub(super) fn rate(&self, usual: u32) -> u32 {
        self.args.rate.unwrap_or(usual)
    }

    pub(super) fn time_for(&self, step: Step) -> Duration {
        self.plan.time_for(step)
    }

    /// What is asked over HTTP, and what must come back.
    pub(super) fn load(&self, service: &Service, requests: Requests, check: Check) -> Load {
        Load {
            addrs: service.addrs(),
            connections: usize::from(self.args.connections),
            requests: Arc::new(requests),
            check,
        }
    }

    /// CPU time so far. Stores and broker are all that run on this machine, whoever uses them.
    pub(super) fn cpu(&self, service: Option<&Service>) -> CpuUsed {
        let own = || processes::used(std::process::id());
        CpuUsed {
            service: service.map_or_else(own, Service::used).cpu_us,
            stores: self.stores.cpu().map(|stores| stores.values().sum()),
            broker: processes::servers_cpu(&[RABBITMQ_PROGRAM]).values().sum(),
        }
    }

    /// CPU time before a service has begun to use any.
    pub(super) fn cpu_before_start(&self) -> CpuUsed {
        CpuUsed { service: 0, ..self.cpu(None) }
    }

    /// An empty report.
    pub(super) fn report(&self) -> WorkReport {
        let mut servers = self.stores.names();
        servers.push(if self.has_broker() { RABBITMQ } else { "embedded broker" });
        WorkReport::of(self.work.as_str(), servers, self.args.instances)
    }

    /// Whether the books add up, once nobody works on them.
    pub(super) async fn verify(&self, report: &mut WorkReport) -> Result<(), BenchError> {
        if !self.args.no_verify {
            report.verified = Some(yardsticks::verify(&self.settings()).await?);
        }
        Ok(())
    }
}

impl CpuUsed {
    /// Tells what was used since `before`, for each of so many.
    pub(super) fn tell_since(self, before: Self, each: u64, report: &mut WorkReport) {
        let per =
            |after: u64, before: u64| count(after.saturating_sub(before)) / count(each.max(1));
        report.tell("service_cpu_us", per(self.service, before.service));
        if let (Some(after), Some(before)) = (self.stores, before.stores) {
            report.tell("store_cpu_us", per(after, before));
        }
        if report.servers.contains(&RABBITMQ) {
            report.tell("broker_cpu_us", per(self.broker, before.broker));
        }
    }
}

/// Runs a phase of the load generator, which has a thread of its own.
pub(super) async fn blocking(
    load: &Load,
    tokens: &mut Tokens,
    phase: impl FnOnce(&Load, &mut Tokens) -> io::Result<Phase> + Send + 'static,
) -> Result<Phase, BenchError> {
    let (load, mut own) = (load.clone(), tokens.clone());
    let run = move || phase(&load, &mut own).map(|phase| (phase, own));
    let (phase, own) = tokio::task::spawn_blocking(run).await.map_err(io::Error::other)??;
    *tokens = own;
    Ok(phase)
}

/// Tokens that no other run has.
pub(super) fn tokens() -> Tokens {
    Tokens::of(&format!("{:012x}", random() & 0xffff_ffff_ffff))
}

/// Settings of a service in this process: the embedded broker can not be reached from another.
pub(super) fn of_this_process(mut settings: Settings) -> Settings {
    settings.http.listen = super::super::SELF;
    settings.http.drain_ms = 0;
    settings.admin.listen = None;
    settings.admin.key = Some(service::ADMIN_KEY.into());
    settings.jit.username = Some(service::JIT_USERNAME.to_owned());
    settings.jit.password = Some(service::JIT_PASSWORD.into());
    settings
}

/// A rate that a service keeps up with.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to 1..=1,000,000 before the cast"
)]
pub(super) fn nine_tenths(peak_per_s: f64) -> u32 {
    (peak_per_s * 0.9).clamp(1.0, 1_000_000.0) as u32
}
