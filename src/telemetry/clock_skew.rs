//! The clock of this process beside those of the databases. Windows of limits go by the databases' time,
//! deadlines by none: a difference harms no money, but times in logs, events and tokens.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::domain::time::Monotonic;

use super::alerts::QUIET_US;
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
    /// Servers with an alert, and when their clocks last differed by too much.
    raised: Mutex<BTreeMap<&'static str, Monotonic>>,
}

impl ClockSkew {
    /// Alerts where clocks differ by more than this.
    pub fn new(max: Duration, faults: Arc<Faults>) -> Self {
        let max_us = u64::try_from(max.as_micros()).unwrap_or(u64::MAX);
        Self { max_us, faults, raised: Mutex::default() }
    }

    /// What has been found out now. An alert ends when the clocks have agreed for a minute.
    pub fn found(&self, server: &'static str, skew: Skew, now: Monotonic) {
        let seconds = skew.ahead_us as f64 / 1_000_000.0;
        metrics::set(metrics::CLOCK_SKEW, &[("server", server)], seconds);
        let differ = skew.ahead_us.unsigned_abs().saturating_sub(skew.unsure_us) > self.max_us;
        let mut raised = self.raised.lock().unwrap_or_else(PoisonError::into_inner);
        let last = raised.get(server).copied();
        if differ {
            raised.insert(server, now);
        }
        match last {
            None if differ => self.raise(server, skew),
            Some(last) if !differ && now.since(last) >= QUIET_US.unsigned_abs() => {
                raised.remove(server);
                self.end(server);
            }
            _ => {}
        }
        metrics::alert_active(KIND, LEVEL, !raised.is_empty());
    }

    fn raise(&self, server: &'static str, skew: Skew) {
        metrics::alert(KIND, LEVEL);
        let ahead_ms = skew.ahead_us / 1_000;
        tracing::warn!(
            alert.kind = KIND,
            server,
            ahead_ms,
            "a server's clock and this process's differ"
        );
        self.faults.tell_always(Notice::ClockSkew { kind: KIND, level: LEVEL, server, ahead_ms });
    }

    fn end(&self, server: &'static str) {
        tracing::info!(
            alert.kind = KIND,
            server,
            "a server's clock and this process's agree again"
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

    fn at(second: u64) -> Monotonic {
        Monotonic::from_micros(second * 1_000_000)
    }

    fn taken(told: &Told) -> Vec<String> {
        let told = std::mem::take(&mut *told.0.lock().unwrap());
        let shown = |notice: &Notice| {
            format!("{} {}", notice.event(), serde_json::to_string(notice).unwrap())
        };
        told.iter().map(shown).collect()
    }

    #[test]
    fn clocks_that_differ_are_told_once_and_again_when_they_have_agreed_for_a_minute() {
        let (clocks, told) = watched();
        let ahead = |ahead_us| Skew { ahead_us, unsure_us: 0 };
        clocks.found("server-a", ahead(2 * SECOND_US), at(0));
        clocks.found("server-b", ahead(-2 * SECOND_US), at(0));
        assert!(taken(&told).is_empty(), "not above the limit");
        for second in 1..100 {
            clocks.found("server-a", ahead(-2_500_000), at(second));
        }
        let raised = r#"alert.raised {"kind":"clock_skew","level":"warning","server":"server-a","ahead_ms":-2500}"#;
        assert_eq!(taken(&told), [raised]);
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
