//! Servers that are killed, stopped, cut off, spoilt and short of memory while purchases come in, each the
//! test's own; and instances.
#![expect(clippy::print_stdout, reason = "what was counted is the verdict, and is quoted")]

mod alarm;
mod behind_nginx;
mod doors;
mod holders;
mod kills;
mod sessions;
mod shared_cache;
mod stops;
mod suspensions;
pub mod volley;
