//! Stores that are killed, stopped and cut off while purchases come in, on servers of the test's own.
#![expect(clippy::print_stdout, reason = "what was counted is the verdict, and is quoted")]

mod kills;
mod stops;
mod suspensions;
mod volley;
