//! Reported transactions: how many a second are accepted, and how long it takes until each is
//! processed.

use std::time::Duration;

use tokio::time::Instant;

use super::super::BenchError;
use super::super::answers::Check;
use super::super::bars::Bar;
use super::super::load::{Load, Phase, Until};
use super::super::plan::Step;
use super::super::requests::{Requests, Tokens};
use super::super::service::Service;
use super::exported::sum;
use super::figures::{WorkReport, quantile_ms};
use super::ground::{self, Ground, blocking};
use crate::telemetry::metrics::{INGEST_ATTEMPTS, INGEST_RECORDS};

/// Reports a second at which it is measured how long they take; nine tenths of the peak where that is
/// less.
const RATE: u32 = 4_000;

/// Between two looks at what is processed: how exact the times are.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// What is not processed by then, after the last was accepted, is not waited for.
const PROCESSED_WITHIN: Duration = Duration::from_secs(60);

pub(super) async fn measure(ground: &Ground<'_>) -> Result<WorkReport, BenchError> {
    let service = ground.services(&[], &[]).await?;
    let program = ground.program(&service.admin()).await?;
    let requests = Requests::reports(&service.admin(), &program);
    let load = ground.load(&service, requests, Check::Status(202));
    let (mut tokens, mut report) = (ground::tokens(), ground.report());

    let time = ground.time_for(Step::Saturation);
    let until = Until { elapsed: time, answers: 0, at_most: time };
    let before = ground.cpu(Some(&service));
    let began = Instant::now();
    let peak =
        watched(&service, &load, &mut tokens, move |load, tokens| load.saturate(tokens, until));
    let (peak, curve) = peak.await?;
    report.tell_against("accepted_per_s", peak.rate(), Bar::AtLeast(4_000.0));
    report.tell("processed_per_s", curve.processed_per_s(began));
    ground.cpu(Some(&service)).tell_since(before, peak.answers, &mut report);
    report.take_failures(&peak);

    let rate = ground.rate(RATE.min(ground::nine_tenths(peak.rate())));
    let time = ground.time_for(Step::OpenLoop);
    let steady = watched(&service, &load, &mut tokens, move |load, tokens| {
        load.open_loop(tokens, rate, time)
    });
    let (steady, curve) = steady.await?;
    report.tell("arrivals_per_s", f64::from(rate));
    report.tell("accepted_p50_ms", quantile_ms(&steady.latency, 0.5));
    report.tell("accepted_p99_ms", quantile_ms(&steady.latency, 0.99));
    report.tell_against("processed_after_s_max", curve.longest_s(), Bar::Below(2.0));
    report.tell("not_processed", curve.left());
    report.take_failures(&steady);
    service.kill()?;
    Ok(report)
}

/// How much had been accepted and processed when.
#[derive(Default)]
struct Curve(Vec<(Instant, f64, f64)>);

impl Curve {
    /// How long it took at most from one look at what is accepted until all of that was processed.
    fn longest_s(&self) -> f64 {
        let mut longest: f64 = 0.0;
        let mut behind = self.0.iter().peekable();
        for (accepted_at, accepted, _) in &self.0 {
            while behind.next_if(|(_, _, processed)| processed < accepted).is_some() {}
            let processed_at = behind.peek().or(self.0.last().as_ref()).map(|look| look.0);
            let took = processed_at.map(|at| at.duration_since(*accepted_at));
            longest = longest.max(took.unwrap_or_default().as_secs_f64());
        }
        longest
    }

    /// From the beginning until there was nothing left.
    fn processed_per_s(&self, began: Instant) -> f64 {
        let (Some(first), Some(last)) = (self.0.first(), self.0.last()) else { return 0.0 };
        let seconds = last.0.duration_since(began).as_secs_f64();
        if seconds > 0.0 { (last.2 - first.2) / seconds } else { 0.0 }
    }

    fn left(&self) -> f64 {
        self.0.last().map_or(0.0, |(_, accepted, processed)| accepted - processed)
    }

    async fn look(&mut self, service: &Service) {
        let text = service.metrics().await;
        let accepted = sum(&text, INGEST_RECORDS, "result=\"accepted\"");
        let processed = sum(&text, INGEST_ATTEMPTS, "outcome=\"processed\"");
        self.0.push((Instant::now(), accepted, processed));
    }
}

/// Runs a phase and watches what is processed, until all is.
async fn watched(
    service: &Service,
    load: &Load,
    tokens: &mut Tokens,
    phase: impl FnOnce(&Load, &mut Tokens) -> std::io::Result<Phase> + Send + 'static,
) -> Result<(Phase, Curve), BenchError> {
    let mut curve = Curve::default();
    curve.look(service).await;
    let mut asking = Box::pin(blocking(load, tokens, phase));
    let phase = loop {
        tokio::select! {
            phase = &mut asking => break phase?,
            () = tokio::time::sleep(LOOK_EVERY) => curve.look(service).await,
        }
    };
    let accepted = Instant::now();
    curve.look(service).await;
    while curve.left() > 0.0 && accepted.elapsed() < PROCESSED_WITHIN {
        tokio::time::sleep(LOOK_EVERY).await;
        curve.look(service).await;
    }
    Ok((phase, curve))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_time_is_that_of_the_look_that_waited_longest() {
        let start = Instant::now();
        let at = |ms, accepted, processed| (start + Duration::from_millis(ms), accepted, processed);
        let curve = Curve(vec![
            at(0, 0.0, 0.0),
            at(100, 10.0, 0.0),
            at(200, 20.0, 10.0),
            at(700, 20.0, 19.0),
            at(900, 20.0, 20.0),
        ]);
        assert!((curve.longest_s() - 0.7).abs() < 1e-9, "{}", curve.longest_s());
        assert_eq!((curve.left(), curve.processed_per_s(start)), (0.0, 20.0 / 0.9));
        assert_eq!(Curve::default().longest_s(), 0.0);
    }
}
