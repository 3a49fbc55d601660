//! Servers that are killed, stopped, cut off and short of memory while purchases come in, each the test's
//! own.
#![expect(clippy::print_stdout, reason = "what was counted is the verdict, and is quoted")]

mod alarm;
mod holders;
mod kills;
mod stops;
mod suspensions;
mod volley;
