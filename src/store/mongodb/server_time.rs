//! What time it is on the server: asked once a second, and told from then on by how long ago that was.
//! Nobody knows it exactly: whoever asks is told two times that it lies between.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mongodb::Database;
use mongodb::bson::doc;
use tokio::time::Instant;

use super::error::{translate, unreadable};
use crate::store::StoreError;

/// How long an answer is good for: clocks are set, and another server may have taken over.
const GOOD_FOR: Duration = Duration::from_secs(1);

/// The server tells its time in whole milliseconds; what it leaves out is less than one.
const MILLISECOND_US: i64 = 1_000;

/// Bounds of the server's time, in microseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Between {
    /// It is not earlier.
    pub(super) earliest_us: i64,
    /// It is not later.
    pub(super) latest_us: i64,
}

/// The last answer of the server.
#[derive(Default)]
pub(super) struct ServerTime(Mutex<Option<Answer>>);

/// What was known when it came.
#[derive(Clone, Copy)]
struct Answer {
    at: Instant,
    between: Between,
}

impl ServerTime {
    /// The time now. Whatever the server has stamped by now is stamped earlier than the latest, and
    /// what it stamps from now on later than the earliest.
    pub(super) async fn now(&self, database: &Database) -> Result<Between, StoreError> {
        let last = *self.last();
        if let Some(last) = last
            && last.at.elapsed() < GOOD_FOR
        {
            return Ok(last.between.after(last.at.elapsed()));
        }
        let asked_at = Instant::now();
        let hello = database.run_command(doc! { "hello": 1 }).await.map_err(translate)?;
        let at = Instant::now();
        let time = hello.get_datetime("localTime").map_err(unreadable)?;
        let read = Between::read(time.timestamp_millis(), at.duration_since(asked_at));
        let mut last = self.last();
        let between = match *last {
            Some(last) => read.narrowed(last.between.after(at.duration_since(last.at))),
            None => read,
        };
        *last = Some(Answer { at, between });
        Ok(between)
    }

    fn last(&self) -> MutexGuard<'_, Option<Answer>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Between {
    /// At the moment at which the server's time has come, so long after it was asked for.
    fn read(time_ms: i64, took: Duration) -> Self {
        let earliest_us = time_ms.saturating_mul(MILLISECOND_US);
        Self { earliest_us, latest_us: earliest_us.saturating_add(MILLISECOND_US) }.widened(took)
    }

    fn widened(self, by: Duration) -> Self {
        Self { latest_us: self.latest_us.saturating_add(micros(by)), ..self }
    }

    /// The same bounds, so much later.
    fn after(self, elapsed: Duration) -> Self {
        let elapsed_us = micros(elapsed);
        Self {
            earliest_us: self.earliest_us.saturating_add(elapsed_us),
            latest_us: self.latest_us.saturating_add(elapsed_us),
        }
    }

    /// Within what was known before as well, so that a slow answer does not set the time back. Where
    /// they have nothing in common, the clock is another one.
    fn narrowed(self, before: Self) -> Self {
        let both = Self {
            earliest_us: self.earliest_us.max(before.earliest_us),
            latest_us: self.latest_us.min(before.latest_us),
        };
        if both.earliest_us <= both.latest_us { both } else { self }
    }
}

fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn between(earliest_us: i64, latest_us: i64) -> Between {
        Between { earliest_us, latest_us }
    }

    #[test]
    fn an_answer_bounds_the_time_by_how_long_it_took() {
        let read = Between::read(5_000, Duration::from_micros(300));
        assert_eq!(read, between(5_000_000, 5_001_300));
        assert_eq!(read.after(Duration::from_millis(2)), between(5_002_000, 5_003_300));
    }

    #[test]
    fn a_slow_answer_does_not_set_the_time_back_and_another_clock_does() {
        let before = between(7_000, 8_000);
        assert_eq!(between(5_000, 90_000).narrowed(before), before);
        assert_eq!(between(7_500, 9_000).narrowed(before), between(7_500, 8_000));
        assert_eq!(between(1_000, 2_000).narrowed(before), between(1_000, 2_000));
    }
}
