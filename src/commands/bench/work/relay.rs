//! Events from the outbox to the broker: how fast a full one is emptied by a process that does nothing
//! else, and whether it stays empty under purchases.

use std::time::Duration;

use tokio::time::Instant;

use super::super::BenchError;
use super::super::answers::Check;
use super::super::bars::Bar;
use super::super::load::{Load, Until, count};
use super::super::plan::Step;
use super::super::requests::{Requests, Tokens};
use super::super::service::{self, Service};
use super::exported::sum;
use super::figures::{WorkReport, quantile_ms};
use super::ground::{self, Ground, blocking};
use crate::telemetry::outbox;

/// Purchases whose events an emptied outbox has at least, where the flags say nothing: fewer are gone
/// before they can be timed.
const EVENTS_MIN: u64 = 20_000;

/// How long an outbox is filled at full speed once it has that many: a long run is of the relays that keep
/// up, not of millions of rows.
const FILL_MAX: Duration = Duration::from_secs(10);

/// Purchases a second beside which relays must keep up.
const BESIDE_RATE: u32 = 2_000;

/// Between two looks at a relay that empties, and at one that keeps up.
const LOOK_EVERY: Duration = Duration::from_millis(50);
const SAMPLE_EVERY: Duration = Duration::from_secs(1);

/// An outbox of which nothing has been published for so long is not being emptied.
const STUCK_AFTER: Duration = Duration::from_secs(10);

/// A backlog that grows by less than this is not growing: a hundredth of what comes in.
const GROWTH_BAR: f64 = 20.0;

pub(super) async fn measure(ground: &Ground<'_>) -> Result<WorkReport, BenchError> {
    let mut report = ground.report();
    fill(ground, &mut report).await?;
    empty(ground, &mut report).await?;
    keep_up(ground, &mut report).await?;
    ground.verify(&mut report).await?;
    Ok(report)
}

/// Purchases whose events nobody takes away.
async fn fill(ground: &Ground<'_>, report: &mut WorkReport) -> Result<(), BenchError> {
    let service = ground.services(&[], &[("TOLLGATE__RELAY__ENABLED", "false")]).await?;
    let program = ground.program(&service.admin()).await?;
    let load = ground.load(&service, Requests::of(&service::caller(), &program)?, Check::Decision);
    let until = Until {
        elapsed: ground.time_for(Step::Saturation).min(FILL_MAX),
        answers: if ground.args.decisions > 0 { ground.args.decisions } else { EVENTS_MIN },
        at_most: ground.plan.left().map_or(Duration::MAX / 4, |left| left / 2),
    };
    let filling = move |load: &Load, tokens: &mut Tokens| load.saturate(tokens, until);
    let phase = blocking(&load, &mut ground::tokens(), filling).await?;
    report.take_failures(&phase);
    service.kill()
}

/// A process that only relays.
async fn empty(ground: &Ground<'_>, report: &mut WorkReport) -> Result<(), BenchError> {
    let before_start = ground.cpu_before_start();
    let service = ground.services(&["--roles", "relay"], &[]).await?;
    let mut first: Option<(Instant, f64)> = None;
    let mut last = (Instant::now(), 0.0);
    loop {
        let text = service.metrics().await;
        let (now, published) = (Instant::now(), sum(&text, outbox::PUBLISHED, ""));
        if published > last.1 {
            first.get_or_insert((now, published));
            last = (now, published);
        }
        let waiting = sum(&text, outbox::ROWS, "");
        let idle = now.duration_since(last.0);
        // How many wait is looked up once a second or so: the count may be older than the last batch.
        let done = first.is_some() && waiting < 1.0 && idle > Duration::from_secs(2);
        if done || idle > STUCK_AFTER {
            report.tell("events_left", waiting);
            break;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    let (began, before) = first.unwrap_or(last);
    let seconds = last.0.duration_since(began).as_secs_f64();
    let rate = if seconds > 0.0 { (last.1 - before) / seconds } else { 0.0 };
    report.tell("events", last.1);
    report.tell_against("events_per_s", rate, Bar::AtLeast(8_000.0));
    ground.cpu(Some(&service)).tell_since(before_start, whole(last.1), report);
    service.kill()
}

/// Purchases at a fixed rate, with everything on.
async fn keep_up(ground: &Ground<'_>, report: &mut WorkReport) -> Result<(), BenchError> {
    let service = ground.services(&[], &[]).await?;
    let program = ground.program(&service.admin()).await?;
    let load = ground.load(&service, Requests::of(&service::caller(), &program)?, Check::Decision);
    let (rate, time) = (ground.rate(BESIDE_RATE), ground.time_for(Step::OpenLoop));
    let mut tokens = ground::tokens();
    let asking = move |load: &Load, tokens: &mut Tokens| load.open_loop(tokens, rate, time);
    let asking = blocking(&load, &mut tokens, asking);
    let mut samples = Samples::default();
    let phase = tokio::select! {
        phase = asking => phase?,
        never = samples.take_for_ever(&service) => match never {},
    };
    report.tell("beside_decisions_per_s", phase.rate());
    report.tell("beside_p99_ms", quantile_ms(&phase.latency, 0.99));
    report.tell("backlog_rows_max", samples.rows.iter().copied().fold(0.0, f64::max));
    report.tell("backlog_oldest_s_max", samples.oldest_s_max);
    let growth = growth(&samples.rows) / SAMPLE_EVERY.as_secs_f64();
    report.tell_against("backlog_growth_per_s", growth, Bar::Below(GROWTH_BAR));
    report.take_failures(&phase);
    service.kill()
}

/// How the backlog stood, second by second.
#[derive(Default)]
struct Samples {
    rows: Vec<f64>,
    oldest_s_max: f64,
}

impl Samples {
    async fn take_for_ever(&mut self, service: &Service) -> std::convert::Infallible {
        let mut every = tokio::time::interval(SAMPLE_EVERY);
        loop {
            every.tick().await;
            let text = service.metrics().await;
            self.add(&text);
        }
    }

    /// What one look has found. It is no number where a home has not told in time.
    fn add(&mut self, metrics: &str) {
        let rows = sum(metrics, outbox::ROWS, "");
        if !rows.is_nan() {
            self.rows.push(rows);
        }
        self.oldest_s_max = self.oldest_s_max.max(sum(metrics, outbox::OLDEST_SECONDS, ""));
    }
}

/// The slope of the line that fits best, leaving out the first quarter: by how much each is greater
/// than the one before.
fn growth(samples: &[f64]) -> f64 {
    let samples = samples.get(samples.len() / 4..).unwrap_or_default();
    let number = count(samples.len() as u64);
    let places = || (0_u64..).map(count).zip(samples.iter().copied());
    let (mean_x, mean_y) = ((number - 1.0) / 2.0, samples.iter().sum::<f64>() / number.max(1.0));
    let above: f64 = places().map(|(x, y)| (x - mean_x) * (y - mean_y)).sum();
    let below: f64 = places().map(|(x, _)| (x - mean_x).powi(2)).sum();
    if below > 0.0 { above / below } else { 0.0 }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a count that was exported as a number"
)]
fn whole(number: f64) -> u64 {
    number.max(0.0) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backlog_that_nobody_has_told_is_no_sample() {
        let mut samples = Samples::default();
        for rows in ["5", "NaN", "7"] {
            samples.add(&format!("{}{{home=\"business\"}} {rows}\n", outbox::ROWS.name));
        }
        assert_eq!(samples.rows, [5.0, 7.0]);
    }

    #[test]
    fn a_backlog_grows_if_its_later_samples_do() {
        assert_eq!(growth(&[]), 0.0);
        assert_eq!(growth(&[5.0]), 0.0);
        assert_eq!(growth(&[900.0, 7.0, 7.0, 7.0, 7.0]), 0.0, "how it began does not matter");
        let rising: Vec<f64> = (0_u32..100).map(|n| f64::from(n) * 3.0).collect();
        assert!((growth(&rising) - 3.0).abs() < 1e-9);
    }
}
