//! The durations of one stage: a histogram with three significant digits, and exact sums.

use hdrhistogram::{Counter, Histogram};

use super::report::StageReport;

/// Longer durations count as this long: one hour.
const DURATION_US_MAX: u64 = 3_600_000_000;

/// Durations, in microseconds.
#[derive(Clone, Debug)]
pub(super) struct Series {
    /// Grows with the longest duration: a quiet minute costs little memory.
    histogram: Histogram<u64>,
    exact: Exact,
}

/// What a histogram knows only to three digits.
#[derive(Clone, Copy, Debug)]
struct Exact {
    count: u64,
    sum_us: u64,
    min_us: u64,
    max_us: u64,
}

impl Default for Series {
    fn default() -> Self {
        let histogram = Histogram::new(3).expect("three significant digits are in range");
        Self { histogram, exact: Exact::NONE }
    }
}

impl Exact {
    const NONE: Self = Self { count: 0, sum_us: 0, min_us: u64::MAX, max_us: 0 };

    fn add(&mut self, other: &Self) {
        self.count += other.count;
        self.sum_us = self.sum_us.saturating_add(other.sum_us);
        self.min_us = self.min_us.min(other.min_us);
        self.max_us = self.max_us.max(other.max_us);
    }
}

impl Series {
    pub(super) fn record(&mut self, duration_us: u64) {
        let one = Exact { count: 1, sum_us: duration_us, min_us: duration_us, max_us: duration_us };
        self.exact.add(&one);
        count(&mut self.histogram, duration_us, 1);
    }

    pub(super) fn add(&mut self, other: &Self) {
        if other.exact.count == 0 {
            return;
        }
        self.exact.add(&other.exact);
        let added = self.histogram.add(&other.histogram);
        debug_assert!(added.is_ok(), "auto-resizing histograms of one precision can be added");
    }

    pub(super) fn add_sealed(&mut self, other: &SealedSeries) {
        self.exact.add(&other.exact);
        for (duration_us, times) in &other.recorded {
            count(&mut self.histogram, u64::from(*duration_us), u64::from(*times));
        }
    }

    pub(super) fn seal(&self) -> SealedSeries {
        let narrow = |wide: u64| u32::try_from(wide).unwrap_or(u32::MAX);
        let recorded = self.histogram.iter_recorded();
        let recorded = recorded
            .map(|step| (narrow(step.value_iterated_to()), narrow(step.count_at_value())))
            .collect();
        SealedSeries { recorded, exact: self.exact }
    }

    pub(super) fn report(&self) -> StageReport {
        let Exact { count, sum_us, min_us, max_us } = self.exact;
        if count == 0 {
            return StageReport::default();
        }
        // A bucket's upper end may lie beyond the longest duration that was seen.
        let at = |quantile| self.histogram.value_at_quantile(quantile).clamp(min_us, max_us);
        StageReport {
            count,
            average_us: sum_us as f64 / count as f64,
            min_us,
            max_us,
            p50_us: at(0.5),
            p95_us: at(0.95),
            p99_us: at(0.99),
            p999_us: at(0.999),
        }
    }
}

fn count<C: Counter>(histogram: &mut Histogram<C>, duration_us: u64, times: C) {
    let recorded = histogram.record_n(duration_us.min(DURATION_US_MAX), times);
    debug_assert!(recorded.is_ok(), "an auto-resizing histogram takes every value");
}

/// A series that is over: only what was recorded, so that an hour of them stays small.
#[derive(Clone, Debug)]
pub(super) struct SealedSeries {
    recorded: Box<[(u32, u32)]>,
    exact: Exact,
}
