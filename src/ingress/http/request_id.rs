//! Request ids: the caller's own where it sends a plain one that is no card number, else a fresh one. Every answer carries
//! it, and so does the body of every problem.

use std::sync::atomic::{AtomicU64, Ordering};

use http::header::HeaderName;
use http::{HeaderMap, HeaderValue};
use uuid::Uuid;

use crate::wire::card_data::number;

/// The header that carries the id in both directions.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const CHARS_MAX: usize = 64;

/// The id of a request, among its extensions.
#[derive(Clone, Debug)]
pub struct RequestId(pub HeaderValue);

/// Gives out ids that differ within and between runs of the process.
#[derive(Debug)]
pub struct RequestIds {
    run: String,
    next: AtomicU64,
}

impl RequestIds {
    /// `run` tells this run of the process from others.
    pub fn new(run: Uuid) -> Self {
        let random = run.as_u128() as u32; // the low bits of a UUIDv7 are random
        Self { run: format!("{random:08x}"), next: AtomicU64::new(1) }
    }

    /// The id of a request with these headers.
    pub fn of(&self, headers: &HeaderMap) -> HeaderValue {
        match headers.get(REQUEST_ID) {
            Some(given) if is_plain(given.as_bytes()) => given.clone(),
            _ => self.fresh(),
        }
    }

    fn fresh(&self) -> HeaderValue {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let text = format!("{}-{number:x}", self.run);
        HeaderValue::from_maybe_shared(bytes::Bytes::from(text))
            .unwrap_or(HeaderValue::from_static("none"))
    }
}

fn is_plain(id: &[u8]) -> bool {
    let legal = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-".contains(byte);
    let text = || std::str::from_utf8(id).unwrap_or_default();
    (1..=CHARS_MAX).contains(&id.len()) && id.iter().all(legal) && !number::is_in(text())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(given: &str, kept: bool) {
        let ids = RequestIds::new(Uuid::from_u128(0xabcd));
        let mut headers = HeaderMap::new();
        headers.insert(REQUEST_ID, HeaderValue::from_str(given).unwrap());
        assert_eq!(ids.of(&headers) == given, kept, "{given}");
    }

    #[test]
    fn plain_ids_are_kept_and_others_replaced() {
        check("abc-1.2_X", true);
        check(&"x".repeat(64), true);
        check(&"x".repeat(65), false);
        check("", false);
        check("a b", false);
        check("<script>", false);
        check("4111-1111-1111-1111", false);
        let ids = RequestIds::new(Uuid::from_u128(0xabcd));
        assert_eq!(ids.of(&HeaderMap::new()), "0000abcd-1");
        assert_eq!(ids.of(&HeaderMap::new()), "0000abcd-2");
    }
}
