//! Where the process is in its life: starting, serving, draining. There is no way back.

use std::sync::atomic::{AtomicU8, Ordering};

const STARTING: u8 = 0;
const SERVING: u8 = 1;
const DRAINING: u8 = 2;

/// Where the process is in its life.
#[derive(Debug, Default)]
pub struct Phase(AtomicU8);

impl Phase {
    /// From now on the process serves.
    pub fn serve(&self) {
        // A process that is already draining does not begin to serve.
        let (from, to) = (STARTING, SERVING);
        let _ = self.0.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire);
    }

    /// From now on the process should get no more traffic.
    pub fn drain(&self) {
        self.0.store(DRAINING, Ordering::Release);
    }

    /// Whether the process has started and is not about to stop.
    pub fn is_serving(&self) -> bool {
        self.0.load(Ordering::Acquire) == SERVING
    }

    /// `starting`, `serving` or `draining`.
    pub fn as_str(&self) -> &'static str {
        match self.0.load(Ordering::Acquire) {
            STARTING => "starting",
            SERVING => "serving",
            _ => "draining",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_serves_between_its_start_and_its_end() {
        let phase = Phase::default();
        assert_eq!((phase.is_serving(), phase.as_str()), (false, "starting"));
        phase.serve();
        assert_eq!((phase.is_serving(), phase.as_str()), (true, "serving"));
        phase.drain();
        assert_eq!((phase.is_serving(), phase.as_str()), (false, "draining"));
        phase.serve();
        assert!(!phase.is_serving(), "there is no way back");
    }
}
