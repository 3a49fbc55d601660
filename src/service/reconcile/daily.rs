//! Once a day: the platform's list of the last weeks beside our books, at an hour when it has caught up.

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use super::{Books, List, Listing, Report, Window, reconcile};
use crate::domain::clock::Clock;
use crate::domain::time::Timestamp;
use crate::store::Source;
use crate::store::daily_runs::{DailyRun, DailyRuns};

const HOUR_US: i64 = 3_600_000_000;
const DAY_US: i64 = 24 * HOUR_US;

/// How far the platform's list may lie behind.
const LAG_US: i64 = 4 * HOUR_US;

/// What the mark of this work is called.
const NAME: &str = "reconcile";

/// How often it is looked whether there is something to do; also after how long a list that could not be
/// read is asked for again.
const LOOK_EVERY: Duration = Duration::from_secs(600);

/// How long nobody else begins a run whose instance is not heard of any more.
const CLAIM_US: i64 = HOUR_US;

/// What is reconciled, and when.
pub struct Daily {
    /// The platform.
    pub listing: Arc<dyn Listing>,
    /// Our books.
    pub books: Books,
    /// Which days are done, by whichever instance.
    pub runs: Arc<dyn DailyRuns>,
    /// Time, and who this instance is.
    pub clock: Arc<dyn Clock>,
    /// The hour, UTC.
    pub hour: u8,
    /// How many days back purchases are compared: longer than holds live.
    pub days: u16,
}

/// What a look has come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Looked {
    /// The day's run is done, by this instance.
    Done(Report),
    /// It could not be done. It is tried again.
    Failed,
    /// There is nothing to do here.
    Idle,
}

/// Reconciles every day from its hour on, for ever: once, however many instances there are, and a day that
/// was missed as soon as one of them runs. Tells `told` of each look, and when it was done last by any of
/// them, where that is known.
pub async fn reconcile_daily(daily: Daily, told: impl Fn(&Looked, Option<Timestamp>) + Send) {
    let runner = daily.clock.uuid();
    loop {
        let looked = daily.look(runner).await;
        let last = daily.runs.last(NAME).await.ok().flatten();
        told(&looked, last);
        tokio::time::sleep(until(daily.clock.now(), daily.hour).min(LOOK_EVERY)).await;
    }
}

impl Daily {
    /// The window that is reconciled now.
    pub fn window(&self) -> Window {
        let to = self.clock.now().plus_micros(-LAG_US);
        Window { from: to.plus_micros(-DAY_US.saturating_mul(i64::from(self.days))), to }
    }

    /// Does what is to be done today and not done yet.
    async fn look(&self, runner: Uuid) -> Looked {
        let now = self.clock.now();
        let run = DailyRun { name: NAME, day: day(now, self.hour), runner };
        match self.runs.claim(run, now, now.plus_micros(CLAIM_US)).await {
            Ok(true) => {}
            Ok(false) => return Looked::Idle,
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "could not look whether it is time to reconcile");
                return Looked::Idle;
            }
        }
        match self.once(run).await {
            Ok(report) => {
                tell(&report);
                Looked::Done(report)
            }
            Err(error) => {
                tracing::warn!(%error, "could not reconcile with the platform; trying again");
                Looked::Failed
            }
        }
    }

    async fn once(&self, run: DailyRun) -> Result<Report, Source> {
        let window = self.window();
        let listed = Window { to: self.clock.now(), ..window };
        let list = List::fetched(&*self.listing, Some(listed)).await?;
        let report = reconcile(&list, &self.books, Some(window)).await?;
        self.runs.finish(run, self.clock.now()).await?;
        Ok(report)
    }
}

/// The day whose run is due: each begins at its hour.
fn day(now: Timestamp, hour: u8) -> i64 {
    now.as_micros().saturating_sub(i64::from(hour) * HOUR_US).div_euclid(DAY_US)
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
    use std::pin::Pin;
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering};

    use super::*;
    use crate::domain::time::Monotonic;
    use crate::store::StoreFuture;

    #[test]
    fn the_next_time_is_within_a_day_and_never_at_once() {
        let noon = Timestamp::parse("2026-11-20T12:00:00Z").unwrap();
        assert_eq!(until(noon, 13), Duration::from_secs(3_600));
        assert_eq!(until(noon, 11), Duration::from_secs(23 * 3_600));
        assert_eq!(until(noon, 12), Duration::from_secs(24 * 3_600));
    }

    #[test]
    fn a_day_begins_at_its_hour() {
        let day = |time: &str| day(Timestamp::parse(time).unwrap(), 5);
        assert_eq!(day("2026-11-20T04:59:59Z") + 1, day("2026-11-20T05:00:00Z"));
        assert_eq!(day("2026-11-20T05:00:00Z"), day("2026-11-21T04:59:59Z"));
    }

    /// The marks in memory.
    #[derive(Default)]
    struct Marks(Mutex<Option<Mark>>);

    struct Mark {
        run: DailyRun,
        until: Timestamp,
        is_done: bool,
        done_at: Option<Timestamp>,
    }

    impl DailyRuns for Marks {
        fn claim(&self, run: DailyRun, now: Timestamp, until: Timestamp) -> StoreFuture<'_, bool> {
            let mut mark = self.0.lock().unwrap();
            let is_free = mark.as_ref().is_none_or(|mark| {
                let is_ours = mark.until <= now || mark.run.runner == run.runner;
                mark.run.day < run.day || (mark.run.day == run.day && !mark.is_done && is_ours)
            });
            if is_free {
                let done_at = mark.as_ref().and_then(|mark| mark.done_at);
                *mark = Some(Mark { run, until, is_done: false, done_at });
            }
            Box::pin(std::future::ready(Ok(is_free)))
        }

        fn finish(&self, run: DailyRun, now: Timestamp) -> StoreFuture<'_, ()> {
            if let Some(mark) = self.0.lock().unwrap().as_mut().filter(|mark| mark.run == run) {
                (mark.is_done, mark.done_at) = (true, Some(now));
            }
            Box::pin(std::future::ready(Ok(())))
        }

        fn last(&self, _: &'static str) -> StoreFuture<'_, Option<Timestamp>> {
            let last = self.0.lock().unwrap().as_ref().and_then(|mark| mark.done_at);
            Box::pin(std::future::ready(Ok(last)))
        }
    }

    /// A platform without transactions, which may be down, and counts who asks.
    #[derive(Default)]
    struct Quiet {
        asked: AtomicU32,
        is_down: AtomicBool,
    }

    impl Listing for Quiet {
        fn page<'a>(
            &'a self,
            _: Option<Window>,
            _: u64,
        ) -> Pin<Box<dyn Future<Output = Result<String, Source>> + Send + 'a>> {
            self.asked.fetch_add(1, Ordering::SeqCst);
            let is_down = self.is_down.load(Ordering::SeqCst);
            let page = if is_down { Err("down".into()) } else { Ok(r#"{"data": []}"#.to_owned()) };
            Box::pin(std::future::ready(page))
        }
    }

    struct At(AtomicI64);

    impl Clock for At {
        fn now(&self) -> Timestamp {
            Timestamp::from_micros(self.0.load(Ordering::SeqCst))
        }

        fn monotonic(&self) -> Monotonic {
            Monotonic::default()
        }

        fn uuid(&self) -> Uuid {
            Uuid::nil()
        }
    }

    #[tokio::test]
    async fn instances_and_restarts_run_it_once_a_day_and_a_missed_day_is_made_up_for() {
        let at = |text: &str| Timestamp::parse(text).unwrap().as_micros();
        let clock = Arc::new(At(AtomicI64::new(at("2026-11-20T05:00:00Z"))));
        let (platform, runs) = (Arc::new(Quiet::default()), Arc::new(Marks::default()));
        let daily = Daily {
            listing: platform.clone(),
            books: Books { histories: Vec::new(), audits: Vec::new() },
            runs: runs.clone(),
            clock: clock.clone(),
            hour: 5,
            days: 30,
        };
        let asked = || platform.asked.load(Ordering::SeqCst);
        let look = async |time: &str, runner: u128| {
            clock.0.store(at(time), Ordering::SeqCst);
            daily.look(Uuid::from_u128(runner)).await
        };
        assert!(matches!(look("2026-11-20T05:00:00Z", 1).await, Looked::Done(_)));
        for runner in [1, 2, 3] {
            assert_eq!(look("2026-11-20T05:10:00Z", runner).await, Looked::Idle);
        }
        assert_eq!(look("2026-11-21T04:59:00Z", 4).await, Looked::Idle, "after a restart");
        assert_eq!(asked(), 1);
        let last = runs.last(NAME).await.unwrap().unwrap().as_micros();
        assert_eq!(last, at("2026-11-20T05:00:00Z"));

        // Nobody ran on the 21st, nor at the hour of the 22nd.
        assert!(matches!(look("2026-11-22T11:30:00Z", 5).await, Looked::Done(_)));
        assert_eq!(asked(), 2);

        // Whoever has begun goes on; others, once it is not heard of any more.
        platform.is_down.store(true, Ordering::SeqCst);
        assert_eq!(look("2026-11-23T05:00:00Z", 5).await, Looked::Failed);
        assert_eq!(look("2026-11-23T05:00:01Z", 6).await, Looked::Idle);
        assert_eq!(look("2026-11-23T05:10:00Z", 5).await, Looked::Failed);
        platform.is_down.store(false, Ordering::SeqCst);
        assert_eq!(look("2026-11-23T06:09:59Z", 6).await, Looked::Idle);
        assert!(matches!(look("2026-11-23T06:10:00Z", 6).await, Looked::Done(_)));
        assert_eq!(asked(), 5);
    }
}
