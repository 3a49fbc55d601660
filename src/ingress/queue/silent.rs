//! Queues of askers that do not confirm what they are sent, remembered for a while: each answer to one of
//! them keeps its neighbours waiting for the length of a confirm.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::domain::time::Monotonic;

/// How long nothing is sent to such a queue.
const SILENT_FOR: Duration = Duration::from_secs(30);

/// Queues that are remembered at most. Askers name them: there may be any number.
const REMEMBERED_MAX: usize = 1_024;

/// How an asker's queue stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Nothing is known against it.
    Good,
    /// It was silent, a while ago: whoever is told this tries it, and nobody else meanwhile.
    Due,
    /// It was silent just now.
    Silent,
}

/// Silent queues, each with when it is tried again.
#[derive(Default)]
pub(super) struct Silent(Mutex<HashMap<String, Monotonic>>);

impl Silent {
    /// How a queue stands now.
    pub(super) fn standing(&self, queue: &str, now: Monotonic) -> Standing {
        match self.all().get_mut(queue) {
            None => Standing::Good,
            Some(until) if *until > now => Standing::Silent,
            Some(until) => {
                *until = later(now);
                Standing::Due
            }
        }
    }

    /// It was silent. Where there are too many, those that are due are forgotten; if none is, this one is
    /// found out again.
    pub(super) fn remember(&self, queue: &str, now: Monotonic) {
        let mut all = self.all();
        if all.len() >= REMEMBERED_MAX {
            all.retain(|_, until| *until > now);
        }
        if all.len() < REMEMBERED_MAX || all.contains_key(queue) {
            all.insert(queue.to_owned(), later(now));
        }
    }

    /// Whoever tried it has not found out: the next one may.
    pub(super) fn untold(&self, queue: &str, now: Monotonic) {
        if let Some(until) = self.all().get_mut(queue) {
            *until = now;
        }
    }

    /// It has confirmed.
    pub(super) fn forget(&self, queue: &str) {
        self.all().remove(queue);
    }

    fn all(&self) -> MutexGuard<'_, HashMap<String, Monotonic>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn later(now: Monotonic) -> Monotonic {
    now.plus_micros(u64::try_from(SILENT_FOR.as_micros()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Monotonic {
        Monotonic::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn a_silent_queue_is_tried_by_one_after_a_while_and_forgotten_once_it_confirms() {
        let silent = Silent::default();
        let standing = |seconds| silent.standing("a", at(seconds));
        assert_eq!(standing(0), Standing::Good);
        silent.remember("a", at(0));
        assert_eq!(standing(29), Standing::Silent);
        assert_eq!(silent.standing("b", at(29)), Standing::Good);
        assert_eq!((standing(30), standing(30)), (Standing::Due, Standing::Silent));
        assert_eq!(standing(59), Standing::Silent);
        assert_eq!(standing(60), Standing::Due);
        silent.untold("a", at(61));
        assert_eq!((standing(61), standing(61)), (Standing::Due, Standing::Silent));
        silent.forget("a");
        assert_eq!(standing(60), Standing::Good);
    }

    #[test]
    fn no_more_than_so_many_are_remembered() {
        let silent = Silent::default();
        for n in 0..=REMEMBERED_MAX {
            silent.remember(&n.to_string(), at(0));
        }
        assert_eq!(silent.all().len(), REMEMBERED_MAX);
        assert_eq!(silent.standing(&REMEMBERED_MAX.to_string(), at(0)), Standing::Good);
        silent.remember("0", at(29));
        assert_eq!(silent.standing("0", at(58)), Standing::Silent);
        silent.remember("later", at(58));
        assert_eq!(silent.all().len(), 2, "those that were due made room");
    }
}
