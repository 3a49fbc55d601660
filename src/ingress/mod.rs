//! Façades: where requests come in. One folder per protocol; none imports another.

pub mod http;
pub mod queue;
