//! Notifications while nobody works them: each is kept before it is acknowledged, and that is all the
//! platform waits for.

use super::super::BenchError;
use super::super::answers::Check;
use super::super::bars::Bar;
use super::super::load::{Load, Until};
use super::super::plan::Step;
use super::super::requests::{Requests, Tokens};
use super::super::service;
use super::figures::{WorkReport, quantile_ms};
use super::ground::{self, Ground, blocking};

/// Notifications a second at which latency is measured.
const RATE: u32 = 500;

pub(super) async fn measure(ground: &Ground<'_>) -> Result<WorkReport, BenchError> {
    let service = ground.services(&[], &[("TOLLGATE__WEBHOOKS__WORKER", "false")]).await?;
    let program = ground.program(&service.admin()).await?;
    let requests = Requests::notices(&service::caller(), &program)?;
    let load = ground.load(&service, requests, Check::Status(200));
    let (mut tokens, mut report) = (ground::tokens(), ground.report());

    let saturating = |time| {
        let until = Until { elapsed: time, answers: 0, at_most: time };
        move |load: &Load, tokens: &mut Tokens| load.saturate(tokens, until)
    };
    blocking(&load, &mut tokens, saturating(ground.time_for(Step::WarmUp))).await?;
    let before = ground.cpu(Some(&service));
    let peak = blocking(&load, &mut tokens, saturating(ground.time_for(Step::Saturation))).await?;
    report.tell("acknowledged_per_s", peak.rate());
    ground.cpu(Some(&service)).tell_since(before, peak.answers, &mut report);
    report.take_failures(&peak);

    let (rate, time) = (ground.rate(RATE), ground.time_for(Step::OpenLoop));
    let asking = move |load: &Load, tokens: &mut Tokens| load.open_loop(tokens, rate, time);
    let steady = blocking(&load, &mut tokens, asking).await?;
    report.tell("arrivals_per_s", f64::from(rate));
    report.tell("acknowledged_p50_ms", quantile_ms(&steady.latency, 0.5));
    let p99 = quantile_ms(&steady.latency, 0.99);
    report.tell_against("acknowledged_p99_ms", p99, Bar::Below(50.0));
    report.take_failures(&steady);
    service.kill()?;
    Ok(report)
}
