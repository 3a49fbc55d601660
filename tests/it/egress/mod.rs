//! What goes out by itself, and what runs out: relays and sweepers on every store, beside writers, with
//! a broker that fails.

mod app;
mod broker;
mod documented;
mod expiry;
mod relay;
mod speed;
mod stores;
mod unreadable;
