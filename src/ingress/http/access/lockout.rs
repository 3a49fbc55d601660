//! Locks out addresses that keep sending bad credentials, so that nobody can guess.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::domain::time::Monotonic;

/// How long failures count, and how long a lock-out lasts.
const WINDOW_US: u64 = 60_000_000;

/// Addresses that are watched at most. More than that is an attack that this can not stop, and must not
/// fill the memory.
const WATCHED_MAX: usize = 100_000;

/// Addresses and what they have failed.
pub struct Lockout {
    failures_max: u32,
    watched: Mutex<HashMap<IpAddr, Failures>>,
    count: AtomicUsize,
}

/// Bad credentials of an address in the window that began with the first of them.
#[derive(Clone, Copy, Debug)]
struct Failures {
    since: Monotonic,
    count: u32,
}

impl Lockout {
    /// After so many failures within a minute; 0: never.
    pub fn new(failures_max: u32) -> Self {
        Self { failures_max, watched: Mutex::default(), count: AtomicUsize::new(0) }
    }

    /// So many failures are one too many.
    pub(super) const fn failures_max(&self) -> u32 {
        self.failures_max
    }

    /// For how many more seconds this address is locked out.
    pub(super) fn is_locked(&self, address: IpAddr, now: Monotonic) -> Option<u64> {
        if self.count.load(Ordering::Relaxed) == 0 {
            return None; // as good as always
        }
        let watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        let found = watched.get(&network(address))?;
        let left = WINDOW_US.saturating_sub(now.since(found.since));
        (found.count >= self.failures_max && left > 0).then(|| left.div_ceil(1_000_000))
    }

    /// Counts bad credentials. The one that locks the address out begins the minute anew.
    pub(super) fn failed(&self, address: IpAddr, now: Monotonic) {
        if self.failures_max == 0 {
            return;
        }
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        let is_old = |failures: &Failures| now.since(failures.since) >= WINDOW_US;
        if watched.len() >= WATCHED_MAX {
            watched.retain(|_, failures| !is_old(failures));
        }
        let network = network(address);
        if watched.len() < WATCHED_MAX || watched.contains_key(&network) {
            let fresh = Failures { since: now, count: 0 };
            let failures = watched.entry(network).or_insert(fresh);
            if is_old(failures) {
                *failures = fresh;
            }
            failures.count = failures.count.saturating_add(1);
            if failures.count == self.failures_max {
                failures.since = now;
                tracing::warn!(
                    "an address sends bad credentials again and again, and is locked out"
                );
            }
        }
        self.count.store(watched.len(), Ordering::Relaxed);
    }

    /// Forgets what no longer counts.
    pub fn forget_old(&self, now: Monotonic) {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        watched.retain(|_, failures| now.since(failures.since) < WINDOW_US);
        self.count.store(watched.len(), Ordering::Relaxed);
    }
}

/// What counts as one address: of IPv6, everybody has a network of 64 bits to choose from.
pub(super) fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Monotonic {
        Monotonic::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn an_address_is_locked_out_for_a_minute_after_too_many_failures_in_one() {
        let lockout = Lockout::new(3);
        let address: IpAddr = "2001:db8::1".parse().unwrap();
        for second in [0, 10, 70, 80] {
            lockout.failed(address, at(second));
            assert_eq!(lockout.is_locked(address, at(second)), None, "the first two were too old");
        }
        lockout.failed(address, at(90));
        assert_eq!(lockout.is_locked(address, at(90)), Some(60));
        assert_eq!(lockout.is_locked("2001:db8::2".parse().unwrap(), at(90)), Some(60));
        assert_eq!(lockout.is_locked("2001:db8:0:1::1".parse().unwrap(), at(90)), None);
        assert_eq!(lockout.is_locked(address, at(149)), Some(1));
        assert_eq!(lockout.is_locked(address, at(150)), None);
        lockout.forget_old(at(150));
        assert_eq!(lockout.count.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn where_the_settings_say_never_nobody_is_locked_out() {
        let lockout = Lockout::new(0);
        let address = [127, 0, 0, 1].into();
        (0..100).for_each(|_| lockout.failed(address, at(1)));
        assert_eq!(lockout.is_locked(address, at(1)), None);
    }
}
