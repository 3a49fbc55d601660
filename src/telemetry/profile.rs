//! The JIT profiler: how long each stage took, what was decided and why.

use crate::domain::authorization::StageTimes;
use crate::domain::finding::Reason;
use crate::domain::request::Door;

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
#[derive(Debug, Default)]
pub struct Profiler {}

impl Profiler {
    /// Counts one request.
    pub fn record(&self, _sample: &Sample) {}
}
