//! Calls that move money and are under way here, by their idempotency keys: the same call beside them is
//! told to wait. It would do no harm: its account's lane finds the key in the database, where it stays
//! for good, and answers as the first was. At another instance that is what happens.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The keys of calls that are under way.
#[derive(Debug, Default)]
pub struct InFlight(Mutex<HashSet<String>>);

/// A call that is under way, until this is dropped.
#[derive(Debug)]
pub struct Turn<'a> {
    calls: &'a InFlight,
    key: String,
}

impl InFlight {
    /// Begins a call; `None`: the same is under way.
    pub fn begin(&self, key: &str) -> Option<Turn<'_>> {
        let begun = self.keys().insert(key.to_owned());
        begun.then(|| Turn { calls: self, key: key.to_owned() })
    }

    fn keys(&self) -> MutexGuard<'_, HashSet<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.calls.keys().remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_taken_while_its_call_is_under_way() {
        let calls = InFlight::default();
        let first = calls.begin("a");
        assert!(first.is_some() && calls.begin("a").is_none() && calls.begin("b").is_some());
        drop(first);
        assert!(calls.begin("a").is_some());
    }
}
