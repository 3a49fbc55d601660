//! The servers that `scripts/test` starts, and a corner of each that a test has for itself.

use tollgate::app::clock::SystemClock;
use tollgate::domain::clock::Clock;

/// The URL in this variable. Fails where it is not set: a missing server is a failure, not a skip.
pub fn url(variable: &str) -> String {
    tollgate::app::install_tls_provider();
    let set = std::env::var(variable).ok().filter(|url| !url.is_empty());
    set.unwrap_or_else(|| {
        panic!("{variable} is not set: run scripts/test, which starts the servers")
    })
}

/// A name that no other test has: a database, a key prefix.
pub fn unique() -> String {
    format!("tollgate_test_{}", SystemClock::new().uuid().simple())
}
