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

/// Every part with its length before it: no two acts have the same text.
fn hash(number: i64, act: &Act, previous: &Hash) -> Hash {
    let mut hash = Sha256::new();
    hash.update(previous);
    hash.update(number.to_be_bytes());
    hash.update(act.at.as_micros().to_be_bytes());
    let reach = act.reach.to_string();
    let object = act.object.as_ref().map_or_else(String::new, |object| format!("={object}"));
    for part in [&*act.who, &reach, &act.what, &object, &act.request_id] {
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
    written: AtomicBool,
}

impl Record {
    /// An act that is about to be done.
    pub fn new(act: Act) -> Arc<Self> {
        Arc::new(Self { act: Mutex::new(act), written: AtomicBool::new(false) })
    }

    /// Names the object that the act makes or changes, where the route does not.
    pub fn name(&self, object: &impl ToString) {
        let mut act = self.act.lock().unwrap_or_else(PoisonError::into_inner);
        act.object.get_or_insert_with(|| object.to_string());
    }

    /// The act, to be written in the transaction that does it; `None`: it is in the log already.
    pub fn pending(&self) -> Option<Act> {
        let act = || self.act.lock().unwrap_or_else(PoisonError::into_inner).clone();
        (!self.written.load(Ordering::Acquire)).then(act)
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
        let changes: [Change; 7] = [
            |entry| entry.act.at = Timestamp::from_micros(8),
            |entry| entry.act.who = "key_1".into(),
            |entry| entry.act.what = "POST /api/v1/card".into(),
            |entry| entry.act.object = None,
            |entry| entry.act.object = Some(String::new()),
            |entry| entry.act.request_id.push('x'),
            |entry| entry.hash[31] ^= 1,
        ];
        for change in changes {
            let mut changed = entry.clone();
            change(&mut changed);
            assert!(!changed.follows(start), "{changed:?}");
        }
    }
}
