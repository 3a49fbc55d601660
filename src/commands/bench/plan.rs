//! How long each phase may take: as long as was asked for, or less where the whole run has a limit.

use std::time::Duration;

use tokio::time::Instant;

/// Below this a phase says nothing; it is run all the same.
const PHASE_MIN: Duration = Duration::from_millis(200);

/// What a run spends its time on after the set-up, in order, with the longest that each may take in
/// relation to `--seconds`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Not measured.
    WarmUp,
    /// The closed loop.
    Saturation,
    /// The open loop.
    OpenLoop,
    /// The bare batch.
    BareBatch,
    /// The empty handler.
    EmptyHandler,
}

impl Step {
    const ALL: [Self; 5] =
        [Self::WarmUp, Self::Saturation, Self::OpenLoop, Self::BareBatch, Self::EmptyHandler];

    /// Its share, in tenths of `--seconds`.
    const fn tenths(self) -> u32 {
        match self {
            Self::WarmUp => 1,
            Self::Saturation | Self::OpenLoop => 10,
            Self::BareBatch | Self::EmptyHandler => 5,
        }
    }
}

/// Verification, restarts, and what the phases take beyond their time, in tenths of `--seconds`.
const REST_TENTHS: u32 = 6;

/// What is left of the time.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    seconds: Duration,
    deadline: Option<Instant>,
    yardsticks: bool,
}

impl Plan {
    /// Phases of so many seconds; everything until `deadline`.
    pub const fn new(seconds: u64, deadline: Option<Instant>, yardsticks: bool) -> Self {
        Self { seconds: Duration::from_secs(seconds), deadline, yardsticks }
    }

    /// A plan for the next of so many profiles that are left: an equal share of the time.
    #[must_use]
    pub fn next_of(self, profiles_left: u32) -> Self {
        let now = Instant::now();
        let share = |deadline: Instant| {
            now + deadline.saturating_duration_since(now) / profiles_left.max(1)
        };
        Self { deadline: self.deadline.map(share), ..self }
    }

    /// How long a step that begins now may take.
    pub fn time_for(&self, step: Step) -> Duration {
        self.at(step, Instant::now())
    }

    /// What is left; `None`: as long as it takes.
    pub fn left(&self) -> Option<Duration> {
        self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }

    fn at(&self, step: Step, now: Instant) -> Duration {
        let asked = self.seconds * step.tenths() / 10;
        let Some(deadline) = self.deadline else { return asked };
        let to_come = |other: &Step| {
            let yardstick = matches!(other, Step::BareBatch | Step::EmptyHandler);
            self.yardsticks || !yardstick
        };
        let steps = Step::ALL.into_iter().skip_while(|other| *other != step).filter(to_come);
        let tenths: u32 = steps.map(Step::tenths).sum();
        let left = deadline.saturating_duration_since(now);
        asked.min(left * step.tenths() / (tenths + REST_TENTHS)).max(PHASE_MIN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn without_a_limit_phases_take_what_was_asked_for() {
        let plan = Plan::new(10, None, true);
        let times = Step::ALL.map(|step| plan.time_for(step).as_secs());
        assert_eq!(times, [1, 10, 10, 5, 5]);
        assert_eq!(plan.left(), None);
    }

    #[test]
    fn with_a_limit_they_shrink_to_fit_together() {
        let start = Instant::now();
        let plan = Plan::new(10, Some(start + seconds(15)), true);
        let (mut now, mut total) = (start, Duration::ZERO);
        for step in Step::ALL {
            let time = plan.at(step, now);
            assert!(time < plan.seconds * step.tenths() / 10, "{step:?} takes {time:?}");
            now += time;
            total += time;
        }
        assert!(total > seconds(11) && total < seconds(14), "{total:?}");
    }

    #[test]
    fn what_was_lost_before_is_made_up_for_and_nothing_grows() {
        let start = Instant::now();
        let plan = Plan::new(2, Some(start + seconds(60)), true);
        assert_eq!(plan.at(Step::Saturation, start), seconds(2));
        assert_eq!(plan.at(Step::Saturation, start + seconds(60)), PHASE_MIN);
    }

    #[test]
    fn profiles_share_the_time_equally() {
        let plan = Plan::new(10, Some(Instant::now() + seconds(40)), true);
        let left = plan.next_of(4).left().unwrap();
        assert!(left > seconds(9) && left <= seconds(10), "{left:?}");
        assert_eq!(Plan::new(10, None, true).next_of(4).left(), None);
    }
}
