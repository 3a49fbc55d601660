//! Calls that their caller may not make: each is counted, and a line in the log says who has tried what.
//! So many a second; what is above that is only counted. (The audit log is for what was done.)

use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{MatchedPath, Request};
use http::Method;
use sha2::{Digest, Sha256};

use super::super::request_id::RequestId;
use crate::domain::access::{Caller, Reach};
use crate::domain::time::Timestamp;
use crate::telemetry::metrics;

/// Lines in a second: a caller that tries without end must not fill the log.
const LINES_MAX: u32 = 10;

const SECOND_US: i64 = 1_000_000;

/// What a token's subject stands behind, where it is told of a caller.
const TOKEN: &str = "jwt:";

/// Bytes of the hash that stands for a subject.
const HASH_BYTES: usize = 8;

/// One for the process: the log is one.
static LINES: Mutex<Lines> = Mutex::new(Lines { second: i64::MIN, written: 0, left_out: 0 });

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

    /// Tells that it may not.
    pub(super) fn tell(&self, now: Timestamp) {
        metrics::access_refused("forbidden");
        let due = LINES.lock().unwrap_or_else(PoisonError::into_inner).due(now);
        let Some(left_out) = due else { return };
        let id = self.request_id.as_ref().and_then(|RequestId(id)| id.to_str().ok());
        tracing::warn!(
            caller.key = shown(&self.caller),
            caller.reach = %self.reach,
            method = self.method.as_str(),
            route = self.route.as_ref().map_or("", MatchedPath::as_str),
            request.id = id.unwrap_or_default(),
            left_out,
            "refused a call that its caller may not make"
        );
    }
}

/// A caller as a log may know it: a token's subject may be somebody's name, so its hash stands for it.
fn shown(caller: &str) -> String {
    let Some(subject) = caller.strip_prefix(TOKEN) else { return caller.to_owned() };
    let digest = Sha256::digest(subject.as_bytes());
    let hash = digest.iter().take(HASH_BYTES).map(|byte| format!("{byte:02x}"));
    std::iter::once(TOKEN.to_owned()).chain(hash).collect()
}

/// The lines of one second.
struct Lines {
    second: i64,
    written: u32,
    left_out: u64,
}

impl Lines {
    /// Whether this one is to be written, and how many before it were not.
    fn due(&mut self, now: Timestamp) -> Option<u64> {
        let second = now.as_micros().div_euclid(SECOND_US);
        if second != self.second {
            (self.second, self.written) = (second, 0);
        }
        if self.written == LINES_MAX {
            self.left_out = self.left_out.saturating_add(1);
            return None;
        }
        self.written = self.written.saturating_add(1);
        Some(std::mem::take(&mut self.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_a_second_are_written_and_the_rest_is_counted() {
        let mut lines = Lines { second: i64::MIN, written: 0, left_out: 0 };
        let at = Timestamp::from_micros;
        for _ in 0..LINES_MAX {
            assert_eq!(lines.due(at(1)), Some(0));
        }
        assert_eq!((lines.due(at(2)), lines.due(at(999_999))), (None, None));
        assert_eq!(lines.due(at(1_000_000)), Some(2), "another second");
        assert_eq!(lines.due(at(1_000_001)), Some(0));
    }

    #[test]
    fn a_key_is_shown_by_its_id_and_the_subject_of_a_token_is_not() {
        assert_eq!(shown("admin"), "admin");
        let token = shown("jwt:jenny@example.org");
        assert_eq!(token.len(), TOKEN.len() + 2 * HASH_BYTES);
        assert!(token.starts_with(TOKEN) && !token.contains("jenny"), "{token}");
        assert_ne!(token, shown("jwt:somebody else"));
    }
}
