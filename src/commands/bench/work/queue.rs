//! Decisions through the queue: how many a second, and how long one takes at a fixed rate from the
//! moment at which it was due to be published.

use std::sync::Arc;
use std::time::Duration;

use super::super::bars::Bar;
use super::super::plan::Step;
use super::super::requests::Requests;
use super::super::rest::Admin;
use super::super::service::{self, Service};
use super::super::{BenchError, random};
use super::asker::{Asked, Asker};
use super::figures::{WorkReport, quantile_ms};
use super::ground::{self, Ground};
use crate::app::{self, Running};
use crate::broker::Broker;

/// Requests that are on their way at saturation, for each connection of the flags: 2,048 are more than
/// all consumers take, and few enough to be judged in time.
const ON_THEIR_WAY: usize = 8;

/// Arrivals a second at which latency is measured, and at which the queue's depth is (nine tenths of the
/// peak where that is less).
const LATENCY_RATE: u32 = 500;
const DEPTH_RATE: u32 = 1_000;

/// Services that work the queue, and a way to publish to it.
enum Worked {
    /// In processes of their own, on a server.
    Apart(Service, Arc<dyn Broker>),
    /// In this process: its broker can not be reached from another.
    Here(Box<Running>),
}

impl Worked {
    async fn start(ground: &Ground<'_>) -> Result<Self, BenchError> {
        if ground.has_broker() {
            let services = ground.services(&[], &[]).await?;
            return Ok(Self::Apart(services, app::open_broker(&ground.settings()).await?));
        }
        if ground.args.instances > 1 {
            let why = "several instances need RABBITMQ_URL: the embedded broker is one process's";
            return Err(BenchError::Refused(why.to_owned()));
        }
        let settings = ground::of_this_process(ground.settings());
        Ok(Self::Here(Box::new(app::start(settings).await?)))
    }

    const fn service(&self) -> Option<&Service> {
        match self {
            Self::Apart(service, _) => Some(service),
            Self::Here(_) => None,
        }
    }

    fn broker(&self) -> Arc<dyn Broker> {
        match self {
            Self::Apart(_, broker) => Arc::clone(broker),
            Self::Here(running) => Arc::clone(&running.queues),
        }
    }

    fn admin(&self) -> Admin {
        match self {
            Self::Apart(service, _) => service.admin(),
            Self::Here(running) => Admin {
                addrs: vec![running.addr],
                host: service::host(),
                key: service::ADMIN_KEY.to_owned(),
            },
        }
    }

    /// Ends without warning where it is apart.
    async fn end(self) -> Result<(), BenchError> {
        match self {
            Self::Apart(service, _) => service.kill(),
            Self::Here(running) => {
                running.shutdown().await;
                Ok(())
            }
        }
    }
}

pub(super) async fn measure(ground: &Ground<'_>) -> Result<WorkReport, BenchError> {
    let worked = Worked::start(ground).await?;
    let program = ground.program(&worked.admin()).await?;
    let requests = Requests::of(&service::caller(), &program)?;
    let name = format!("tollgate-bench-{:012x}", random() & 0xffff_ffff_ffff);
    let asker = Asker::open(worked.broker(), requests, name).await?;
    let (mut tokens, mut report) = (ground::tokens(), ground.report());

    let on_their_way = ON_THEIR_WAY * usize::from(ground.args.connections);
    asker.saturate(&mut tokens, on_their_way, ground.time_for(Step::WarmUp)).await;
    let before = ground.cpu(worked.service());
    let time = ground.time_for(Step::Saturation);
    let peak = asker.saturate(&mut tokens, on_their_way, time).await;
    report.tell_against("decisions_per_s", peak.phase.rate(), Bar::AtLeast(4_000.0));
    ground.cpu(worked.service()).tell_since(before, peak.phase.answers, &mut report);
    report.take_failures(&peak.phase);

    let time: Duration = ground.time_for(Step::OpenLoop);
    let rate = ground.rate(LATENCY_RATE);
    let steady = asker.open_loop(&mut tokens, rate, time).await;
    tell_steady(&mut report, rate, &steady);
    let rate = DEPTH_RATE.min(ground::nine_tenths(peak.phase.rate()));
    let deep = asker.open_loop(&mut tokens, rate, time).await;
    report.tell("depth_arrivals_per_s", f64::from(rate));
    report.tell("depth_publish_to_decision_p99_ms", quantile_ms(&deep.phase.latency, 0.99));
    let depth = super::super::load::count(deep.depth_max);
    report.tell_against("queue_depth_max", depth, Bar::Below(1_000.0));
    report.take_failures(&deep.phase);

    drop(asker);
    worked.end().await?;
    ground.verify(&mut report).await?;
    Ok(report)
}

fn tell_steady(report: &mut WorkReport, rate: u32, steady: &Asked) {
    let (latency, publish) = (&steady.phase.latency, &steady.publish);
    report.tell("arrivals_per_s", f64::from(rate));
    report.tell("publish_to_decision_p50_ms", quantile_ms(latency, 0.5));
    let p99 = quantile_ms(latency, 0.99);
    report.tell_against("publish_to_decision_p99_ms", p99, Bar::Below(50.0));
    report.tell("publish_p50_ms", quantile_ms(publish, 0.5));
    report.tell_against("publish_p99_ms", quantile_ms(publish, 0.99), Bar::Below(10.0));
    report.tell("sent_late_p99_ms", quantile_ms(&steady.phase.lateness, 0.99));
    report.take_failures(&steady.phase);
}
