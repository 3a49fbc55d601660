//! What bench found, for people and as JSON.

use std::fmt;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

use super::load::{Phase, count};

/// The whole result. Rates are per second, times as their names say.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// What was asked for.
    pub profile: &'static str,
    /// Durable decisions a second at saturation.
    pub decisions_per_s: f64,
    /// Half of the open loop's answers took no longer.
    pub p50_ms: f64,
    /// 95 of 100.
    pub p95_ms: f64,
    /// 99 of 100.
    pub p99_ms: f64,
    /// 999 of 1000.
    pub p999_ms: f64,
    /// Wrong or missing answers in both phases.
    pub errors: u64,
    /// One of them.
    pub error_example: Option<String>,
    /// The service's resident memory at its highest, in MiB.
    pub rss_mb: f64,
    /// The service's CPU time per decision at saturation.
    pub service_cpu_us: f64,
    /// A database server's CPU time per decision; none is used here.
    pub store_cpu_us: Option<f64>,
    /// Decisions per transaction at saturation; absent if the service does not tell.
    pub batch_mean: Option<f64>,
    /// The peak as a share of the bare batch.
    pub ratio_bare_batch: Option<f64>,
    /// The peak as a share of the empty handler.
    pub ratio_empty_handler: Option<f64>,
    /// From the start of the process to `/ready`.
    pub start_to_ready_ms: f64,
    /// The disk's median time to flush 4 KiB.
    pub flush_ms: f64,
    /// The closed loop.
    pub peak: PhaseReport,
    /// The open loop; absent if it was left out.
    pub open_loop: Option<PhaseReport>,
    /// The empty handler on the same connections.
    pub empty_handler: Option<PhaseReport>,
    /// The bare batch.
    pub bare_batch: Option<BareReport>,
    /// Verification of the books after the service was killed.
    pub verified: Option<bool>,
}

/// One phase.
#[derive(Clone, Debug, Serialize)]
pub struct PhaseReport {
    /// Arrivals a second that were asked for; absent in a closed loop.
    pub arrival_rate: Option<u32>,
    /// Connections.
    pub connections: usize,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// Right answers.
    pub answers: u64,
    /// Wrong or missing ones.
    pub errors: u64,
    /// Right answers a second.
    pub per_s: f64,
    /// Mean latency.
    pub average_ms: f64,
    /// Half took no longer.
    pub p50_ms: f64,
    /// 95 of 100.
    pub p95_ms: f64,
    /// 99 of 100.
    pub p99_ms: f64,
    /// 999 of 1000.
    pub p999_ms: f64,
    /// The slowest.
    pub max_ms: f64,
    /// How late the generator itself sent, 99 of 100; part of the latencies above.
    pub sent_late_p99_ms: f64,
    /// CPU time of the server per answer, in microseconds.
    pub server_cpu_us: f64,
}

/// The bare batch.
#[derive(Clone, Debug, Serialize)]
pub struct BareReport {
    /// Decisions in a transaction.
    pub batch: usize,
    /// Decisions a second.
    pub per_s: f64,
    /// Transactions a second.
    pub batches_per_s: f64,
}

impl PhaseReport {
    /// The report of a phase in which the server used `cpu_us`.
    pub fn of(phase: &Phase, connections: usize, rate: Option<u32>, cpu_us: u64) -> Self {
        let at = |quantile| quantile_ms(&phase.latency, quantile);
        Self {
            arrival_rate: rate,
            connections,
            seconds: phase.elapsed.as_secs_f64(),
            answers: phase.answers,
            errors: phase.errors,
            per_s: phase.rate(),
            average_ms: phase.latency.mean() / 1_000.0,
            p50_ms: at(0.5),
            p95_ms: at(0.95),
            p99_ms: at(0.99),
            p999_ms: at(0.999),
            max_ms: count(phase.latency.max()) / 1_000.0,
            sent_late_p99_ms: quantile_ms(&phase.lateness, 0.99),
            server_cpu_us: count(cpu_us) / count(phase.answers.max(1)),
        }
    }
}

fn quantile_ms(histogram: &Histogram<u64>, quantile: f64) -> f64 {
    count(histogram.value_at_quantile(quantile)) / 1_000.0
}

/// A duration in milliseconds.
pub fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "profile {}, {} connections", self.profile, self.peak.connections)?;
        writeln!(f)?;
        writeln!(f, "{:<15}{HEADINGS}", "")?;
        writeln!(f, "{:<15}{}", "saturation", self.peak)?;
        if let Some(phase) = &self.open_loop {
            let name = format!("{}/s open", phase.arrival_rate.unwrap_or(0));
            writeln!(f, "{name:<15}{phase}")?;
        }
        if let Some(phase) = &self.empty_handler {
            writeln!(f, "{:<15}{phase}", "empty handler")?;
        }
        if let Some(bare) = &self.bare_batch {
            let BareReport { per_s, batches_per_s, batch } = bare;
            let batches = format!("{batches_per_s:.0} batches of {batch} a second");
            writeln!(f, "{:<15}{per_s:>10.0}  {batches}", "bare batch")?;
        }
        writeln!(f)?;
        self.totals(f)
    }
}

const HEADINGS: &str = "     per s    errors   p50 ms   p95 ms   p99 ms p99.9 ms   max ms   cpu us";

impl fmt::Display for PhaseReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { per_s, errors, p50_ms, p95_ms, p99_ms, p999_ms, max_ms, server_cpu_us, .. } =
            self;
        write!(f, "{per_s:>10.0}{errors:>10}{p50_ms:>9.2}{p95_ms:>9.2}{p99_ms:>9.2}")?;
        write!(f, "{p999_ms:>9.2}{max_ms:>9.2}{server_cpu_us:>9.1}")
    }
}

impl Report {
    fn totals(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let share = |ratio: Option<f64>| {
            ratio.map_or_else(|| "not measured".to_owned(), |ratio| format!("{ratio:.2}"))
        };
        writeln!(f, "decisions/s        {:.0}", self.decisions_per_s)?;
        writeln!(f, "of the bare batch  {}", share(self.ratio_bare_batch))?;
        writeln!(f, "of empty handler   {}", share(self.ratio_empty_handler))?;
        writeln!(f, "batch, mean        {}", share(self.batch_mean))?;
        writeln!(f, "service memory     {:.0} MiB at most", self.rss_mb)?;
        writeln!(f, "start to ready     {:.0} ms", self.start_to_ready_ms)?;
        writeln!(f, "disk flush         {:.2} ms (4 KiB, median)", self.flush_ms)?;
        if let Some(verified) = self.verified {
            let verdict = if verified { "clean" } else { "DIFFERS" };
            writeln!(f, "books after kill   {verdict}")?;
        }
        writeln!(f, "errors             {}", self.errors)?;
        self.error_example.iter().try_for_each(|example| writeln!(f, "  such as: {example}"))
    }
}
