//! Once a day: the platform's list of the last weeks beside our books, at an hour when it has caught up.

use std::sync::Arc;
use std::time::Duration;

use super::{Books, List, Listing, Report, Window, reconcile};
use crate::domain::clock::Clock;
use crate::domain::time::Timestamp;

const HOUR_US: i64 = 3_600_000_000;
const DAY_US: i64 = 24 * HOUR_US;
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(24 * 3_600);

/// How far the platform's list may lie behind.
const LAG_US: i64 = 4 * HOUR_US;

/// How often, and after how long, a list that could not be read is asked for again.
const TRIES: u32 = 6;
const AGAIN_AFTER: Duration = Duration::from_secs(600);

/// What is reconciled, and when.
pub struct Daily {
    /// The platform.
    pub listing: Arc<dyn Listing>,
    /// Our books.
    pub books: Books,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The hour, UTC.
    pub hour: u8,
    /// How many days back purchases are compared: longer than holds live.
    pub days: u16,
}

/// Reconciles every day at its hour, for ever; tells `told` of each outcome, `None` where there was
/// none.
pub async fn reconcile_daily(daily: Daily, told: impl Fn(Option<&Report>) + Send) {
    let mut wait = until_first(daily.clock.now(), daily.hour);
    loop {
        tokio::time::sleep(wait).await;
        let mut tries = 1;
        loop {
            match daily.once().await {
                Ok(report) => {
                    tell(&report);
                    told(Some(&report));
                    break;
                }
                Err(error) => {
                    tracing::warn!(%error, tries, "could not reconcile with the platform");
                    told(None);
                }
            }
            if tries == TRIES {
                tracing::error!("gave up on today's reconciliation with the platform");
                break;
            }
            tries += 1;
            tokio::time::sleep(AGAIN_AFTER).await;
        }
        wait = until(daily.clock.now(), daily.hour);
    }
}

impl Daily {
    /// The window that is reconciled now.
    pub fn window(&self) -> Window {
        let to = self.clock.now().plus_micros(-LAG_US);
        Window { from: to.plus_micros(-DAY_US.saturating_mul(i64::from(self.days))), to }
    }

    async fn once(&self) -> Result<Report, crate::store::Source> {
        let window = self.window();
        let listed = Window { to: self.clock.now(), ..window };
        let list = List::fetched(&*self.listing, Some(listed)).await?;
        Ok(reconcile(&list, &self.books, Some(window)).await?)
    }
}

/// From the start to the first time. While it is the hour, that is now: whoever restarts then may have
/// stopped in the middle of it, and nothing tells of that.
fn until_first(now: Timestamp, hour: u8) -> Duration {
    let next = until(now, hour);
    let began_within_the_hour = next + HOUR > DAY;
    if began_within_the_hour { Duration::ZERO } else { next }
}

/// From now to the next time that it is this hour.
fn until(now: Timestamp, hour: u8) -> Duration {
    let today = now.as_micros().rem_euclid(DAY_US);
    let wait = (i64::from(hour) * HOUR_US - today).rem_euclid(DAY_US);
    let wait = if wait == 0 { DAY_US } else { wait };
    Duration::from_micros(wait.unsigned_abs())
}

fn tell(report: &Report) {
    let Report { purchases, equal, missing, extra, different, unreadable, .. } = report;
    if report.clean() {
        tracing::info!(purchases, equal, "reconciled with the platform: both sides agree");
        return;
    }
    tracing::error!(
        purchases,
        equal,
        missing,
        extra,
        different,
        unreadable,
        "reconciled with the platform: the books differ; see tollgate reconcile"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_time_is_within_a_day_and_never_at_once() {
        let noon = Timestamp::parse("2026-11-20T12:00:00Z").unwrap();
        assert_eq!(until(noon, 13), Duration::from_secs(3_600));
        assert_eq!(until(noon, 11), Duration::from_secs(23 * 3_600));
        assert_eq!(until(noon, 12), Duration::from_secs(24 * 3_600));
    }

    #[test]
    fn whoever_starts_within_the_hour_does_not_wait_for_tomorrow() {
        let first = |time: &str| until_first(Timestamp::parse(time).unwrap(), 5);
        assert_eq!(first("2026-11-20T04:59:00Z"), Duration::from_secs(60));
        assert_eq!(first("2026-11-20T05:00:00Z"), Duration::ZERO);
        assert_eq!(first("2026-11-20T05:59:59Z"), Duration::ZERO);
        assert_eq!(first("2026-11-20T06:00:00Z"), Duration::from_secs(23 * 3_600));
    }
}
