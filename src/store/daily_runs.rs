//! Port to the marks of work that is done once a day: several instances and restarts do it once, and a
//! day that was missed is made up for.

use uuid::Uuid;

use crate::domain::time::Timestamp;

use super::StoreFuture;

/// A day's run of some work, by one who would do it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DailyRun {
    /// Which work.
    pub name: &'static str,
    /// Days since 1970.
    pub day: i64,
    /// Who.
    pub runner: Uuid,
}

/// Which days' work is done, and who is at it.
pub trait DailyRuns: Send + Sync {
    /// The store's own time, one for all instances: a day that one of them with a wrong clock has begun too
    /// early would keep the others from theirs until it comes.
    fn now(&self) -> StoreFuture<'_, Timestamp>;
    /// Takes a day's work on until then, or goes on with it. `false`: it is done, a later day's was
    /// begun, or somebody else is at it.
    fn claim(&self, run: DailyRun, now: Timestamp, until: Timestamp) -> StoreFuture<'_, bool>;
    /// Whoever took it on can not do it: others may, at once.
    fn release(&self, run: DailyRun) -> StoreFuture<'_, ()>;
    /// It is done, by whoever has been at it longest: that somebody else has taken it on meanwhile does not
    /// matter. Where a later day's was begun, nothing is written.
    fn finish(&self, run: DailyRun, now: Timestamp) -> StoreFuture<'_, ()>;
    /// When it was done last, whichever day's.
    fn last(&self, name: &'static str) -> StoreFuture<'_, Option<Timestamp>>;
}
