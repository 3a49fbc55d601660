//! The stages that are timed, and their names in reports, alerts and logs.

use super::Sample;

/// One timed part of a request, in corridor order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stage {
    /// Stage 1: who is the cardholder?
    UserLookup,
    /// Stage 2: what is the card?
    CardLookup,
    /// Stage 3: which limits and controls apply?
    SpendingLimits,
    /// Waiting for the lane, and for its prefetch.
    LaneWait,
    /// Stage 4: the judge.
    Decision,
    /// From the judge's end to the end of the commit.
    Commit,
    /// From the complete header to the answer.
    Total,
}

impl Stage {
    /// Every stage, in corridor order, the total last.
    pub const ALL: [Self; 7] = [
        Self::UserLookup,
        Self::CardLookup,
        Self::SpendingLimits,
        Self::LaneWait,
        Self::Decision,
        Self::Commit,
        Self::Total,
    ];

    /// The name used everywhere.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UserLookup => "user_lookup",
            Self::CardLookup => "card_lookup",
            Self::SpendingLimits => "spending_limits",
            Self::LaneWait => "lane_wait",
            Self::Decision => "decision",
            Self::Commit => "commit",
            Self::Total => "total",
        }
    }

    /// How long it took in this sample, in microseconds.
    pub const fn of(self, sample: &Sample) -> u64 {
        match self {
            Self::UserLookup => sample.stages.user_lookup_us,
            Self::CardLookup => sample.stages.card_lookup_us,
            Self::SpendingLimits => sample.stages.spending_limits_us,
            Self::LaneWait => sample.stages.lane_wait_us,
            Self::Decision => sample.stages.decision_us,
            Self::Commit => sample.commit_us,
            Self::Total => sample.total_us,
        }
    }
}
