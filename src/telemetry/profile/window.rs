//! What was recorded in a stretch of time, by door.

use std::collections::BTreeMap;

use crate::domain::finding::Reason;
use crate::domain::request::Door;

use super::report::{PathReport, WindowReport};
use super::series::{SealedSeries, Series};
use super::{Ended, Sample, Stage};

const STAGES: usize = Stage::ALL.len();
const REASONS: usize = Reason::ALL.len();

/// A stretch of time, still growing.
#[derive(Clone, Debug, Default)]
pub(super) struct Window {
    marqeta: Path,
    rest: Path,
}

/// A stretch of time that is over.
#[derive(Clone, Debug)]
pub(super) struct Sealed {
    marqeta: SealedPath,
    rest: SealedPath,
}

#[derive(Clone, Debug, Default)]
struct Path {
    ends: Ends,
    stages: [Series; STAGES],
}

#[derive(Clone, Debug)]
struct SealedPath {
    ends: Ends,
    stages: [SealedSeries; STAGES],
}

/// How requests ended.
#[derive(Clone, Copy, Debug, Default)]
struct Ends {
    approved: u64,
    unavailable: u64,
    declined: [u64; REASONS],
}

impl Window {
    pub(super) fn record(&mut self, sample: &Sample) {
        match sample.door {
            Door::Marqeta => self.marqeta.record(sample),
            // Notices are not timed: nobody waits for them.
            Door::Rest | Door::Notice => self.rest.record(sample),
        }
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.marqeta.add(&other.marqeta);
        self.rest.add(&other.rest);
    }

    pub(super) fn add_sealed(&mut self, other: &Sealed) {
        self.marqeta.add_sealed(&other.marqeta);
        self.rest.add_sealed(&other.rest);
    }

    pub(super) fn seal(&self) -> Sealed {
        Sealed { marqeta: self.marqeta.seal(), rest: self.rest.seal() }
    }

    pub(super) fn report(&self) -> WindowReport {
        let mut all = self.marqeta.clone();
        all.add(&self.rest);
        let doors = [("marqeta", self.marqeta.report()), ("rest", self.rest.report())];
        WindowReport { all: all.report(), doors: BTreeMap::from(doors) }
    }
}

impl Path {
    fn record(&mut self, sample: &Sample) {
        self.ends.count(sample.ended);
        let decided = sample.ended != Ended::Unavailable;
        for (stage, series) in Stage::ALL.into_iter().zip(&mut self.stages) {
            let took_us = stage.of(sample);
            // Without a decision, what took no time was not reached.
            if decided || took_us > 0 {
                series.record(took_us);
            }
        }
    }

    fn add(&mut self, other: &Self) {
        self.ends.add(&other.ends);
        self.stages.iter_mut().zip(&other.stages).for_each(|(mine, other)| mine.add(other));
    }

    fn add_sealed(&mut self, other: &SealedPath) {
        self.ends.add(&other.ends);
        self.stages.iter_mut().zip(&other.stages).for_each(|(mine, other)| mine.add_sealed(other));
    }

    fn seal(&self) -> SealedPath {
        SealedPath { ends: self.ends, stages: self.stages.each_ref().map(Series::seal) }
    }

    fn report(&self) -> PathReport {
        let Ends { approved, unavailable, declined: by_reason } = self.ends;
        let declined = by_reason.iter().sum();
        let decided = approved + declined;
        let reasons = Reason::ALL.iter().zip(by_reason).filter(|(_, count)| *count > 0);
        let stages = Stage::ALL.iter().zip(&self.stages);
        PathReport {
            count: decided + unavailable,
            approved,
            declined,
            unavailable,
            approval_rate: (decided > 0).then(|| approved as f64 / decided as f64),
            reasons: reasons.map(|(reason, count)| (reason.as_str(), count)).collect(),
            stages: stages.map(|(stage, series)| (stage.as_str(), series.report())).collect(),
        }
    }
}

impl Ends {
    fn count(&mut self, ended: Ended) {
        match ended {
            Ended::Approved => self.approved += 1,
            Ended::Unavailable => self.unavailable += 1,
            Ended::Declined(reason) => {
                let mut reasons = Reason::ALL.iter().zip(&mut self.declined);
                if let Some((_, count)) = reasons.find(|(known, _)| **known == reason) {
                    *count += 1;
                }
            }
        }
    }

    fn add(&mut self, other: &Self) {
        self.approved += other.approved;
        self.unavailable += other.unavailable;
        self.declined.iter_mut().zip(other.declined).for_each(|(mine, other)| *mine += other);
    }
}
