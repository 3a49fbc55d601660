//! Version 1 of our own API: snake_case, integers in minor units, nothing unknown accepted.
//!
//! Inputs keep every field as literal text ([`field::Field`]) and are read by `parse`, so that each
//! fault is blamed on its own field by a stable code. Outputs are built from `domain` values.
#![deny(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::float_arithmetic,
    clippy::disallowed_methods
)]

pub mod account;
pub mod api_key;
pub mod audit;
pub mod authorization;
pub mod card;
pub mod company;
pub mod control;
pub mod dead_letter;
pub mod event;
mod example;
pub mod feed;
pub mod field;
pub mod import;
pub mod kyc;
pub mod limit;
pub mod lists;
pub mod merchant;
pub mod movement;
pub mod page;
pub mod posting;
pub mod preview;
pub mod purchase;
pub mod query;
pub mod read;
pub mod step;
pub mod terms;
pub mod text;
pub mod transaction;
pub mod transaction_query;
pub mod user;
pub mod wallet;
pub mod webhook_event;
