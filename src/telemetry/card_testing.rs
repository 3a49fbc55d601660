//! Card testing: whoever has stolen cards tries many of them at one merchant, and most are declined. So
//! many declines at one merchant within a window are told, and told again every minute until they are fewer.
//!
//! Each process counts what it has declined itself. What is kept is bounded: of too many merchants, those
//! with the fewest declines are forgotten, and begin anew.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::domain::time::{Monotonic, Timestamp};

use super::alerts::{AlertReport, Pace, REPEAT_US};
use super::metrics;
use super::notices::Notice;

/// The name of the alert.
const KIND: &str = "card_testing";

const LEVEL: &str = "critical";

/// Merchants that are kept at most, and how many are forgotten at once when there are more.
const MERCHANTS_MAX: usize = 4_096;
const FORGOTTEN: usize = MERCHANTS_MAX / 4;

/// Characters of a merchant's id that the log shows: an id may have the form of a card number.
const SHOWN: usize = 4;

/// How many declines at one merchant are too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeclineLimit {
    /// So many declines...
    pub declines: usize,
    /// ...within so many seconds.
    pub window_s: u32,
}

impl Default for DeclineLimit {
    fn default() -> Self {
        Self { declines: 50, window_s: 600 }
    }
}

/// The merchants with declines in the window. Knows the time only to the second, from its ticks.
#[derive(Debug)]
pub(super) struct CardTesting {
    limit: DeclineLimit,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// By a clock that nobody sets: a window is as long as it is.
    now_us: i64,
    /// By the one that people read.
    wall_us: i64,
    pace: Pace,
    merchants: HashMap<Arc<str>, Recent>,
    latest: Option<Latest>,
}

/// Declines at one merchant.
#[derive(Debug, Default)]
struct Recent {
    /// When it was told last, while the alert is active.
    told_us: Option<i64>,
    /// Those in the window, the latest last; no more than it takes to be told.
    at_us: VecDeque<i64>,
}

impl Recent {
    /// Well below the limit, so that an alert does not come and go.
    fn is_over(&self, declines: usize) -> bool {
        self.at_us.len() <= declines / 2
    }

    /// Whether it is to be told again: the broker may have been away when it was told.
    fn is_due(&self, declines: usize, now_us: i64) -> bool {
        let is_long_ago = self.told_us.is_some_and(|told_us| now_us - told_us >= REPEAT_US);
        is_long_ago && !self.is_over(declines)
    }
}

/// The merchant that has raised the alert last, and how many have.
#[derive(Debug)]
struct Latest {
    merchant: Arc<str>,
    wall_us: i64,
    cases: u64,
}

impl CardTesting {
    pub(super) fn new(limit: DeclineLimit) -> Self {
        Self { limit, state: Mutex::default() }
    }

    /// Counts one decline. What is to be told of it, if anything.
    pub(super) fn declined(&self, merchant: &Arc<str>) -> Option<Notice> {
        let declines = self.limit.declines;
        let mut state = self.lock();
        let State { now_us, pace, merchants, .. } = &mut *state;
        if merchants.len() >= MERCHANTS_MAX && !merchants.contains_key(merchant) {
            forget_some(merchants);
        }
        let recent = merchants.entry(Arc::clone(merchant)).or_default();
        recent.at_us.push_back(*now_us);
        if recent.at_us.len() > declines {
            recent.at_us.pop_front();
        }
        if recent.told_us.is_some() || recent.at_us.len() < declines {
            return None;
        }
        // Where another merchant has just been told, this one is later.
        pace.due(*now_us)?;
        recent.told_us = Some(*now_us);
        Some(self.raise(&mut state, merchant))
    }

    /// Tells the time. What has become due, and what is over, is to be told: no more than one of a sort at a
    /// time, the rest with the next ticks.
    pub(super) fn tick(&self, now: Timestamp, monotonic: Monotonic) -> Vec<Notice> {
        let DeclineLimit { declines, window_s } = self.limit;
        let mut state = self.lock();
        let now_us = i64::try_from(monotonic.as_micros()).unwrap_or(i64::MAX);
        (state.now_us, state.wall_us) = (now_us, now.as_micros());
        let left_us = now_us.saturating_sub(1_000_000 * i64::from(window_s));
        let State { pace, merchants, .. } = &mut *state;
        let (mut raised, mut ended) = (None, None);
        let mut active = false;
        merchants.retain(|merchant, recent| {
            while recent.at_us.front().is_some_and(|at_us| *at_us <= left_us) {
                recent.at_us.pop_front();
            }
            match recent.told_us {
                None if recent.at_us.len() >= declines && pace.due(now_us).is_some() => {
                    recent.told_us = Some(now_us);
                    raised = Some(Arc::clone(merchant));
                }
                Some(_) if recent.is_over(declines) && ended.is_none() => {
                    recent.told_us = None;
                    ended = Some(end(merchant));
                }
                _ => {}
            }
            active |= recent.told_us.is_some();
            recent.told_us.is_some() || !recent.at_us.is_empty()
        });
        metrics::alert_active(KIND, LEVEL, active);
        // Where more are due than there are ticks, each has its turn.
        let due = merchants.iter_mut().filter(|(_, recent)| recent.is_due(declines, now_us));
        let repeated = due.min_by_key(|(_, recent)| recent.told_us).map(|(merchant, recent)| {
            recent.told_us = Some(now_us);
            self.notice(merchant)
        });
        let raised = raised.map(|merchant| self.raise(&mut state, &merchant));
        [raised, repeated, ended].into_iter().flatten().collect()
    }

    /// How the alert stands, once it has been raised.
    pub(super) fn report(&self) -> Option<AlertReport> {
        let state = self.lock();
        let latest = state.latest.as_ref()?;
        Some(AlertReport {
            kind: KIND,
            level: LEVEL,
            slow: None,
            about: Some(format!("…{}", ending(&latest.merchant))),
            count: latest.cases,
            last_at: Timestamp::from_micros(latest.wall_us).to_string(),
            active: state.merchants.values().any(|recent| recent.told_us.is_some()),
        })
    }

    /// Has the alert raised by a merchant.
    fn raise(&self, state: &mut State, merchant: &Arc<str>) -> Notice {
        let DeclineLimit { declines, window_s } = self.limit;
        let cases = state.latest.as_ref().map_or(0, |latest| latest.cases).saturating_add(1);
        let (wall_us, told) = (state.wall_us, Arc::clone(merchant));
        state.latest = Some(Latest { merchant: told, wall_us, cases });
        metrics::alert(KIND, LEVEL);
        tracing::error!(
            alert.kind = KIND,
            merchant_ends = ending(merchant),
            declines,
            window_s,
            "many declines at one merchant: somebody may be trying stolen cards there"
        );
        self.notice(merchant)
    }

    fn notice(&self, merchant: &Arc<str>) -> Notice {
        let (DeclineLimit { declines, window_s }, merchant) = (self.limit, Arc::clone(merchant));
        Notice::CardTesting { kind: KIND, level: LEVEL, merchant, declines, window_s }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn end(merchant: &Arc<str>) -> Notice {
    tracing::info!(
        alert.kind = KIND,
        merchant_ends = ending(merchant),
        "declines at a merchant have become fewer"
    );
    Notice::CardTestingEnded { kind: KIND, level: LEVEL, merchant: Arc::clone(merchant) }
}

/// Forgets the least active ones, never one that has been told: of these there can not be many.
fn forget_some(merchants: &mut HashMap<Arc<str>, Recent>) {
    let activity = |recent: &Recent| {
        (recent.told_us.is_some(), recent.at_us.len(), recent.at_us.back().copied())
    };
    let mut ranked: Vec<_> =
        merchants.iter().map(|(name, recent)| (activity(recent), Arc::clone(name))).collect();
    let (least, _, _) = ranked.select_nth_unstable(FORGOTTEN);
    for (_, name) in least {
        merchants.remove(&*name);
    }
}

/// The end of a merchant's id.
pub fn ending(merchant: &str) -> &str {
    let begin = merchant.char_indices().rev().nth(SHOWN - 1).map_or(0, |(begin, _)| begin);
    &merchant[begin..]
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND_US: i64 = 1_000_000;

    fn testing() -> CardTesting {
        CardTesting::new(DeclineLimit::default())
    }

    fn tick(testing: &CardTesting, second: i64) -> Vec<Notice> {
        let monotonic = Monotonic::from_micros(u64::try_from(second * SECOND_US).unwrap());
        testing.tick(Timestamp::from_micros(0), monotonic) // the wall's clock stands, and nobody minds
    }

    /// How many of so many declines were told.
    fn told(testing: &CardTesting, merchant: &str, declines: usize) -> usize {
        let merchant: Arc<str> = merchant.into();
        (0..declines).filter(|_| testing.declined(&merchant).is_some()).count()
    }

    #[test]
    fn the_fiftieth_decline_within_ten_minutes_is_told_and_none_before_or_after_it() {
        let testing = testing();
        tick(&testing, 0);
        assert_eq!(told(&testing, "a", 49), 0);
        assert_eq!(told(&testing, "b", 49), 0, "each merchant for itself");
        tick(&testing, 599);
        let notice = testing.declined(&"a".into()).unwrap();
        let said = serde_json::to_string(&notice).unwrap();
        let expected = r#"{"kind":"card_testing","level":"critical","merchant":"a","declines":50,"window_s":600}"#;
        assert_eq!((notice.event(), said.as_str()), ("alert.raised", expected));
        assert_eq!(told(&testing, "a", 500), 0, "once");
    }

    /// Events with the merchants that they are about.
    fn events(told: &[Notice]) -> Vec<(&'static str, &str)> {
        fn about(notice: &Notice) -> (&'static str, &str) {
            match notice {
                Notice::CardTesting { merchant, .. }
                | Notice::CardTestingEnded { merchant, .. } => (notice.event(), merchant),
                other => panic!("{other:?}"),
            }
        }
        told.iter().map(about).collect()
    }

    #[test]
    fn a_merchant_whose_declines_end_before_its_turn_is_told_all_the_same() {
        let testing = testing();
        tick(&testing, 100);
        assert_eq!(told(&testing, "a", 50), 1);
        assert_eq!(told(&testing, "b", 60), 0);
        assert!(tick(&testing, 109).is_empty());
        assert_eq!(events(&tick(&testing, 110)), [("alert.raised", "b")]);
        let report = testing.report().unwrap();
        assert_eq!((report.count, report.about.as_deref(), report.active), (2, Some("…b"), true));
    }

    #[test]
    fn what_is_active_is_told_again_every_minute_one_at_a_time() {
        let testing = testing();
        tick(&testing, 0);
        assert_eq!(told(&testing, "a", 50), 1);
        tick(&testing, 10);
        assert_eq!(told(&testing, "b", 50), 1);
        assert!(tick(&testing, 59).is_empty());
        assert_eq!(events(&tick(&testing, 60)), [("alert.raised", "a")]);
        assert_eq!(events(&tick(&testing, 70)), [("alert.raised", "b")]);
        let mut both = events(&tick(&testing, 140)).len();
        both += events(&tick(&testing, 141)).len();
        assert_eq!(both, 2);
        assert_eq!(testing.report().unwrap().count, 2, "to be told again is no case");
        assert_eq!(events(&tick(&testing, 1_000)).len(), 1);
        assert_eq!(events(&tick(&testing, 1_001)).len(), 1);
        assert!(tick(&testing, 1_002).is_empty() && testing.lock().merchants.is_empty());
        assert!(!testing.report().unwrap().active);
    }

    #[test]
    fn of_more_merchants_than_a_minute_has_ticks_each_is_told_again_in_its_turn() {
        const MERCHANTS: i64 = 70;
        let testing = CardTesting::new(DeclineLimit { declines: 2, window_s: 10_000 });
        for second in 0..10 * MERCHANTS {
            tick(&testing, second);
            if second % 10 == 0 {
                assert_eq!(told(&testing, &format!("m-{second}"), 2), 1);
            }
        }
        for round in 10..12 {
            let seconds = round * MERCHANTS..(round + 1) * MERCHANTS;
            let again: Vec<Notice> = seconds.flat_map(|second| tick(&testing, second)).collect();
            let mut merchants: Vec<&str> =
                events(&again).into_iter().map(|(_, merchant)| merchant).collect();
            merchants.sort_unstable();
            merchants.dedup();
            assert_eq!((again.len(), merchants.len()), (70, 70), "round {round}");
        }
    }

    #[test]
    fn declines_that_are_spread_over_more_than_the_window_are_not_told() {
        let testing = testing();
        for decline in 0..500 {
            // Every 12 s there would be fifty of them in ten minutes.
            assert!(tick(&testing, decline * 13).is_empty());
            assert_eq!(told(&testing, "a", 1), 0, "decline {decline}");
        }
        tick(&testing, 1_000_000);
        assert_eq!(told(&testing, "a", 49), 0);
        tick(&testing, 1_000_600);
        assert_eq!(told(&testing, "a", 1), 0, "those before have left the window");
    }

    #[test]
    fn an_alert_ends_when_declines_are_fewer_and_may_begin_again() {
        let testing = testing();
        tick(&testing, 0);
        assert_eq!(told(&testing, "a", 50), 1);
        assert_eq!(events(&tick(&testing, 300)), [("alert.raised", "a")]);
        assert_eq!(told(&testing, "a", 26), 0);
        let still = tick(&testing, 600);
        assert_eq!(events(&still), [("alert.raised", "a")], "still more than half of them");
        assert_eq!(events(&tick(&testing, 900)), [("alert.cleared", "a")]);
        assert!(testing.lock().merchants.is_empty());
        assert_eq!(told(&testing, "a", 50), 1);
    }

    #[test]
    fn a_second_merchant_is_told_later_and_by_name() {
        let testing = testing();
        tick(&testing, 100);
        assert_eq!(told(&testing, "a", 50), 1);
        assert_eq!(told(&testing, "b", 49), 0);
        tick(&testing, 105);
        assert_eq!(told(&testing, "b", 1), 0, "at most one in ten seconds");
        tick(&testing, 108);
        assert_eq!(told(&testing, "b", 10), 0);
        assert_eq!(events(&tick(&testing, 110)), [("alert.raised", "b")]);
        assert_eq!((told(&testing, "a", 1), told(&testing, "b", 1)), (0, 0));
    }

    #[test]
    fn any_number_of_merchants_is_bounded_and_the_least_active_are_forgotten() {
        let testing = testing();
        tick(&testing, 0);
        assert_eq!(told(&testing, "told", 50), 1);
        assert_eq!(told(&testing, "tested", 40), 0);
        for number in 0..10 * MERCHANTS_MAX {
            assert_eq!(told(&testing, &format!("m-{number}"), 1), 0);
            assert!(testing.lock().merchants.len() <= MERCHANTS_MAX);
        }
        tick(&testing, 10);
        assert_eq!((told(&testing, "told", 1), told(&testing, "tested", 10)), (0, 1));
    }

    #[test]
    fn the_log_shows_no_more_than_the_end_of_an_id() {
        for (id, shown) in
            [("", ""), ("m-1", "m-1"), ("4111111111111111", "1111"), ("añoño", "ñoño")]
        {
            assert_eq!(ending(id), shown);
        }
    }
}
