//! What bench found: one object for each profile.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

use super::answers::Failures;
use super::bars::Bars;
use super::load::{Phase, count};
use super::processes::ServersCpu;
use super::results::Outcome;

/// The whole result. Rates are per second, times as their names say. What was not measured is null.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// What was asked for.
    pub profile: &'static str,
    /// Where the books are: `embedded`, the servers' programs, or the target's address.
    pub stores: Vec<String>,
    /// Services on the same books; 0 for a target.
    pub instances: u16,
    /// Connections.
    pub connections: usize,
    /// Accounts that the cards draw on.
    pub accounts: u32,
    /// Cards.
    pub cards: u32,
    /// Limits that each card meets.
    pub limits_per_card: u8,
    /// Right decisions a second: at saturation, or in the open loop on a target.
    pub decisions_per_s: f64,
    /// Half of the open loop's answers took no longer.
    pub p50_ms: f64,
    /// 95 of 100.
    pub p95_ms: f64,
    /// 99 of 100.
    pub p99_ms: f64,
    /// 999 of 1000.
    pub p999_ms: f64,
    /// Requests in both loops.
    pub requests: u64,
    /// Failed ones among them.
    pub errors: u64,
    /// Those by kind.
    pub failures: Failures,
    /// One of them.
    pub error_example: Option<String>,
    /// Resident memory of the largest instance at its highest, in MiB.
    pub rss_mb: Option<f64>,
    /// CPU time of all instances per decision at saturation.
    pub service_cpu_us: Option<f64>,
    /// CPU time of all database servers per decision at saturation. The embedded store's is in the
    /// service's.
    pub store_cpu_us: Option<f64>,
    /// Decisions per transaction at saturation.
    pub batch_mean: Option<f64>,
    /// Batches that were run again, in both loops.
    pub retries: Option<u64>,
    /// Lookups of policy facts that a cache has answered, at saturation.
    pub cache_hit_share: Option<f64>,
    /// The peak as a share of the bare batch.
    pub ratio_bare_batch: Option<f64>,
    /// The peak as a share of the empty handler.
    pub ratio_empty_handler: Option<f64>,
    /// How long the program's set-up took; null if it was there before.
    pub setup_s: Option<f64>,
    /// From the start of the process to `/ready`.
    pub start_to_ready_ms: Option<f64>,
    /// The disk's median time to flush 4 KiB.
    pub flush_ms: Option<f64>,
    /// The closed loop.
    pub peak: Option<PhaseReport>,
    /// The open loop.
    pub open_loop: Option<PhaseReport>,
    /// The empty handler on the same connections.
    pub empty_handler: Option<PhaseReport>,
    /// The bare batch.
    pub bare_batch: Option<BareReport>,
    /// Whether the books of all homes add up after the service was killed.
    pub verified: Option<bool>,
    /// What was to be reached.
    pub bars: Bars,
}

impl Outcome for Report {
    fn profile(&self) -> &'static str {
        self.profile
    }

    fn is_sound(&self) -> bool {
        self.errors == 0 && self.verified != Some(false)
    }

    fn bars(&self) -> Bars {
        self.bars.clone()
    }
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
    /// Declines among them.
    pub declined: u64,
    /// Failed requests.
    pub errors: u64,
    /// Those by kind.
    pub failures: Failures,
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
    /// CPU time of the server per answer, in microseconds, of all instances; null for a target.
    pub server_cpu_us: Option<f64>,
    /// CPU time of each database server per answer; null where there is none on this machine.
    pub stores_cpu_us: Option<BTreeMap<&'static str, f64>>,
}

/// The bare batch.
#[derive(Clone, Debug, Serialize)]
pub struct BareReport {
    /// Decisions in a transaction.
    pub batch: usize,
    /// Transactions at a time.
    pub lanes: usize,
    /// Decisions a second.
    pub per_s: f64,
    /// Transactions a second.
    pub batches_per_s: f64,
    /// Transactions that were refused for a conflict, and not counted.
    pub conflicts: u64,
}

/// CPU time in a phase, in microseconds.
#[derive(Clone, Debug, Default)]
pub struct Cpu {
    /// Of the server under load; `None`: it is not ours to watch.
    pub server_us: Option<u64>,
    /// Of the database servers.
    pub stores_us: Option<ServersCpu>,
}

impl Report {
    /// Sets the peak in relation to the yardsticks.
    pub fn compare(&mut self) {
        let share = |of: Option<f64>| of.filter(|of| *of > 0.0).map(|of| self.decisions_per_s / of);
        let bare = share(self.bare_batch.as_ref().map(|bare| bare.per_s));
        let empty = share(self.empty_handler.as_ref().map(|phase| phase.per_s));
        (self.ratio_bare_batch, self.ratio_empty_handler) = (bare, empty);
    }
}

impl PhaseReport {
    /// The report of a phase.
    pub fn of(phase: &Phase, connections: usize, rate: Option<u32>, cpu: Cpu) -> Self {
        let at = |quantile| quantile_ms(&phase.latency, quantile);
        let each = |us: u64| count(us) / count(phase.answers.max(1));
        let stores = |stores: ServersCpu| {
            stores.into_iter().map(|(program, us)| (program, each(us))).collect()
        };
        Self {
            arrival_rate: rate,
            connections,
            seconds: phase.elapsed.as_secs_f64(),
            answers: phase.answers,
            declined: phase.declined,
            errors: phase.failures.total(),
            failures: phase.failures.clone(),
            per_s: phase.rate(),
            average_ms: phase.latency.mean() / 1_000.0,
            p50_ms: at(0.5),
            p95_ms: at(0.95),
            p99_ms: at(0.99),
            p999_ms: at(0.999),
            max_ms: count(phase.latency.max()) / 1_000.0,
            sent_late_p99_ms: quantile_ms(&phase.lateness, 0.99),
            server_cpu_us: cpu.server_us.map(each),
            stores_cpu_us: cpu.stores_us.map(stores),
        }
    }

    /// CPU time of all database servers per answer.
    pub fn store_cpu_us(&self) -> Option<f64> {
        self.stores_cpu_us.as_ref().map(|stores| stores.values().sum())
    }
}

fn quantile_ms(histogram: &Histogram<u64>, quantile: f64) -> f64 {
    count(histogram.value_at_quantile(quantile)) / 1_000.0
}

/// A duration in milliseconds.
pub fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}
