//! A service of one's own, a client, and ways to say what Marqeta says.

pub mod app;
pub mod client;
pub mod corners;
pub mod dice;
pub mod instance;
pub mod marqeta;
pub mod nginx;
pub mod own_servers;
pub mod pair;
pub mod program;
pub mod servers;
pub mod verify;

pub use app::TestApp;
pub use client::Client;
pub use program::Program;

/// How often something is done: a few times, or, where `TOLLGATE_TEST_LONG` is set, as often as it takes
/// to be believed.
pub fn rounds(short: usize, long: usize) -> usize {
    if std::env::var_os("TOLLGATE_TEST_LONG").is_some() { long } else { short }
}
