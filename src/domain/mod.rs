//! The nouns every room shares: money, ids, time, cards, users, limits, requests, decisions.
//!
//! No I/O, no clocks, no floats: everything here is a value or a rule about values.
#![deny(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::float_arithmetic,
    clippy::disallowed_methods
)]

pub mod access;
pub mod api_key;
pub mod audit;
pub mod authorization;
pub mod chain;
pub mod clock;
pub mod dead_letter;
pub mod decision;
pub mod event;
pub mod facts;
pub mod finding;
pub mod hold;
pub mod id;
pub mod kyc;
pub mod merchant;
pub mod money;
pub mod party;
pub mod policy;
pub mod posting;
pub mod preview;
pub mod request;
pub mod standing;
pub mod time;
pub mod token;
pub mod transaction;
pub mod webhook;
