//! What goes out: relays on every store, beside writers, with a broker that fails.

mod broker;
mod relay;
