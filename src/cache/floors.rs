//! Floors: the versions below which nothing is served. Raising one instead of deleting what it
//! makes old is what keeps a slow reader from putting the old value back.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};

use crate::domain::policy::{PolicyStamp, Scope};
use crate::domain::time::Monotonic;

use super::Stamped;

/// Floors that are kept at most.
const FLOORS_MAX: usize = 32_768;

/// How long a floor is needed: longer than any entry lives.
const FLOOR_LIFE_US: u64 = 2 * 3_600 * 1_000_000;

/// What raising a floor did to the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Raised {
    /// Nothing.
    Kept,
    /// There were too many, and the oldest are gone: everything cached must go, too.
    Overflowed,
}

#[derive(Clone, Copy, Debug)]
struct Floor {
    version: i64,
    raised_at: Monotonic,
}

/// The floors of all subjects that have changed lately.
#[derive(Debug)]
pub(super) struct Floors {
    /// Grows with every raise. What was checked at this generation needs no second check.
    generation: AtomicU64,
    by_subject: RwLock<HashMap<Scope, Floor>>,
}

impl Floors {
    pub(super) fn new() -> Self {
        Self { generation: AtomicU64::new(1), by_subject: RwLock::default() }
    }

    /// To be read before a check, and remembered if the check succeeds.
    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Whether these facts may be served: none of their versions is below its floor.
    pub(super) fn admit(&self, facts: &dyn Stamped) -> bool {
        let floors = self.by_subject.read().unwrap_or_else(PoisonError::into_inner);
        floors.is_empty()
            || facts.all_stamps(&mut |stamp| {
                floors.get(&stamp.subject).is_none_or(|floor| floor.version <= stamp.version)
            })
    }

    /// Raises the subject's floor; a floor is never lowered.
    pub(super) fn raise(&self, stamp: PolicyStamp, now: Monotonic) -> Raised {
        let mut floors = self.by_subject.write().unwrap_or_else(PoisonError::into_inner);
        let raised =
            if floors.len() >= FLOORS_MAX { make_room(&mut floors, now) } else { Raised::Kept };
        let floor =
            floors.entry(stamp.subject).or_insert(Floor { version: stamp.version, raised_at: now });
        floor.version = floor.version.max(stamp.version);
        floor.raised_at = now;
        self.generation.fetch_add(1, Ordering::Release);
        raised
    }
}

/// Drops the floors that have outlived every entry; if that is not enough, the older half.
fn make_room(floors: &mut HashMap<Scope, Floor>, now: Monotonic) -> Raised {
    floors.retain(|_, floor| now.since(floor.raised_at) < FLOOR_LIFE_US);
    if floors.len() < FLOORS_MAX {
        return Raised::Kept;
    }
    let mut ages: Vec<Monotonic> = floors.values().map(|floor| floor.raised_at).collect();
    ages.sort_unstable();
    let median = ages[ages.len() / 2];
    floors.retain(|_, floor| floor.raised_at > median);
    Raised::Overflowed
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use crate::domain::facts::LimitFacts;
    use crate::domain::id::CardId;

    use super::*;

    fn facts<const N: usize>(stamps: [PolicyStamp; N]) -> LimitFacts {
        LimitFacts { stamps: stamps.to_vec(), ..LimitFacts::default() }
    }

    fn stamp(card: u128, version: i64) -> PolicyStamp {
        PolicyStamp { subject: Scope::Card(CardId::new(Uuid::from_u128(card))), version }
    }

    #[test]
    fn a_floor_refuses_what_is_older_and_is_never_lowered() {
        let floors = Floors::new();
        assert!(floors.admit(&facts([stamp(1, 1)])));
        floors.raise(stamp(1, 3), Monotonic::default());
        floors.raise(stamp(1, 2), Monotonic::default());
        assert!(!floors.admit(&facts([stamp(2, 1), stamp(1, 2)])));
        assert!(floors.admit(&facts([stamp(2, 1), stamp(1, 3)])));
    }

    #[test]
    fn floors_are_bounded_and_lose_the_oldest_first() {
        let floors = Floors::new();
        for n in 0..FLOORS_MAX {
            let at = Monotonic::from_micros(n as u64);
            assert_eq!(floors.raise(stamp(n as u128, 2), at), Raised::Kept);
        }
        let at = Monotonic::from_micros(FLOORS_MAX as u64);
        assert_eq!(floors.raise(stamp(1 << 40, 2), at), Raised::Overflowed);
        assert!(floors.admit(&facts([stamp(0, 1)])), "the oldest is gone");
        assert!(!floors.admit(&facts([stamp(FLOORS_MAX as u128 - 1, 1)])));
        for n in 0..FLOORS_MAX {
            let late = Monotonic::from_micros(FLOOR_LIFE_US + n as u64);
            floors.raise(stamp(n as u128, 3), late);
        }
        assert!(floors.by_subject.read().unwrap().len() <= FLOORS_MAX);
    }
}
