//! The card platform's Gateway JIT Funding: its messages in, its answers out,
//! and what it notifies of.

pub mod document;
pub mod method;
pub mod notification;
pub mod request;
pub mod response;

mod amount;
mod field;
pub mod listed;
mod merchant;
mod shape;

#[cfg(test)]
mod tests;
