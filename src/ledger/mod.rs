//! The ledger: holds, postings, balances, counters and the life cycle of a purchase. Pure: books
//! and an intent in, changed books and an outcome out. What is stored, and how, is `store`'s affair.
#![deny(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::float_arithmetic,
    clippy::disallowed_methods
)]

mod apply;
mod authorize;
pub mod bare;
pub mod books;
mod chains;
mod events;
pub mod intent;
mod lifecycle;
mod notice;
mod partial;
mod post;
mod preview;
mod usage;
mod void;
pub mod wanted;

pub use apply::apply;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_notice;
#[cfg(test)]
mod tests_partial;
