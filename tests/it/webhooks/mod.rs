//! Notifications over HTTP: what the door answers, and what the books are afterwards.

mod door;
pub(crate) mod events;
mod orders;
mod outage;
mod parked;
mod parties;
mod races;
