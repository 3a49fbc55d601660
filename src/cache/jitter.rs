//! Lifetimes that differ: what was loaded together must not expire together.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A lifetime, give or take a tenth: what was loaded together does not expire together.
pub(super) struct Jittered {
    ttl: Duration,
    drawn: AtomicU64,
}

impl Jittered {
    pub(super) fn new(ttl: Duration) -> Self {
        Self { ttl, drawn: AtomicU64::new(0) }
    }

    /// The next lifetime. Steps of the golden ratio: any number of draws in a row are spread evenly.
    pub(super) fn draw(&self) -> Duration {
        const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
        let step = self.drawn.fetch_add(1, Ordering::Relaxed).wrapping_mul(GOLDEN) >> 32;
        let part = step as f64 / f64::from(u32::MAX);
        self.ttl.mul_f64(0.9 + 0.2 * part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifetimes_differ_by_at_most_a_tenth() {
        let jittered = Jittered::new(Duration::from_secs(100));
        let drawn: Vec<Duration> = (0..1000).map(|_| jittered.draw()).collect();
        assert!(drawn.iter().all(|ttl| (90.0..=110.0).contains(&ttl.as_secs_f64())));
        let early = drawn.iter().filter(|ttl| ttl.as_secs() < 95).count();
        assert!((200..300).contains(&early), "a quarter of them: {early}");
    }
}
