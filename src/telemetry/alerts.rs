//! Alerts: a request, or a stage of it, took longer than it may. Each is a log line (at most one in
//! ten seconds of each kind) and an entry of the profile, and ends by itself.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use serde::Serialize;

use crate::domain::time::Timestamp;

use super::card_data;
use super::notices::{Notice, Sink};
use super::profile::{Sample, Stage};

/// An alert is over when nothing has raised it for this long.
pub(super) const QUIET_US: i64 = 60_000_000;

/// What is told once, and not with each case, is told again so often while it lasts: the broker may have been
/// away.
pub(super) const REPEAT_US: i64 = 60_000_000;

/// Between two log lines of one kind.
const LOG_EVERY_US: i64 = 10_000_000;

/// What took the time when it was none of the stages: reading and writing at the door.
const OUTSIDE: &str = "outside";

/// Above these an alert is raised. All in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thresholds {
    /// Total: warning.
    pub total_warning_us: u64,
    /// Total: critical.
    pub total_critical_us: u64,
    /// Stage 1.
    pub user_lookup_us: u64,
    /// Stage 2.
    pub card_lookup_us: u64,
    /// Stage 3.
    pub spending_limits_us: u64,
    /// Stage 4, the judge alone.
    pub decision_us: u64,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            total_warning_us: 50_000,
            total_critical_us: 100_000,
            user_lookup_us: 10_000,
            card_lookup_us: 10_000,
            spending_limits_us: 10_000,
            decision_us: 5_000,
        }
    }
}

impl Thresholds {
    /// Raises what this sample exceeds.
    pub(super) fn compare(&self, sample: &Sample, alerts: &Alerts) {
        if sample.total_us > self.total_critical_us {
            alerts.raise(Kind::TotalCritical, blamed(sample), sample);
        } else if sample.total_us > self.total_warning_us {
            alerts.raise(Kind::TotalWarning, blamed(sample), sample);
        }
        let budgets = [
            (Kind::UserLookup, Stage::UserLookup, self.user_lookup_us),
            (Kind::CardLookup, Stage::CardLookup, self.card_lookup_us),
            (Kind::SpendingLimits, Stage::SpendingLimits, self.spending_limits_us),
            (Kind::Decision, Stage::Decision, self.decision_us),
        ];
        for (kind, stage, budget_us) in budgets {
            let took_us = stage.of(sample);
            if took_us > budget_us {
                alerts.raise(kind, (stage.as_str(), took_us), sample);
            }
        }
    }
}

/// The stage that took most of the time, and how much.
fn blamed(sample: &Sample) -> (&'static str, u64) {
    let parts = Stage::ALL.iter().filter(|stage| **stage != Stage::Total);
    let parts = parts.map(|stage| (stage.as_str(), stage.of(sample)));
    let inside: u64 = parts.clone().map(|(_, took_us)| took_us).sum();
    let outside = (OUTSIDE, sample.total_us.saturating_sub(inside));
    parts.max_by_key(|(_, took_us)| *took_us).filter(|most| most.1 >= outside.1).unwrap_or(outside)
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    TotalWarning,
    TotalCritical,
    UserLookup,
    CardLookup,
    SpendingLimits,
    Decision,
}

impl Kind {
    const COUNT: usize = 6;

    const fn index(self) -> usize {
        self as usize
    }

    const fn name(self) -> &'static str {
        match self {
            Self::TotalWarning | Self::TotalCritical => "total",
            _ => "stage",
        }
    }

    const fn level(self) -> &'static str {
        match self {
            Self::TotalCritical => "critical",
            _ => "warning",
        }
    }
}

/// All alerts of the process. Knows the time only to the second, from its ticks.
#[derive(Debug, Default)]
pub(super) struct Alerts {
    now_us: AtomicI64,
    entries: Mutex<[Option<Entry>; Kind::COUNT]>,
    undecided: Mutex<Option<Pace>>,
    sink: OnceLock<Arc<dyn Sink>>,
}

/// When something was told last, and how often it has happened since.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    told_us: i64,
    untold: u64,
}

impl Default for Pace {
    fn default() -> Self {
        Self { told_us: i64::MIN, untold: 0 }
    }
}

impl Pace {
    /// Whether this case is to be told, and how many before it were not.
    pub(super) fn due(&mut self, now_us: i64) -> Option<u64> {
        if now_us.saturating_sub(self.told_us) < LOG_EVERY_US {
            self.untold += 1;
            return None;
        }
        self.told_us = now_us;
        Some(std::mem::take(&mut self.untold))
    }
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    kind: Kind,
    stage: &'static str,
    stage_us: u64,
    total_us: u64,
    count: u64,
    last_us: i64,
    pace: Pace,
    ended: bool,
}

/// One alert, as the profile shows it.
#[derive(Clone, Debug, Serialize)]
pub struct AlertReport {
    /// `total`, `stage`, `card_testing` or `clock_skew`.
    pub kind: &'static str,
    /// `warning` or `critical`.
    pub level: &'static str,
    /// What took the time in the latest case (`total`, `stage`).
    #[serde(flatten)]
    pub slow: Option<Slow>,
    /// The end of the merchant's id (`card_testing`), or the server (`clock_skew`), of the latest case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// Cases since the start.
    pub count: u64,
    /// The latest case, to the second (RFC 3339).
    pub last_at: String,
    /// Whether it is not over: of requests, whether the latest case is less than a minute ago.
    pub active: bool,
}

/// What took the time of a request.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Slow {
    /// The stage that took it.
    pub stage: &'static str,
    /// How long the request took.
    pub total_us: u64,
    /// How much of it that stage took.
    pub stage_us: u64,
}

impl Alerts {
    /// Tells the time, and ends what has been quiet.
    pub(super) fn tick(&self, now: Timestamp) {
        self.now_us.store(now.as_micros(), Ordering::Relaxed);
        card_data::tick(now);
        for entry in self.lock().iter_mut().flatten() {
            if !entry.ended && now.as_micros() - entry.last_us >= QUIET_US {
                entry.ended = true;
                tracing::info!(
                    alert.kind = entry.kind.name(),
                    alert.level = entry.kind.level(),
                    stage = entry.stage,
                    count = entry.count,
                    "a latency alert has ended"
                );
                let (kind, level) = (entry.kind.name(), entry.kind.level());
                self.tell(Notice::Cleared { kind, level, stage: entry.stage, cases: entry.count });
            }
        }
    }

    pub(super) fn report(&self, now: Timestamp) -> Vec<AlertReport> {
        let entries = *self.lock();
        entries.iter().flatten().map(|entry| entry.report(now)).collect()
    }

    fn raise(&self, kind: Kind, (stage, stage_us): (&'static str, u64), sample: &Sample) {
        let now_us = self.now_us.load(Ordering::Relaxed);
        let due = {
            let mut entries = self.lock();
            let entry = entries[kind.index()].get_or_insert(Entry::fresh(kind));
            entry.stage = stage;
            entry.stage_us = stage_us;
            entry.total_us = sample.total_us;
            entry.count += 1;
            entry.last_us = now_us;
            entry.ended = false;
            entry.pace.due(now_us)
        };
        if let Some(suppressed) = due {
            let total_us = sample.total_us;
            log(kind, stage, stage_us, total_us, suppressed);
            let (name, level) = (kind.name(), kind.level());
            let cases = suppressed.saturating_add(1);
            self.tell(Notice::Raised { kind: name, level, stage, stage_us, total_us, cases });
        }
    }

    /// A request was not decided, but answered by the outage policy.
    pub(super) fn undecided(&self) {
        let now_us = self.now_us.load(Ordering::Relaxed);
        let due = {
            let mut pace = self.undecided.lock().unwrap_or_else(PoisonError::into_inner);
            pace.get_or_insert_default().due(now_us)
        };
        if let Some(untold) = due {
            self.tell(Notice::Undecided { cases: untold.saturating_add(1) });
        }
    }

    /// From now on notices go there; the first who says so is heard.
    pub(super) fn tell_to(&self, sink: Arc<dyn Sink>) {
        let _ = self.sink.set(sink);
    }

    pub(super) fn tell(&self, notice: Notice) {
        if let Some(sink) = self.sink.get() {
            sink.tell(notice);
        }
    }

    fn lock(&self) -> MutexGuard<'_, [Option<Entry>; Kind::COUNT]> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    const fn fresh(kind: Kind) -> Self {
        Self {
            kind,
            stage: OUTSIDE,
            stage_us: 0,
            total_us: 0,
            count: 0,
            last_us: 0,
            pace: Pace { told_us: i64::MIN, untold: 0 },
            ended: false,
        }
    }

    fn report(&self, now: Timestamp) -> AlertReport {
        AlertReport {
            kind: self.kind.name(),
            level: self.kind.level(),
            slow: Some(Slow {
                stage: self.stage,
                total_us: self.total_us,
                stage_us: self.stage_us,
            }),
            about: None,
            count: self.count,
            last_at: Timestamp::from_micros(self.last_us).to_string(),
            active: now.as_micros() - self.last_us < QUIET_US,
        }
    }
}

fn log(kind: Kind, stage: &'static str, stage_us: u64, total_us: u64, suppressed: u64) {
    match kind {
        Kind::TotalCritical => tracing::error!(
            alert.kind = kind.name(),
            stage,
            stage_us,
            total_us,
            suppressed,
            "a purchase took far too long"
        ),
        Kind::TotalWarning => tracing::warn!(
            alert.kind = kind.name(),
            stage,
            stage_us,
            total_us,
            suppressed,
            "a purchase took too long"
        ),
        _ => tracing::warn!(
            alert.kind = kind.name(),
            stage,
            stage_us,
            total_us,
            suppressed,
            "a stage exceeded its budget"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::faults::tests::Told;

    #[test]
    fn one_line_in_ten_seconds_with_the_number_of_those_left_out() {
        let mut pace = Pace::default();
        assert_eq!(pace.due(0), Some(0));
        assert_eq!((pace.due(1), pace.due(LOG_EVERY_US - 1)), (None, None));
        assert_eq!(pace.due(LOG_EVERY_US), Some(2));
        assert_eq!(pace.due(2 * LOG_EVERY_US), Some(0));
    }

    #[test]
    fn an_alert_is_told_when_it_is_raised_and_when_it_ends() {
        let (alerts, told) = (Alerts::default(), Arc::new(Told::default()));
        alerts.tell_to(told.clone());
        let sample = Sample {
            door: crate::domain::request::Door::Marqeta,
            stages: Default::default(),
            commit_us: 60_000,
            total_us: 70_000,
            ended: super::super::profile::Ended::Approved,
        };
        for _ in 0..3 {
            Thresholds::default().compare(&sample, &alerts);
            alerts.undecided();
        }
        alerts.tick(Timestamp::from_micros(QUIET_US));
        let kinds: Vec<&str> = told.0.lock().unwrap().iter().map(Notice::event).collect();
        assert_eq!(kinds, ["alert.raised", "authorization.error", "alert.cleared"]);
        let first = serde_json::to_string(&told.0.lock().unwrap()[0]).unwrap();
        let expected = r#"{"kind":"total","level":"warning","stage":"commit","stage_us":60000,"total_us":70000,"cases":1}"#;
        assert_eq!(first, expected);
    }
}
