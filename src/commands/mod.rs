//! Subcommands. They meet a running service as a stranger does, over HTTP.
#![expect(clippy::print_stdout, reason = "commands talk to people on standard output")]

mod bench;
mod client;
mod play;
mod scenario;
mod scratch;
