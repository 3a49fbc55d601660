//! What goes wrong beside the decisions and waits for a person: each kind is told as an event, at most
//! once in ten seconds, with the number of its cases. Where to look is in the lists, not in the event.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::domain::time::Timestamp;

use super::alerts::Pace;
use super::notices::{Ended, Notice, Sink, Work};

/// What has gone wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A reported transaction was parked.
    TransactionParked,
    /// A message with a reported transaction is dead.
    TransactionDead,
    /// A notification was parked, and is not tried again by itself.
    NotificationParked,
    /// A message with the id of a notification is dead.
    NotificationDead,
    /// A request to decide is dead.
    RequestDead,
    /// An event was given up: the broker does not take it, or it can not be read.
    EventDead,
    /// A notification is not the one that is kept under its token and state.
    NotificationConflict,
    /// A message is not the one that was worked under its id.
    MessageConflict,
}

impl Fault {
    const COUNT: usize = 8;

    const fn index(self) -> usize {
        self as usize
    }

    const fn notice(self, cases: u64) -> Notice {
        use Ended::{DeadLetter, Parked};
        use Work::{Event, Notification, Request, Transaction};
        let (work, ended) = match self {
            Self::TransactionParked => (Transaction, Parked),
            Self::TransactionDead => (Transaction, DeadLetter),
            Self::NotificationParked => (Notification, Parked),
            Self::NotificationDead => (Notification, DeadLetter),
            Self::RequestDead => (Request, DeadLetter),
            Self::EventDead => (Event, DeadLetter),
            Self::NotificationConflict => return conflict(Notification, cases),
            Self::MessageConflict => return conflict(Request, cases),
        };
        Notice::Failed { work, ended, cases }
    }
}

const fn conflict(work: Work, cases: u64) -> Notice {
    Notice::Conflict { work, level: "critical", cases }
}

/// Tells faults. One for the process.
#[derive(Debug, Default)]
pub struct Faults {
    paces: Mutex<[Pace; Fault::COUNT]>,
    sink: OnceLock<Arc<dyn Sink>>,
}

impl Faults {
    /// From now on faults are told there; the first who says so is heard.
    pub fn tell_to(&self, sink: Arc<dyn Sink>) {
        let _ = self.sink.set(sink);
    }

    /// One more case. Never waits.
    pub fn tell(&self, fault: Fault, now: Timestamp) {
        let Some(sink) = self.sink.get() else { return };
        let due = {
            let mut paces = self.paces.lock().unwrap_or_else(PoisonError::into_inner);
            paces[fault.index()].due(now.as_micros())
        };
        if let Some(untold) = due {
            sink.tell(fault.notice(untold.saturating_add(1)));
        }
    }

    /// What is found too seldom to be told too often.
    pub fn tell_always(&self, notice: Notice) {
        if let Some(sink) = self.sink.get() {
            sink.tell(notice);
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Keeps what it is told.
    #[derive(Debug, Default)]
    pub(crate) struct Told(pub(crate) Mutex<Vec<Notice>>);

    impl Sink for Told {
        fn tell(&self, notice: Notice) {
            self.0.lock().unwrap().push(notice);
        }
    }

    #[test]
    fn each_kind_is_told_at_its_own_pace_with_the_cases_that_were_not() {
        let (faults, told) = (Faults::default(), Arc::new(Told::default()));
        let at = |seconds: i64| Timestamp::from_micros(seconds * 1_000_000);
        faults.tell(Fault::RequestDead, at(0));
        assert!(told.0.lock().unwrap().is_empty(), "there is nobody to be told");
        faults.tell_to(told.clone());
        for second in 0..11 {
            faults.tell(Fault::TransactionParked, at(second));
        }
        faults.tell(Fault::TransactionDead, at(11));
        faults.tell(Fault::NotificationParked, at(11));
        faults.tell(Fault::NotificationDead, at(11));
        faults.tell(Fault::RequestDead, at(11));
        faults.tell(Fault::EventDead, at(11));
        faults.tell(Fault::NotificationConflict, at(11));
        faults.tell(Fault::MessageConflict, at(11));
        let told = told.0.lock().unwrap().clone();
        let told: Vec<String> = told.iter().map(shown).collect();
        let expected = [
            r#"transaction.error {"ended":"parked","cases":1}"#,
            r#"transaction.error {"ended":"parked","cases":10}"#,
            r#"transaction.error {"ended":"dead_letter","cases":1}"#,
            r#"webhook.error {"ended":"parked","cases":1}"#,
            r#"webhook.error {"ended":"dead_letter","cases":1}"#,
            r#"jit-funding.error {"ended":"dead_letter","cases":1}"#,
            r#"event.error {"ended":"dead_letter","cases":1}"#,
            r#"alert.webhook_conflict {"level":"critical","cases":1}"#,
            r#"alert.message_conflict {"level":"critical","cases":1}"#,
        ];
        assert_eq!(told, expected);
    }

    fn shown(notice: &Notice) -> String {
        format!("{} {}", notice.event(), serde_json::to_string(notice).unwrap())
    }
}
