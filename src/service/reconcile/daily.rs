//! Once a day: the platform's list of the last weeks beside our books, at an hour when it has caught up.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use super::{Books, List, Listing, Report, Window, reconcile};
use crate::domain::clock::Clock;
use crate::domain::time::Timestamp;
use crate::store::daily_runs::{DailyRun, DailyRuns};
use crate::store::{Source, StoreError};

const HOUR_US: i64 = 3_600_000_000;
const DAY_US: i64 = 24 * HOUR_US;

/// How far the platform's list may lie behind.
const LAG_US: i64 = 4 * HOUR_US;

/// What the mark of this work is called.
const NAME: &str = "reconcile";

/// How often it is looked whether there is something to do; also after how long a list that could not be
/// read is asked for again, at first. Each time that it can not the pause is doubled, up to the second.
const LOOK_EVERY: Duration = Duration::from_secs(600);
const LOOK_AGAIN_MAX: Duration = Duration::from_secs(4 * 3_600);

/// How long nobody else begins a run whose instance is not heard of any more, and how often an instance
/// that is at it lets itself be heard of.
const CLAIM_US: i64 = HOUR_US;
const CLAIM_EVERY: Duration = Duration::from_secs(600);

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
    /// There is nothing to do here, and another instance has done it since the last look.
    Elsewhere,
    /// There is nothing to do here.
    Idle,
}

/// Reconciles every day from its hour on, for ever: once, however many instances there are, and a day that
/// was missed as soon as one of them runs. Tells `told` of each look, and when it was done last by any of
/// them, where that is known.
pub async fn reconcile_daily(daily: Daily, told: impl Fn(&Looked, Option<Timestamp>) + Send) {
    let runner = daily.clock.uuid();
    let (mut pace, mut seen) = (Pace::new(), None);
    loop {
        let mut looked = Looked::Idle;
        if pace.is_due() {
            looked = daily.look(runner).await;
            pace.looked(&looked, until(daily.clock.now(), daily.hour));
        }
        let last = daily.runs.last(NAME).await.ok().flatten();
        told(&by_whom(&looked, last, &mut seen), last);
        tokio::time::sleep(pace.nap()).await;
    }
}

/// When it is looked again whether there is something to do.
struct Pace {
    pause: Duration,
    /// How long not yet.
    rest: Duration,
}

impl Pace {
    const fn new() -> Self {
        Self { pause: LOOK_EVERY, rest: Duration::ZERO }
    }

    const fn is_due(&self) -> bool {
        self.rest.is_zero()
    }

    fn looked(&mut self, looked: &Looked, until_the_hour: Duration) {
        self.rest = until_the_hour.min(self.pause);
        self.pause = after(looked, self.pause);
    }

    /// However long there is nothing to do here, what others have done is seen soon.
    fn nap(&mut self) -> Duration {
        let nap = self.rest.min(LOOK_EVERY);
        self.rest = self.rest.saturating_sub(nap);
        nap
    }
}

/// The pause after the next look that fails as this one has.
fn after(looked: &Looked, pause: Duration) -> Duration {
    match looked {
        Looked::Failed => pause.saturating_mul(2).min(LOOK_AGAIN_MAX),
        _ => LOOK_EVERY,
    }
}

/// Whether it was done elsewhere. `seen`: when it was done last, as far as was known before.
fn by_whom(looked: &Looked, last: Option<Timestamp>, seen: &mut Option<Timestamp>) -> Looked {
    let (is_newer, is_known) = (last > *seen, seen.is_some());
    *seen = last.max(*seen);
    match looked {
        Looked::Idle if is_newer => Looked::Elsewhere,
        // Somebody was done while it failed here.
        Looked::Failed if is_newer && is_known => Looked::Elsewhere,
        looked => looked.clone(),
    }
}

impl Daily {
    /// The window that is reconciled then.
    fn window(&self, now: Timestamp) -> Window {
        let to = now.plus_micros(-LAG_US);
        Window { from: to.plus_micros(-DAY_US.saturating_mul(i64::from(self.days))), to }
    }

    /// Does what is to be done today and not done yet.
    async fn look(&self, runner: Uuid) -> Looked {
        let (run, now) = match self.claim(runner).await {
            Ok(Some(claimed)) => claimed,
            Ok(None) => return Looked::Idle,
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "could not look whether it is time to reconcile");
                return Looked::Idle;
            }
        };
        match self.keep(run, CLAIM_EVERY, self.once(run, now)).await {
            Ok(report) => {
                tell(&report);
                Looked::Done(report)
            }
            Err(error) => {
                tracing::warn!(%error, "could not reconcile with the platform; trying again");
                // What can not be read from here may be read from elsewhere.
                let _ = self.runs.release(run).await; // or it ends by itself
                Looked::Failed
            }
        }
    }

    /// Takes today's run on, at the store's time, and says which that is. `None`: there is nothing to do here.
    async fn claim(&self, runner: Uuid) -> Result<Option<(DailyRun, Timestamp)>, StoreError> {
        let now = self.runs.now().await?;
        let run = DailyRun { name: NAME, day: day(now, self.hour), runner };
        let is_ours = self.runs.claim(run, now, now.plus_micros(CLAIM_US)).await?;
        Ok(is_ours.then_some((run, now)))
    }

    /// Lets the others know for as long as a run takes that it is being done.
    async fn keep<T>(&self, run: DailyRun, every: Duration, running: impl Future<Output = T>) -> T {
        let mut running = pin!(running);
        loop {
            tokio::select! {
                done = &mut running => return done,
                () = tokio::time::sleep(every) => {}
            }
            // Where that fails, or another has begun meanwhile, whoever is done first is.
            if let Ok(now) = self.runs.now().await {
                let _ = self.runs.claim(run, now, now.plus_micros(CLAIM_US)).await;
            }
        }
    }

    async fn once(&self, run: DailyRun, now: Timestamp) -> Result<Report, Source> {
        let window = self.window(now);
        let listed = Window { to: now, ..window };
        let list = List::fetched(&*self.listing, Some(listed)).await?;
        let report = reconcile(&list, &self.books, Some(window)).await?;
        self.runs.finish(run, self.runs.now().await?).await?;
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
    use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

    use super::*;
    use crate::domain::clock::tests::StillClock;
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

    /// The marks in memory, with a time of their own.
    struct Marks(Mutex<Option<Mark>>, Arc<StillClock>);

    struct Mark {
        run: DailyRun,
        until: Timestamp,
        is_done: bool,
        done_at: Option<Timestamp>,
    }

    impl DailyRuns for Marks {
        fn now(&self) -> StoreFuture<'_, Timestamp> {
            Box::pin(std::future::ready(Ok(self.1.now())))
        }

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

        fn release(&self, run: DailyRun) -> StoreFuture<'_, ()> {
            if let Some(mark) = self.0.lock().unwrap().as_mut().filter(|mark| mark.run == run) {
                mark.until = Timestamp::default();
            }
            Box::pin(std::future::ready(Ok(())))
        }

        fn finish(&self, run: DailyRun, now: Timestamp) -> StoreFuture<'_, ()> {
            let is_open = |mark: &&mut Mark| mark.run.day == run.day && !mark.is_done;
            if let Some(mark) = self.0.lock().unwrap().as_mut().filter(is_open) {
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
        /// Until when it was asked last.
        to: Mutex<Option<Timestamp>>,
        is_down: AtomicBool,
    }

    impl Listing for Quiet {
        fn page<'a>(
            &'a self,
            window: Option<Window>,
            _: u64,
        ) -> Pin<Box<dyn Future<Output = Result<String, Source>> + Send + 'a>> {
            self.asked.fetch_add(1, Ordering::SeqCst);
            *self.to.lock().unwrap() = window.map(|window| window.to);
            let is_down = self.is_down.load(Ordering::SeqCst);
            let page = if is_down { Err("down".into()) } else { Ok(r#"{"data": []}"#.to_owned()) };
            Box::pin(std::future::ready(page))
        }
    }

    #[tokio::test]
    async fn instances_and_restarts_run_it_once_a_day_and_a_missed_day_is_made_up_for() {
        let (daily, platform, runs, clock) = daily();
        let asked = || platform.asked.load(Ordering::SeqCst);
        let look = async |time: &str, runner: u128| {
            clock.now_us.store(at(time), Ordering::SeqCst);
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

        // Whoever can not do it leaves it to the others, and tries again itself.
        platform.is_down.store(true, Ordering::SeqCst);
        assert_eq!(look("2026-11-23T05:00:00Z", 5).await, Looked::Failed);
        assert_eq!(look("2026-11-23T05:00:01Z", 6).await, Looked::Failed);
        assert_eq!(look("2026-11-23T05:10:00Z", 5).await, Looked::Failed);
        platform.is_down.store(false, Ordering::SeqCst);
        assert!(matches!(look("2026-11-23T05:10:01Z", 6).await, Looked::Done(_)));
        assert_eq!(asked(), 6);

        // Nobody else begins while somebody is at it, and once it is not heard of any more.
        clock.now_us.store(at("2026-11-24T05:00:00Z"), Ordering::SeqCst);
        let run = DailyRun { name: NAME, day: day(clock.now(), 5), runner: Uuid::from_u128(7) };
        assert!(runs.claim(run, clock.now(), clock.now().plus_micros(CLAIM_US)).await.unwrap());
        assert_eq!(look("2026-11-24T05:59:59Z", 6).await, Looked::Idle);
        assert!(matches!(look("2026-11-24T06:00:00Z", 6).await, Looked::Done(_)));
    }

    fn at(text: &str) -> i64 {
        Timestamp::parse(text).unwrap().as_micros()
    }

    fn daily() -> (Daily, Arc<Quiet>, Arc<Marks>, Arc<StillClock>) {
        let clock = Arc::new(StillClock::at(at("2026-11-20T05:00:00Z")));
        let runs = Arc::new(Marks(Mutex::default(), clock.clone()));
        let platform = Arc::new(Quiet::default());
        let daily = Daily {
            listing: platform.clone(),
            books: Books { histories: Vec::new(), audits: Vec::new() },
            runs: runs.clone(),
            clock: clock.clone(),
            hour: 5,
            days: 30,
        };
        (daily, platform, runs, clock)
    }

    #[tokio::test]
    async fn a_day_is_the_stores_whatever_the_clock_of_an_instance_says() {
        let (daily, platform, runs, clock) = daily();
        let ahead = Arc::new(StillClock::at(at("2027-11-20T05:00:00Z")));
        let daily = Daily { clock: ahead, ..daily };
        assert!(matches!(daily.look(Uuid::from_u128(1)).await, Looked::Done(_)));
        assert_eq!(runs.last(NAME).await.unwrap(), Some(clock.now()));
        assert_eq!(*platform.to.lock().unwrap(), Some(clock.now()), "so is its window");
        clock.now_us.fetch_add(DAY_US, Ordering::SeqCst);
        assert!(matches!(daily.look(Uuid::from_u128(2)).await, Looked::Done(_)), "the next one");
    }

    #[tokio::test]
    async fn a_run_that_takes_hours_is_nobody_elses_meanwhile() {
        let (daily, _, runs, clock) = daily();
        let run = DailyRun { name: NAME, day: day(clock.now(), 5), runner: Uuid::from_u128(1) };
        assert!(runs.claim(run, clock.now(), clock.now().plus_micros(CLAIM_US)).await.unwrap());
        let running = async {
            for _ in 0..6 {
                let now = clock.now_us.fetch_add(HOUR_US / 2, Ordering::SeqCst) + HOUR_US / 2;
                let until = || runs.0.lock().unwrap().as_ref().unwrap().until.as_micros();
                while until() < now + CLAIM_US {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                assert_eq!(daily.look(Uuid::from_u128(2)).await, Looked::Idle);
            }
        };
        daily.keep(run, Duration::from_millis(1), running).await;
    }

    #[test]
    fn what_fails_is_tried_less_and_less_often() {
        let mut pause = LOOK_EVERY;
        let minutes = [20, 40, 80, 160, 240, 240];
        for expected in minutes {
            pause = after(&Looked::Failed, pause);
            assert_eq!(pause, Duration::from_secs(expected * 60));
        }
        assert_eq!(after(&Looked::Idle, pause), LOOK_EVERY);
    }

    #[test]
    fn what_was_done_elsewhere_is_told_once() {
        let (at, mut seen) = (Timestamp::from_micros, None);
        let mut tell = |looked, last| by_whom(&looked, last, &mut seen);
        assert_eq!(tell(Looked::Failed, Some(at(1))), Looked::Failed);
        assert_eq!(tell(Looked::Idle, Some(at(1))), Looked::Idle);
        assert_eq!(tell(Looked::Idle, None), Looked::Idle, "not known now");
        assert_eq!(tell(Looked::Idle, Some(at(2))), Looked::Elsewhere);
        assert_eq!(tell(Looked::Idle, Some(at(2))), Looked::Idle);
        let done = Looked::Done(Report::default());
        assert_eq!(tell(done.clone(), Some(at(3))), done, "by this instance");
        assert_eq!(tell(Looked::Idle, Some(at(3))), Looked::Idle);
        assert_eq!(tell(Looked::Failed, Some(at(3))), Looked::Failed);
        assert_eq!(tell(Looked::Failed, Some(at(4))), Looked::Elsewhere, "meanwhile");
    }

    #[test]
    fn whoever_fails_looks_around_as_often_as_ever_and_tries_less_often() {
        let (mut pace, mut tries, mut now) = (Pace::new(), Vec::new(), Duration::ZERO);
        while now < Duration::from_secs(12 * 3_600) {
            if pace.is_due() {
                tries.push(now.as_secs() / 60);
                pace.looked(&Looked::Failed, Duration::from_secs(24 * 3_600));
            }
            let nap = pace.nap();
            assert!(!nap.is_zero() && nap <= LOOK_EVERY, "{nap:?}");
            now += nap;
        }
        assert_eq!(tries, [0, 10, 30, 70, 150, 310, 550]);
        pace = Pace::new();
        pace.looked(&Looked::Failed, Duration::from_secs(90));
        assert_eq!((pace.nap(), pace.is_due()), (Duration::from_secs(90), true), "its hour");
    }
}
