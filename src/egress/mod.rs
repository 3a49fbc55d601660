//! What goes out by itself: calls to the card platform.

pub mod platform;
