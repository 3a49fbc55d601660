//! The JIT profiler: how long each stage took, what was decided and why. Recording costs well below
//! a microsecond; everything else is done when somebody asks, or once a minute.

mod report;
mod series;
mod stage;
mod window;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::domain::authorization::StageTimes;
use crate::domain::finding::Reason;
use crate::domain::request::Door;
use crate::domain::time::{Monotonic, Timestamp};

use super::alerts::{Alerts, Thresholds};
use super::card_data;
use super::card_testing::{CardTesting, DeclineLimit};
use super::notices::Sink;

pub use report::{PathReport, ProfileReport, StageReport, WindowReport};
pub use stage::Stage;

use window::{Sealed, Window};

/// Minutes that are kept for questions about the recent past.
const MINUTES_MAX: usize = 60;

const MINUTE_US: u64 = 60_000_000;

/// Threads that record at once should rarely meet; more shards would only cost memory.
const SHARDS: usize = 2;

/// What one request ended in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Approved.
    Approved,
    /// Declined, and stored.
    Declined(Reason),
    /// No decision: shed, stalled, too late, or a store that did not answer.
    Unavailable,
}

/// One request, measured. All times in microseconds.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// Where it came in.
    pub door: Door,
    /// The stages up to the judge.
    pub stages: StageTimes,
    /// From the judge's end to the end of the commit.
    pub commit_us: u64,
    /// From the complete header to the answer.
    pub total_us: u64,
    /// What it ended in.
    pub ended: Ended,
}

/// Collects samples.
#[derive(Debug)]
pub struct Profiler {
    shards: [Mutex<Window>; SHARDS],
    history: Mutex<History>,
    thresholds: Thresholds,
    alerts: Alerts,
    testing: CardTesting,
}

/// What has been taken out of the shards.
#[derive(Debug, Default)]
struct History {
    started_at: Option<Timestamp>,
    all: Window,
    minutes: VecDeque<Sealed>,
    minute_began: Option<Monotonic>,
}

impl Default for Profiler {
    fn default() -> Self {
        Self::new(Thresholds::default(), DeclineLimit::default())
    }
}

impl Profiler {
    /// A profiler that raises alerts above these thresholds, and at this limit.
    pub fn new(thresholds: Thresholds, declines: DeclineLimit) -> Self {
        Self {
            shards: Default::default(),
            history: Mutex::default(),
            thresholds,
            alerts: Alerts::default(),
            testing: CardTesting::new(declines),
        }
    }

    /// Counts one request, and raises an alert if it took too long.
    pub fn record(&self, sample: &Sample) {
        lock(&self.shards[shard_of_this_thread()]).record(sample);
        self.thresholds.compare(sample, &self.alerts);
        if sample.ended == Ended::Unavailable {
            self.alerts.undecided();
        }
    }

    /// Counts one decline at a merchant, and raises an alert if there are too many.
    pub fn declined_at(&self, merchant: &Arc<str>) {
        if let Some(notice) = self.testing.declined(merchant) {
            self.alerts.tell(notice);
        }
    }

    /// From now on alerts are told there as well; the first who says so is heard.
    pub fn tell_to(&self, sink: Arc<dyn Sink>) {
        card_data::tell_to(Arc::clone(&sink));
        self.alerts.tell_to(sink);
    }

    /// To be called about once a second: closes minutes and lets alerts end. The profiler knows no
    /// other time.
    pub fn tick(&self, now: Timestamp, monotonic: Monotonic) {
        self.alerts.tick(now);
        for notice in self.testing.tick(now, monotonic) {
            self.alerts.tell(notice);
        }
        let mut history = lock(&self.history);
        history.started_at.get_or_insert(now);
        let began = *history.minute_began.get_or_insert(monotonic);
        if monotonic.since(began) >= MINUTE_US {
            history.minute_began = Some(monotonic);
            self.close_minute(&mut history);
        }
    }

    /// Everything since the start, the last `minutes` (at most 60) beside it, and the alerts.
    pub fn report(&self, now: Timestamp, minutes: usize) -> ProfileReport {
        let minutes = minutes.clamp(1, MINUTES_MAX);
        let history = lock(&self.history);
        let mut recent = Window::default();
        for shard in &self.shards {
            recent.add(&lock(shard));
        }
        let mut all = Window::default();
        all.add(&history.all);
        all.add(&recent);
        for minute in history.minutes.iter().rev().take(minutes - 1) {
            recent.add_sealed(minute);
        }
        let started_at = history.started_at.unwrap_or(now);
        drop(history);
        ProfileReport {
            started_at: started_at.to_string(),
            at: now.to_string(),
            since_start: all.report(),
            recent_minutes: minutes,
            recent: recent.report(),
            alerts: self.alerts.report(now).into_iter().chain(self.testing.report()).collect(),
        }
    }

    fn close_minute(&self, history: &mut History) {
        let mut minute = Window::default();
        for shard in &self.shards {
            minute.add(&std::mem::take(&mut *lock(shard)));
        }
        history.all.add(&minute);
        history.minutes.push_back(minute.seal());
        // The running minute counts as one of those that are asked for.
        while history.minutes.len() >= MINUTES_MAX {
            history.minutes.pop_front();
        }
    }
}

/// Every thread keeps to one shard.
fn shard_of_this_thread() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static MINE: usize = NEXT.fetch_add(1, Ordering::Relaxed) % SHARDS;
    }
    MINE.with(|mine| *mine)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
