//! A service of one's own, a client, and ways to say what Marqeta says.

pub mod app;
pub mod client;
pub mod instance;
pub mod marqeta;
pub mod own_servers;
pub mod program;
pub mod servers;
pub mod verify;

pub use app::TestApp;
pub use client::Client;
pub use program::Program;
