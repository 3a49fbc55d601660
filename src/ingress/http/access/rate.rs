//! How often callers may call: a quota for each key and each address (GCRA), told in the `RateLimit`
//! headers of every answer.

use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::middleware::{StateInformationMiddleware, StateSnapshot};
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use http::{HeaderMap, HeaderName, HeaderValue};

const LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("ratelimit-reset");

/// Their names, and what they tell.
pub(in crate::ingress::http) const HEADERS: [(&str, &str); 3] = [
    (
        "RateLimit-Limit",
        "How many calls at once the quota of the key, or else of the address, allows; after too many bad credentials, how many of these. Absent where there is no quota.",
    ),
    ("RateLimit-Remaining", "How many of them are left."),
    ("RateLimit-Reset", "Seconds until all of them are there again; on 429, until there is one."),
];

type Limiter<K> = RateLimiter<K, DashMapStateStore<K>, DefaultClock, StateInformationMiddleware>;

/// How often something may be done; `None`: as often as one likes.
#[derive(Clone, Copy, Debug)]
pub struct Rate {
    /// Times a second.
    pub per_s: NonZeroU32,
    /// Times at once.
    pub burst: NonZeroU32,
}

/// The quotas of all callers.
pub struct Rates {
    keys: Option<Limiter<Arc<str>>>,
    addresses: Option<Limiter<IpAddr>>,
    clock: DefaultClock,
}

/// What is left of a quota after a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Left {
    limit: u32,
    remaining: u32,
    reset_s: u64,
}

/// The quota is used up, for so long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Exceeded {
    /// How much there is of it.
    pub(super) limit: u32,
    /// Whole seconds, at least one.
    pub(super) wait_s: u64,
}

impl Rates {
    /// These rates for each key and for each address.
    pub fn new(key: Option<Rate>, address: Option<Rate>) -> Self {
        Self {
            keys: key.map(limiter),
            addresses: address.map(limiter),
            clock: DefaultClock::default(),
        }
    }

    pub(super) fn address(&self, address: IpAddr) -> Result<Option<Left>, Exceeded> {
        self.check(self.addresses.as_ref(), &address)
    }

    pub(super) fn key(&self, key: &Arc<str>) -> Result<Option<Left>, Exceeded> {
        self.check(self.keys.as_ref(), key)
    }

    fn check<K: Hash + Eq + Clone>(
        &self,
        limiter: Option<&Limiter<K>>,
        key: &K,
    ) -> Result<Option<Left>, Exceeded> {
        let Some(limiter) = limiter else { return Ok(None) };
        match limiter.check_key(key) {
            Ok(state) => Ok(Some(left(&state))),
            Err(until) => {
                let wait = until.wait_time_from(self.clock.now());
                Err(Exceeded {
                    limit: until.quota().burst_size().get(),
                    wait_s: seconds(wait).max(1),
                })
            }
        }
    }

    /// Forgets callers whose quota is whole again.
    pub fn forget_silent(&self) {
        if let Some(keys) = &self.keys {
            keys.retain_recent();
            keys.shrink_to_fit();
        }
        if let Some(addresses) = &self.addresses {
            addresses.retain_recent();
            addresses.shrink_to_fit();
        }
    }
}

fn limiter<K: Hash + Eq + Clone>(rate: Rate) -> Limiter<K> {
    let quota = Quota::per_second(rate.per_s).allow_burst(rate.burst);
    RateLimiter::dashmap(quota).with_middleware()
}

fn left(state: &StateSnapshot) -> Left {
    let quota = state.quota();
    let (limit, remaining) = (quota.burst_size().get(), state.remaining_burst_capacity());
    let used = limit.saturating_sub(remaining);
    Left { limit, remaining, reset_s: seconds(quota.replenish_interval().saturating_mul(used)) }
}

/// Whole seconds, none lost.
fn seconds(duration: Duration) -> u64 {
    duration.as_secs().saturating_add(u64::from(duration.subsec_nanos() > 0))
}

impl Left {
    pub(super) fn tell(self, headers: &mut HeaderMap) {
        tell(headers, self.limit, self.remaining, self.reset_s);
    }
}

impl Exceeded {
    pub(super) fn tell(self, headers: &mut HeaderMap) {
        tell(headers, self.limit, 0, self.wait_s);
    }
}

fn tell(headers: &mut HeaderMap, limit: u32, remaining: u32, reset_s: u64) {
    headers.insert(LIMIT, HeaderValue::from(limit));
    headers.insert(REMAINING, HeaderValue::from(remaining));
    headers.insert(RESET, HeaderValue::from(reset_s));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_names_the_headers_that_are_sent() {
        let mut sent = HeaderMap::new();
        tell(&mut sent, 3, 2, 1);
        assert_eq!(sent.len(), HEADERS.len());
        for (name, _) in HEADERS {
            assert!(sent.contains_key(name), "{name}");
        }
    }

    #[test]
    fn each_caller_has_a_quota_of_its_own() {
        let rate = |per_s, burst| Rate {
            per_s: NonZeroU32::new(per_s).unwrap(),
            burst: NonZeroU32::new(burst).unwrap(),
        };
        let rates = Rates::new(Some(rate(1, 3)), None);
        let (first, second): (Arc<str>, Arc<str>) = ("first".into(), "second".into());
        for remaining in [2, 1, 0] {
            let left = rates.key(&first).unwrap().unwrap();
            assert_eq!((left.limit, left.remaining), (3, remaining));
            assert!((1..=3).contains(&left.reset_s), "{left:?}");
        }
        let exceeded = rates.key(&first).unwrap_err();
        assert_eq!(exceeded, Exceeded { limit: 3, wait_s: 1 });
        assert!(rates.key(&second).is_ok());
        assert_eq!(rates.address([127, 0, 0, 1].into()), Ok(None), "as often as it likes");
        rates.forget_silent();
        assert!(rates.key(&first).is_err(), "who is not silent is not forgotten");
    }
}
