//! Chance that can be repeated: the same seed plays the same amounts, delays and order.

use std::sync::Mutex;

/// A stream of numbers that looks random (splitmix64). Nothing here has to be secret.
#[derive(Debug)]
pub(super) struct Seed(Mutex<u64>);

impl Seed {
    /// The stream of a seed.
    pub(super) const fn new(seed: u64) -> Self {
        Self(Mutex::new(seed))
    }

    /// The next number.
    pub(super) fn next(&self) -> u64 {
        let mut state = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// One of `0..count`; 0 where there are none.
    pub(super) fn below(&self, count: u64) -> u64 {
        self.next().checked_rem(count).unwrap_or(0)
    }

    /// Whether something happens that happens in `percent` of all cases.
    pub(super) fn happens(&self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// Any order of these.
    pub(super) fn shuffle<T>(&self, items: &mut [T]) {
        for at in (1..items.len()).rev() {
            let other = self.below(at as u64 + 1);
            items.swap(at, usize::try_from(other).unwrap_or(at));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_itself_and_a_shuffle_loses_nothing() {
        let (one, two) = (Seed::new(7), Seed::new(7));
        assert!((0..100).all(|_| one.next() == two.next()));
        let mut items: Vec<u32> = (0..50).collect();
        one.shuffle(&mut items);
        assert!(items.windows(2).any(|pair| pair[0] > pair[1]));
        items.sort_unstable();
        assert_eq!(items, (0..50).collect::<Vec<_>>());
    }
}
