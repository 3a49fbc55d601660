//! Long runs on servers of their own, which are killed under load: `scripts/endure`, not part of any
//! other run. Each ends in one line that begins with `endure:`.
#![expect(clippy::print_stdout, reason = "what was counted is the verdict, and is quoted")]

mod answers;
mod broker_outage;
mod full_disk;
mod kills;
mod platform;
mod poison;
pub mod scene;
mod store_outage;
