//! Subcommands. They meet a running service as a stranger does, over HTTP.

mod client;
mod play;
mod scenario;
mod scratch;
