//! What goes out by itself: events from the outbox of each home to the broker, and this process's own
//! alerts beside them.

pub mod notices;
pub mod relay;

mod message;
