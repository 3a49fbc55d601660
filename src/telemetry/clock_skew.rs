//! The clock of this process beside those of the databases. Windows of limits go by the databases' time,
//! deadlines by none: a difference harms no money, but times in logs, events and tokens.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::domain::time::{Monotonic, Timestamp};

use super::alerts::{AlertReport, QUIET_US, REPEAT_US};
use super::faults::Faults;
use super::metrics;
use super::notices::Notice;

/// The name of the alert.
const KIND: &str = "clock_skew";

const LEVEL: &str = "warning";

/// How far a server's clock is ahead of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Skew {
    /// Taking it that its answer took as long to come as the question to go. Below zero: it is behind.
    pub ahead_us: i64,
    /// It may be more or less by so much.
    pub unsure_us: u64,
}

/// Compares clocks.
#[derive(Debug)]
pub struct ClockSkew {
    max_us: u64,
    faults: Arc<Faults>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Servers that tell their time.
    known: BTreeSet<&'static str>,
    /// Servers with an alert.
    raised: BTreeMap<&'static str, Raised>,
    latest: Option<Latest>,
}

#[derive(Clone, Copy, Debug)]
struct Raised {
    /// When their clocks last differed by too much.
    differed: Monotonic,
    told: Monotonic,
}

impl Raised {
    fn is_over(&self, now: Monotonic) -> bool {
        now.since(self.differed) >= QUIET_US.unsigned_abs()
    }
}

/// The server that has raised the alert last, and how often one has.
#[derive(Clone, Copy, Debug)]
struct Latest {
    server: &'static str,
    at: Timestamp,
    cases: u64,
}

impl ClockSkew {
    /// Alerts where clocks differ by more than this.
    pub fn new(max: Duration, faults: Arc<Faults>) -> Self {
        let max_us = u64::try_from(max.as_micros()).unwrap_or(u64::MAX);
        Self { max_us, faults, state: Mutex::default() }
    }

    /// What has been found out now. An alert is told again every minute, and ends when the clocks have agreed
    /// for one.
    pub fn found(&self, server: &'static str, skew: Skew, (at, now): (Timestamp, Monotonic)) {
        let seconds = skew.ahead_us as f64 / 1_000_000.0;
        metrics::set(metrics::CLOCK_SKEW, &[("server", server)], seconds);
        let differ = skew.ahead_us.unsigned_abs().saturating_sub(skew.unsure_us) > self.max_us;
        let mut state = self.lock();
        let State { known, raised, latest } = &mut *state;
        known.insert(server);
        match raised.get_mut(server) {
            None if differ => {
                raised.insert(server, Raised { differed: now, told: now });
                let cases = latest.map_or(0, |latest| latest.cases).saturating_add(1);
                *latest = Some(Latest { server, at, cases });
                self.raise(server, skew);
            }
            Some(alert) if differ => {
                alert.differed = now;
                if now.since(alert.told) >= REPEAT_US.unsigned_abs() {
                    alert.told = now;
                    self.tell(server, skew);
                }
            }
            Some(alert) if alert.is_over(now) => {
                raised.remove(server);
                self.end(server);
            }
            _ => {}
        }
        metrics::alert_active(KIND, LEVEL, !raised.is_empty());
    }

    /// A server does not tell its time now. A minute after the clocks last differed the alert ends all the same:
    /// nobody can say whether they still do, and that a server does not answer is told elsewhere.
    pub fn silent(&self, server: &'static str, now: Monotonic) {
        let mut state = self.lock();
        let State { known, raised, .. } = &mut *state;
        if known.remove(server) {
            metrics::forget(metrics::CLOCK_SKEW, &[("server", server)]);
        }
        if raised.get(server).is_some_and(|alert| alert.is_over(now)) {
            raised.remove(server);
            self.end(server);
            metrics::alert_active(KIND, LEVEL, !raised.is_empty());
        }
    }

    /// How the alert stands, once it has been raised.
    pub fn report(&self) -> Option<AlertReport> {
        let state = self.lock();
        let latest = state.latest?;
        Some(AlertReport {
            kind: KIND,
            level: LEVEL,
            slow: None,
            about: Some(latest.server.to_owned()),
            count: latest.cases,
            last_at: latest.at.to_string(),
            active: !state.raised.is_empty(),
        })
    }

    fn raise(&self, server: &'static str, skew: Skew) {
        metrics::alert(KIND, LEVEL);
        tracing::warn!(
            alert.kind = KIND,
            server,
            ahead_ms = skew.ahead_us / 1_000,
            "a server's clock and this process's differ"
        );
        self.tell(server, skew);
    }

    fn tell(&self, server: &'static str, skew: Skew) {
        let ahead_ms = skew.ahead_us / 1_000;
        self.faults.tell_always(Notice::ClockSkew { kind: KIND, level: LEVEL, server, ahead_ms });
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self, server: &'static str) {
        tracing::info!(
            alert.kind = KIND,
            server,
            "a server's clock and this process's were not seen to differ for a minute"
        );
        self.faults.tell_always(Notice::ClockSkewEnded { kind: KIND, level: LEVEL, server });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::faults::tests::Told;

    const SECOND_US: i64 = 1_000_000;

    fn watched() -> (ClockSkew, Arc<Told>) {
        let (faults, told) = (Arc::new(Faults::default()), Arc::new(Told::default()));
        faults.tell_to(told.clone());
        (ClockSkew::new(Duration::from_secs(2), faults), told)
    }

    fn at(second: u64) -> (Timestamp, Monotonic) {
        (Timestamp::from_micros(0), Monotonic::from_micros(second * 1_000_000))
    }

    fn taken(told: &Told) -> Vec<String> {
        let told = std::mem::take(&mut *told.0.lock().unwrap());
        let shown = |notice: &Notice| {
            format!("{} {}", notice.event(), serde_json::to_string(notice).unwrap())
        };
        told.iter().map(shown).collect()
    }

    #[test]
    fn clocks_that_differ_are_told_every_minute_and_when_they_have_agreed_for_a_minute() {
        let (clocks, told) = watched();
        let ahead = |ahead_us| Skew { ahead_us, unsure_us: 0 };
        clocks.found("server-a", ahead(2 * SECOND_US), at(0));
        clocks.found("server-b", ahead(-2 * SECOND_US), at(0));
        assert!(taken(&told).is_empty(), "not above the limit");
        assert!(clocks.report().is_none());
        for second in 1..100 {
            clocks.found("server-a", ahead(-2_500_000), at(second));
        }
        let raised = r#"alert.raised {"kind":"clock_skew","level":"warning","server":"server-a","ahead_ms":-2500}"#;
        assert_eq!(taken(&told), [raised, raised], "and again after a minute");
        let report = clocks.report().unwrap();
        assert_eq!(
            (report.count, report.about.as_deref(), report.active),
            (1, Some("server-a"), true)
        );
        clocks.found("server-b", ahead(3 * SECOND_US), at(100));
        assert_eq!(taken(&told).len(), 1, "each server for itself");
        clocks.found("server-a", ahead(0), at(158));
        assert!(taken(&told).is_empty(), "not yet a minute");
        clocks.found("server-a", ahead(0), at(159));
        let ended = r#"alert.cleared {"kind":"clock_skew","level":"warning","server":"server-a"}"#;
        assert_eq!(taken(&told), [ended]);
        clocks.found("server-a", ahead(3 * SECOND_US), at(160));
        assert_eq!(taken(&told).len(), 1);
        let text = metrics::render();
        assert!(text.contains(r#"tollgate_clock_skew_seconds{server="server-a"} 3"#), "{text}");
        clocks.silent("server-a", at(160).1);
        let text = metrics::render();
        assert!(text.contains(r#"tollgate_clock_skew_seconds{server="server-a"} NaN"#), "{text}");
    }

    #[test]
    fn where_nobody_knows_any_more_whether_clocks_differ_the_alert_ends_after_a_minute() {
        let (clocks, told) = watched();
        let ahead = Skew { ahead_us: 3 * SECOND_US, unsure_us: 0 };
        clocks.found("server-d", ahead, at(0));
        assert_eq!(taken(&told).len(), 1);
        for second in 1..60 {
            clocks.silent("server-d", at(second).1);
        }
        assert!(taken(&told).is_empty() && clocks.report().unwrap().active);
        clocks.silent("server-d", at(60).1);
        clocks.silent("server-d", at(61).1);
        let ended = r#"alert.cleared {"kind":"clock_skew","level":"warning","server":"server-d"}"#;
        assert_eq!(taken(&told), [ended], "once");
        assert!(!clocks.report().unwrap().active);
        clocks.found("server-d", ahead, at(62));
        assert_eq!(clocks.report().unwrap().count, 2, "a case of its own");
    }

    #[test]
    fn what_a_slow_answer_leaves_open_raises_nothing() {
        let (clocks, told) = watched();
        clocks.found("server-c", Skew { ahead_us: 2_300_000, unsure_us: 400_000 }, at(0));
        assert!(taken(&told).is_empty());
        clocks.found("server-c", Skew { ahead_us: 2_500_000, unsure_us: 400_000 }, at(1));
        assert_eq!(taken(&told).len(), 1);
    }
}
