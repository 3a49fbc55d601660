//! How many intents the next batch may have. A home that works, but slowly, must not look like one that
//! stands still: its lane would refuse everything that waits, take as large a batch again, and refuse
//! again. So a lane takes less at a time where full batches come near the stall limit.

/// What a batch may have at least: less would be all fixed price.
const LEAST: usize = 16;

/// A lane's measure.
#[derive(Debug)]
pub(super) struct Size {
    now: usize,
    most: usize,
    slow_us: u64,
}

impl Size {
    /// `most`, as long as batches take less than half of `stall_us`.
    pub(super) const fn new(most: usize, stall_us: u64) -> Self {
        Self { now: most, most, slow_us: stall_us / 2 }
    }

    pub(super) const fn now(&self) -> usize {
        self.now
    }

    /// Learns from a batch. One that was much smaller than it might have been was not slow for its
    /// size, nor does a fast one tell how a larger one would be.
    pub(super) fn learn(&mut self, items: usize, took_us: u64) {
        if took_us > self.slow_us && items > self.now / 2 {
            self.now = (items / 2).max(LEAST.min(self.most)).min(self.now);
        } else if took_us <= self.slow_us / 2 && items >= self.now {
            self.now = (self.now + self.now / 4 + 1).min(self.most);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STALL_US: u64 = 500_000;

    /// Full batches, of which each takes `fixed_us` and `each_us` for each intent.
    fn taken(size: &mut Size, batches: usize, fixed_us: u64, each_us: u64) -> Vec<u64> {
        let mut times = Vec::new();
        for _ in 0..batches {
            let took_us = fixed_us + each_us * size.now() as u64;
            size.learn(size.now(), took_us);
            times.push(took_us);
        }
        times
    }

    #[test]
    fn on_a_slow_home_batches_get_smaller_until_none_is_near_the_limit() {
        let mut size = Size::new(256, STALL_US);
        let times = taken(&mut size, 100, 10_000, 3_000);
        assert!(times[0] > STALL_US, "as it begins it is stalled: {} us", times[0]);
        assert!(times[2..].iter().all(|took_us| *took_us <= STALL_US / 2), "{times:?}");
        assert!(times[2..].iter().all(|took_us| *took_us >= STALL_US / 6), "{times:?}");
    }

    #[test]
    fn once_it_is_fast_again_they_are_as_large_as_before() {
        let mut size = Size::new(256, STALL_US);
        taken(&mut size, 100, 10_000, 20_000);
        assert_eq!(size.now(), LEAST, "and no smaller");
        taken(&mut size, 20, 3_000, 100);
        assert_eq!(size.now(), 256);
    }

    #[test]
    fn a_pause_that_met_a_small_batch_changes_nothing() {
        let mut size = Size::new(256, STALL_US);
        size.learn(100, 2 * STALL_US);
        assert_eq!(size.now(), 256);
        size.learn(1, 1_000);
        assert_eq!(size.now(), 256);
    }

    #[test]
    fn a_small_measure_is_kept() {
        let mut size = Size::new(4, STALL_US);
        taken(&mut size, 3, 2 * STALL_US, 0);
        assert_eq!(size.now(), 4);
    }
}
