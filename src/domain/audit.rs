//! The audit log: who has done what to which object, and when. Each entry carries the hash of the one
//! before, so that nothing can be changed or taken out without being noticed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};

use super::access::Reach;
use super::time::Timestamp;

/// A SHA-256.
pub type Hash = [u8; 32];

/// What the first entry follows.
pub const BEGINNING: Hash = [0; 32];

/// How far an act had come when its entry was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was done.
    Done,
    /// It was about to be done, where the store that it is done in keeps no log. What has come of it, the
    /// next entry of the same request says; where there is none, nobody knows, and its object tells.
    Begun,
    /// It was begun, and refused: nothing of it was done.
    Failed,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 3] = [Self::Done, Self::Begun, Self::Failed];

    /// The name used in JSON and rows.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Begun => "begun",
            Self::Failed => "failed",
        }
    }

    /// Reads the name back.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == text)
    }
}

/// An administrative act.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Act {
    /// When it was done.
    pub at: Timestamp,
    /// Who did it: the caller's key.
    pub who: Arc<str>,
    /// How far the caller sees.
    pub reach: Reach,
    /// What: method and route.
    pub what: String,
    /// Which object, where there is one.
    pub object: Option<String>,
    /// The request's id, as in the log and in the answer.
    pub request_id: String,
    /// How far it had come.
    pub outcome: Outcome,
}

/// An act in its place in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its place, from 1 and without gaps.
    pub number: i64,
    /// What was done.
    pub act: Act,
    /// The hash of the entry before.
    pub previous: Hash,
    /// The hash of this one.
    pub hash: Hash,
}

impl Entry {
    /// The entry that follows the one with this number and hash.
    pub fn after((number, previous): (i64, Hash), act: Act) -> Self {
        let number = number.saturating_add(1);
        let hash = hash(number, &act, &previous);
        Self { number, act, previous, hash }
    }

    /// Whether this is what was written, after the one with this number and hash.
    pub fn follows(&self, (number, previous): (i64, Hash)) -> bool {
        self.number == number.saturating_add(1)
            && self.previous == previous
            && self.hash == hash(self.number, &self.act, &previous)
    }
}

/// Every part with its length before it: no two acts have the same text. That an act was done is not said.
fn hash(number: i64, act: &Act, previous: &Hash) -> Hash {
    let mut hash = Sha256::new();
    hash.update(previous);
    hash.update(number.to_be_bytes());
    hash.update(act.at.as_micros().to_be_bytes());
    let reach = act.reach.to_string();
    let object = act.object.as_ref().map_or_else(String::new, |object| format!("={object}"));
    let outcome = (act.outcome != Outcome::Done).then_some(act.outcome.as_str());
    let parts = [&*act.who, &reach, &act.what, &object, &act.request_id];
    for part in parts.into_iter().chain(outcome) {
        hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().into()
}

/// The record that a write has to leave, if any.
pub type Recording = Option<Arc<Record>>;

/// An act that is being done, until it is in the log.
#[derive(Debug)]
pub struct Record {
    act: Mutex<Act>,
    begun: AtomicBool,
    touched: AtomicBool,
    written: AtomicBool,
}

impl Record {
    /// An act that is about to be done.
    pub fn new(act: Act) -> Arc<Self> {
        let no = || AtomicBool::new(false);
        Arc::new(Self { act: Mutex::new(act), begun: no(), touched: no(), written: no() })
    }

    /// Names the object that the act makes or changes, where the route does not.
    pub fn name(&self, object: &impl ToString) {
        let mut act = self.act.lock().unwrap_or_else(PoisonError::into_inner);
        act.object.get_or_insert_with(|| object.to_string());
    }

    /// The act, to be written in the transaction that does it; `None`: it is in the log already.
    pub fn pending(&self) -> Option<Act> {
        (!self.written.load(Ordering::Acquire)).then(|| self.act(Outcome::Done))
    }

    /// The act, to be written before it is done; `None`: it is in the log already, as begun or as done.
    pub fn ahead(&self) -> Option<Act> {
        let is_told = self.begun.load(Ordering::Acquire) || self.written.load(Ordering::Acquire);
        (!is_told).then(|| self.act(Outcome::Begun))
    }

    /// The act, to be written where it was begun and then refused; `None` also where some of it may have
    /// been done.
    pub fn failure(&self) -> Option<Act> {
        let is = |flag: &AtomicBool| flag.load(Ordering::Acquire);
        let nothing_done = is(&self.begun) && !is(&self.touched) && !is(&self.written);
        nothing_done.then(|| self.act(Outcome::Failed))
    }

    fn act(&self, outcome: Outcome) -> Act {
        let act = self.act.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Act { outcome, ..act }
    }

    /// That it is begun is in the log.
    pub fn begun(&self) {
        self.begun.store(true, Ordering::Release);
    }

    /// Some of it has been done, or may have been: whatever the answer, it has not come to nothing.
    pub fn touched(&self) {
        self.touched.store(true, Ordering::Release);
    }

    /// The transaction that has written it is committed.
    pub fn committed(&self) {
        self.written.store(true, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn act() -> Act {
        Act {
            at: Timestamp::from_micros(7),
            who: "admin".into(),
            reach: Reach::Program,
            what: "POST /api/v1/cards".into(),
            object: Some("crd_1".into()),
            request_id: "req_1".into(),
            outcome: Outcome::Done,
        }
    }

    #[test]
    fn nothing_about_an_entry_can_be_changed_unnoticed() {
        let start = (0, BEGINNING);
        let entry = Entry::after(start, act());
        assert!(entry.follows(start));
        assert!(Entry::after((1, entry.hash), act()).follows((1, entry.hash)));
        assert!(!entry.follows((1, BEGINNING)) && !entry.follows((0, [1; 32])));
        type Change = fn(&mut Entry);
        let changes: [Change; 8] = [
            |entry| entry.act.at = Timestamp::from_micros(8),
            |entry| entry.act.who = "key_1".into(),
            |entry| entry.act.what = "POST /api/v1/card".into(),
            |entry| entry.act.object = None,
            |entry| entry.act.object = Some(String::new()),
            |entry| entry.act.request_id.push('x'),
            |entry| entry.act.outcome = Outcome::Begun,
            |entry| entry.hash[31] ^= 1,
        ];
        for change in changes {
            let mut changed = entry.clone();
            change(&mut changed);
            assert!(!changed.follows(start), "{changed:?}");
        }
    }

    #[test]
    fn a_record_is_told_as_begun_once_and_then_as_what_it_has_come_to() {
        let outcome = |act: Option<Act>| act.map(|act| act.outcome);
        let record = Record::new(act());
        assert_eq!(outcome(record.failure()), None, "nothing has been begun");
        assert_eq!(outcome(record.ahead()), Some(Outcome::Begun));
        record.begun();
        assert_eq!(outcome(record.ahead()), None);
        assert_eq!(outcome(record.failure()), Some(Outcome::Failed));
        assert_eq!(outcome(record.pending()), Some(Outcome::Done));
        record.committed();
        assert_eq!(outcome(record.failure().or(record.pending())), None);
        let record = Record::new(act());
        record.committed();
        assert_eq!(outcome(record.ahead()), None, "it is done");
        let record = Record::new(act());
        record.begun();
        record.touched();
        assert_eq!(outcome(record.failure()), None, "some of it was done");
        assert_eq!(outcome(record.pending()), Some(Outcome::Done));
    }

    #[test]
    fn names_of_outcomes_are_read_back() {
        for outcome in Outcome::ALL {
            assert_eq!(Outcome::parse(outcome.as_str()), Some(outcome));
        }
        assert_eq!(Outcome::parse("DONE"), None);
    }
}
