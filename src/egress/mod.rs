//! What goes out by itself: events from the outbox of each home to the broker, this process's own alerts
//! beside them, and calls to the card platform.

pub mod notices;
pub mod platform;
pub mod relay;

mod message;
mod refusals;
