//! The clock of the system: the only reader of it in the whole program.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use uuid::{Builder, Uuid};

use crate::domain::clock::Clock;
use crate::domain::time::{Monotonic, Timestamp};

/// Wall time, monotonic time since this was made, and UUIDv7 ids.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    began: Instant,
}

impl SystemClock {
    /// A clock whose monotonic readings begin at 0.
    #[expect(clippy::disallowed_methods, reason = "this is the one reader of the clock")]
    pub fn new() -> Self {
        Self { began: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one reader of the clock")]
    fn now(&self) -> Timestamp {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_micros(i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX))
    }

    fn monotonic(&self) -> Monotonic {
        let elapsed = self.began.elapsed().as_micros();
        Monotonic::from_micros(u64::try_from(elapsed).unwrap_or(u64::MAX))
    }

    /// Milliseconds, then their fraction in 12 bits (RFC 9562, method 3), then chance.
    fn uuid(&self) -> Uuid {
        let micros = u64::try_from(self.now().as_micros()).unwrap_or_default();
        let mut tail: [u8; 10] = rand::random();
        let fraction = (micros % 1_000 * 4_096 / 1_000) as u16;
        tail[..2].copy_from_slice(&fraction.to_be_bytes());
        Builder::from_unix_timestamp_millis(micros / 1_000, &tail).into_uuid()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ids_are_version_7_and_differ_and_follow_the_time() {
        let clock = SystemClock::new();
        let ids: BTreeSet<Uuid> = (0..10_000).map(|_| clock.uuid()).collect();
        assert_eq!(ids.len(), 10_000);
        assert!(ids.iter().all(|id| id.get_version_num() == 7));
        let before = clock.uuid();
        std::thread::sleep(std::time::Duration::from_micros(50));
        assert!(clock.uuid() > before);
    }

    #[test]
    fn readings_grow() {
        let clock = SystemClock::new();
        let (wall, monotonic) = (clock.now(), clock.monotonic());
        std::thread::sleep(std::time::Duration::from_millis(2));
        assert!(clock.now() > wall);
        assert!(clock.monotonic().since(monotonic) >= 2_000);
    }
}
