//! The one mapping from what a handler has made of a message to how it is settled.

use super::Handled;
use crate::broker::Settlement;
use crate::broker::headers::ATTEMPTS_EXHAUSTED;

/// How a message is settled; `None`: not yet, it is handled again.
pub(super) fn settlement(handled: Handled) -> Option<Settlement> {
    match handled {
        Handled::Done => Some(Settlement::Done),
        Handled::Failed { error } => Some(Settlement::Retry { error }),
        Handled::Never { reason, error } => {
            Some(Settlement::Dead { reason: reason.to_owned(), error })
        }
        Handled::Unavailable => None,
    }
}

/// What becomes of a message at which every attempt has ended without a word.
pub(super) fn of_silence() -> Settlement {
    Settlement::Dead {
        reason: ATTEMPTS_EXHAUSTED.to_owned(),
        error: "whoever handled it died, or lost the broker, at every attempt".to_owned(),
    }
}

/// The name of a settlement in metrics.
pub(super) const fn name(settlement: &Settlement) -> &'static str {
    match settlement {
        Settlement::Done => "done",
        Settlement::Retry { .. } => "failed",
        Settlement::Dead { .. } => "dead",
        Settlement::Return => "returned",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_is_no_attempt_and_a_fault_of_the_message_is_the_last_one() {
        assert_eq!(settlement(Handled::Unavailable), None);
        let never = Handled::Never { reason: "malformed_json", error: "e".into() };
        let dead = Settlement::Dead { reason: "malformed_json".into(), error: "e".into() };
        assert_eq!(settlement(never), Some(dead));
        let failed = Handled::Failed { error: "e".into() };
        assert_eq!(settlement(failed), Some(Settlement::Retry { error: "e".into() }));
        assert_eq!(settlement(Handled::Done), Some(Settlement::Done));
    }
}
