//! Calls that their caller may not make: each is counted, and a line in the log says who has tried what.
//! So many a second; what is above that is only counted. (The audit log is for what was done.)

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::hmac;
use axum::extract::{MatchedPath, Request};
use http::{Extensions, Method};

use super::super::request_id::RequestId;
use crate::domain::access::{Caller, Reach};
use crate::domain::time::Timestamp;
use crate::telemetry::metrics;

/// Bytes of the key that subjects are hashed with.
pub const KEY_BYTES: usize = 32;

/// Lines in a second: callers that try without end must not fill the log.
const LINES_MAX: usize = 20;

/// Lines in a second of one caller, who must not hide what the others try.
const LINES_OF_CALLER_MAX: usize = 3;

const SECOND_US: i64 = 1_000_000;

/// What a token's subject stands behind, where it is told of a caller.
const TOKEN: &str = "jwt:";

/// All that call from where nobody may count as one caller. No key has this name.
const ADDRESSES: &str = "addresses";

/// Bytes of the hash that stands for a subject.
const HASH_BYTES: usize = 8;

/// Tells of refused calls.
pub struct Refusals {
    key: hmac::Key,
    lines: Mutex<Lines>,
}

impl Refusals {
    /// `key` is drawn at each start: names that are likely could be tried on a hash without one.
    pub fn new(key: &[u8; KEY_BYTES]) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, key), lines: Mutex::default() }
    }

    /// A caller may not do what it has tried.
    pub(super) fn tell(&self, attempt: &Attempt, now: Timestamp) {
        metrics::access_refused("forbidden");
        let Some(left_out) = self.due(&attempt.caller, now) else { return };
        tracing::warn!(
            caller.key = self.shown(&attempt.caller),
            caller.reach = %attempt.reach,
            method = attempt.method.as_str(),
            route = attempt.route.as_ref().map_or("", MatchedPath::as_str),
            request.id = id(attempt.request_id.as_ref()),
            left_out,
            "refused a call that its caller may not make"
        );
    }

    /// Somebody calls from where nobody may. `None`: nobody can tell from where.
    pub(in crate::ingress::http) fn tell_of_address(
        &self,
        address: Option<IpAddr>,
        request: &Extensions,
        now: Timestamp,
    ) {
        metrics::access_refused("address");
        let Some(left_out) = self.due(ADDRESSES, now) else { return };
        tracing::warn!(
            address = address.map(|address| address.to_string()),
            request.id = id(request.get()),
            left_out,
            "refused a notification from an address that may not notify"
        );
    }

    fn due(&self, caller: &str, now: Timestamp) -> Option<u64> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).due(caller, now)
    }

    /// A caller as a log may know it: a token's subject may be somebody's name, so its hash stands for it.
    fn shown(&self, caller: &str) -> String {
        let Some(subject) = caller.strip_prefix(TOKEN) else { return caller.to_owned() };
        let tag = hmac::sign(&self.key, subject.as_bytes());
        let hash = tag.as_ref().iter().take(HASH_BYTES).map(|byte| format!("{byte:02x}"));
        std::iter::once(TOKEN.to_owned()).chain(hash).collect()
    }
}

fn id(request: Option<&RequestId>) -> &str {
    request.and_then(|RequestId(id)| id.to_str().ok()).unwrap_or_default()
}

/// What a caller tries, kept until it is known whether it may.
pub(super) struct Attempt {
    caller: Arc<str>,
    reach: Reach,
    method: Method,
    route: Option<MatchedPath>,
    request_id: Option<RequestId>,
}

impl Attempt {
    pub(super) fn of(caller: &Caller, request: &Request) -> Self {
        Self {
            caller: Arc::clone(&caller.key),
            reach: caller.reach,
            method: request.method().clone(),
            route: request.extensions().get().cloned(),
            request_id: request.extensions().get().cloned(),
        }
    }
}

/// The lines of one second.
#[derive(Default)]
struct Lines {
    second: i64,
    /// Whom each of them is about.
    written: Vec<String>,
    left_out: u64,
}

impl Lines {
    /// Whether one about this caller is to be written, and how many before it were not.
    fn due(&mut self, caller: &str, now: Timestamp) -> Option<u64> {
        let second = now.as_micros().div_euclid(SECOND_US);
        if second != self.second {
            self.second = second;
            self.written.clear();
        }
        let own = self.written.iter().filter(|written| *written == caller).count();
        if own >= LINES_OF_CALLER_MAX || self.written.len() >= LINES_MAX {
            self.left_out = self.left_out.saturating_add(1);
            return None;
        }
        self.written.push(caller.to_owned());
        Some(std::mem::take(&mut self.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_a_second_are_written_and_the_rest_is_counted() {
        let mut lines = Lines::default();
        let at = Timestamp::from_micros;
        for _ in 0..LINES_OF_CALLER_MAX {
            assert_eq!(lines.due("one", at(1)), Some(0));
        }
        assert_eq!((lines.due("one", at(2)), lines.due("one", at(999_999))), (None, None));
        assert_eq!(lines.due("two", at(3)), Some(2), "another caller");
        assert_eq!(lines.due("one", at(1_000_000)), Some(0), "another second");
        for caller in 1..LINES_MAX {
            assert_eq!(lines.due(&caller.to_string(), at(1_000_001)), Some(0));
        }
        assert_eq!(lines.due("one more", at(1_000_002)), None, "of all together");
        assert_eq!(lines.due("one more", at(2_000_000)), Some(1));
    }

    #[test]
    fn a_key_is_shown_by_its_id_and_the_subject_of_a_token_is_not() {
        let refusals = Refusals::new(&[1; KEY_BYTES]);
        assert_eq!(refusals.shown("admin"), "admin");
        let token = refusals.shown("jwt:jenny@example.org");
        assert_eq!(token.len(), TOKEN.len() + 2 * HASH_BYTES);
        assert!(token.starts_with(TOKEN) && !token.contains("jenny"), "{token}");
        assert_eq!(token, refusals.shown("jwt:jenny@example.org"), "the same within a process");
        assert_ne!(token, refusals.shown("jwt:somebody else"));
        let other = Refusals::new(&[2; KEY_BYTES]);
        assert_ne!(token, other.shown("jwt:jenny@example.org"), "and in no other");
    }
}
