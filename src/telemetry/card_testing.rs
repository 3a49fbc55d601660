//! Card testing: whoever has stolen cards tries many of them at one merchant, and most are declined. So
//! many declines at one merchant within a window are told once, until they are fewer again.
//!
//! Each process counts what it has declined itself. What is kept is bounded: of too many merchants, those
//! with the fewest declines are forgotten, and begin anew.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::domain::time::Timestamp;

use super::alerts::Pace;
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
    now_us: i64,
    pace: Pace,
    merchants: HashMap<Arc<str>, Recent>,
}

/// Declines at one merchant.
#[derive(Debug, Default)]
struct Recent {
    told: bool,
    /// Those in the window, the latest last; no more than it takes to be told.
    at_us: VecDeque<i64>,
}

impl CardTesting {
    pub(super) fn new(limit: DeclineLimit) -> Self {
        Self { limit, state: Mutex::default() }
    }

    /// Counts one decline. What is to be told of it, if anything.
    pub(super) fn declined(&self, merchant: &Arc<str>) -> Option<Notice> {
        let DeclineLimit { declines, window_s } = self.limit;
        let mut state = self.lock();
        let State { now_us, pace, merchants } = &mut *state;
        if merchants.len() >= MERCHANTS_MAX && !merchants.contains_key(merchant) {
            forget_some(merchants);
        }
        let recent = merchants.entry(Arc::clone(merchant)).or_default();
        recent.at_us.push_back(*now_us);
        if recent.at_us.len() > declines {
            recent.at_us.pop_front();
        }
        if recent.told || recent.at_us.len() < declines {
            return None;
        }
        // Where another merchant has just been told, this one is with a later decline.
        pace.due(*now_us)?;
        recent.told = true;
        metrics::alert(KIND, LEVEL);
        tracing::error!(
            alert.kind = KIND,
            merchant_ends = last(merchant),
            declines,
            window_s,
            "many declines at one merchant: somebody may be trying stolen cards there"
        );
        let merchant = Arc::clone(merchant);
        Some(Notice::CardTesting { kind: KIND, level: LEVEL, merchant, declines, window_s })
    }

    /// Tells the time. What is over is to be told.
    pub(super) fn tick(&self, now: Timestamp) -> Vec<Notice> {
        let mut state = self.lock();
        state.now_us = now.as_micros();
        let left_us = now.plus_micros(-1_000_000 * i64::from(self.limit.window_s)).as_micros();
        let mut ended = Vec::new();
        let mut active = false;
        state.merchants.retain(|merchant, recent| {
            while recent.at_us.front().is_some_and(|at_us| *at_us <= left_us) {
                recent.at_us.pop_front();
            }
            // Well below the limit, so that an alert does not come and go.
            if recent.told && recent.at_us.len() <= self.limit.declines / 2 {
                recent.told = false;
                tracing::info!(
                    alert.kind = KIND,
                    merchant_ends = last(merchant),
                    "declines at a merchant have become fewer"
                );
                let merchant = Arc::clone(merchant);
                ended.push(Notice::CardTestingEnded { kind: KIND, level: LEVEL, merchant });
            }
            active |= recent.told;
            !recent.at_us.is_empty()
        });
        metrics::alert_active(KIND, LEVEL, active);
        ended
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Forgets the least active ones, never one that has been told: of these there can not be many.
fn forget_some(merchants: &mut HashMap<Arc<str>, Recent>) {
    let activity =
        |recent: &Recent| (recent.told, recent.at_us.len(), recent.at_us.back().copied());
    let mut ranked: Vec<_> =
        merchants.iter().map(|(name, recent)| (activity(recent), Arc::clone(name))).collect();
    let (least, _, _) = ranked.select_nth_unstable(FORGOTTEN);
    for (_, name) in least {
        merchants.remove(&*name);
    }
}

/// The end of a merchant's id.
fn last(merchant: &str) -> &str {
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
        testing.tick(Timestamp::from_micros(second * SECOND_US))
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
        assert!(tick(&testing, 300).is_empty());
        assert_eq!(told(&testing, "a", 26), 0);
        assert!(tick(&testing, 600).is_empty(), "still more than half of them");
        let ended = tick(&testing, 900);
        assert_eq!(ended.iter().map(Notice::event).collect::<Vec<_>>(), ["alert.cleared"]);
        assert!(testing.lock().merchants.is_empty());
        assert_eq!(told(&testing, "a", 50), 1);
    }

    #[test]
    fn a_second_merchant_is_told_later_and_by_name() {
        let testing = testing();
        tick(&testing, 100);
        assert_eq!(told(&testing, "a", 50), 1);
        assert_eq!(told(&testing, "b", 60), 0, "at most one in ten seconds");
        tick(&testing, 110);
        assert_eq!((told(&testing, "a", 1), told(&testing, "b", 1)), (0, 1));
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
            assert_eq!(last(id), shown);
        }
    }
}
