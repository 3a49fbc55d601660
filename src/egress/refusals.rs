//! Events that the broker refuses, or that can not be read, counted: one of them must not keep those
//! behind it waiting for ever, and where nothing goes through that is no reason to give any of them up.

use std::collections::HashMap;
use std::time::Duration;

use crate::domain::time::Monotonic;
use crate::store::outbox::Place;

/// After so many refusals, each alone, an event is given up.
const REFUSALS_MAX: u32 = 5;

/// Events that are remembered at most: more than a relay can have in hand. (Others have been solved.)
const REMEMBERED_MAX: usize = 40_000;

/// How long an event is kept at least after it was refused first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// Where others have gone through meanwhile.
    pub(super) beside_others: Duration,
    /// Where none has; `None`: it is not given up then.
    pub(super) alone: Option<Duration>,
}

/// How often each event was refused, by its place.
#[derive(Default)]
pub(super) struct Refusals(HashMap<Place, Refused>);

struct Refused {
    times: u32,
    /// How many events had been confirmed when it was refused first.
    confirmed: u64,
    /// When that was.
    first: Monotonic,
}

impl Refusals {
    /// An event was refused, with so many confirmed so far. `Some`: it was refused that often, and may be
    /// given up.
    pub(super) fn again(
        &mut self,
        event: Place,
        confirmed: u64,
        now: Monotonic,
        patience: Patience,
    ) -> Option<u32> {
        if self.0.len() >= REMEMBERED_MAX && !self.0.contains_key(&event) {
            self.0.clear();
        }
        let refused = self.0.entry(event).or_insert(Refused { times: 0, confirmed, first: now });
        refused.times = refused.times.saturating_add(1);
        let is_beside_others = confirmed > refused.confirmed;
        let least = if is_beside_others { Some(patience.beside_others) } else { patience.alone };
        let age = Duration::from_micros(now.since(refused.first));
        let given_up = refused.times >= REFUSALS_MAX && least.is_some_and(|least| age >= least);
        given_up.then_some(refused.times)
    }

    /// It is kept elsewhere.
    pub(super) fn forget(&mut self, event: Place) {
        self.0.remove(&event);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT_ONCE: Patience = Patience { beside_others: Duration::ZERO, alone: None };
    const LATER: Patience = Patience {
        beside_others: Duration::from_secs(900),
        alone: Some(Duration::from_secs(3_600)),
    };

    fn event(order: i64) -> Place {
        Place { shard: 0, order, number: 0 }
    }

    fn at(seconds: u64) -> Monotonic {
        Monotonic::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn an_event_is_given_up_after_five_refusals_beside_others_that_were_taken() {
        let mut refusals = Refusals::default();
        let mut again = |order, confirmed| refusals.again(event(order), confirmed, at(0), AT_ONCE);
        for n in 0..4 {
            assert_eq!(again(1, n), None);
        }
        assert_eq!(again(2, 4), None, "another one");
        assert_eq!(again(1, 4), Some(5));
        assert_eq!(again(1, 4), Some(6), "until it is kept elsewhere");
        refusals.forget(event(1));
        assert_eq!(refusals.again(event(1), 4, at(0), AT_ONCE), None, "from the beginning");
    }

    #[test]
    fn nothing_is_given_up_while_everything_is_refused() {
        let mut refusals = Refusals::default();
        let mut again = |confirmed, now| refusals.again(event(1), confirmed, at(now), AT_ONCE);
        assert!((0..100).all(|now| again(7, now).is_none()));
        assert_eq!(again(8, 100), Some(101));
    }

    #[test]
    fn what_may_be_read_by_the_next_release_is_kept_for_a_while() {
        let mut refusals = Refusals::default();
        let mut again = |order, confirmed, now| {
            let event = event(order);
            refusals.again(event, confirmed, at(now), LATER).is_some()
        };
        assert!((0..899).all(|now| !again(1, now, now)));
        assert!(again(1, 900, 900));
        assert!((1_000..4_600).all(|now| !again(2, 900, now)), "nothing else goes through");
        assert!(again(2, 900, 4_600), "the store answers, and has nothing else");
    }
}
