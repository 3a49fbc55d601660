//! Events that the broker refuses, or that can not be read, counted: one of them must not keep those
//! behind it waiting for ever, and where nothing goes through that is no reason to give any of them up.

use std::collections::HashMap;

use crate::store::outbox::Place;

/// After so many refusals, each alone, an event is given up.
const REFUSALS_MAX: u32 = 5;

/// Events that are remembered at most. (A relay holds a batch in hand; the others have been solved.)
const REMEMBERED_MAX: usize = 10_000;

/// How often each event was refused, by its place.
#[derive(Default)]
pub(super) struct Refusals(HashMap<Place, Refused>);

struct Refused {
    times: u32,
    /// How many events had been confirmed when it was refused first.
    confirmed: u64,
}

impl Refusals {
    /// An event was refused, with so many confirmed so far. `Some`: it was refused that often, and
    /// meanwhile the broker has taken others.
    pub(super) fn again(&mut self, event: Place, confirmed: u64) -> Option<u32> {
        if self.0.len() >= REMEMBERED_MAX && !self.0.contains_key(&event) {
            self.0.clear();
        }
        let refused = self.0.entry(event).or_insert(Refused { times: 0, confirmed });
        refused.times = refused.times.saturating_add(1);
        let times = refused.times;
        let given_up = times >= REFUSALS_MAX && confirmed > refused.confirmed;
        if given_up {
            self.0.remove(&event);
        }
        given_up.then_some(times)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(order: i64) -> Place {
        Place { shard: 0, order, number: 0 }
    }

    #[test]
    fn an_event_is_given_up_after_five_refusals_beside_others_that_were_taken() {
        let mut refusals = Refusals::default();
        for n in 0..4 {
            assert_eq!(refusals.again(event(1), n), None);
        }
        assert_eq!(refusals.again(event(2), 4), None, "another one");
        assert_eq!(refusals.again(event(1), 4), Some(5));
        assert_eq!(refusals.again(event(1), 4), None, "from the beginning");
    }

    #[test]
    fn nothing_is_given_up_while_everything_is_refused() {
        let mut refusals = Refusals::default();
        assert!((0..100).all(|_| refusals.again(event(1), 7).is_none()));
        assert_eq!(refusals.again(event(1), 8), Some(101));
    }
}
