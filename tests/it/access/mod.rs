//! Who may call what, how often, and what is written down of it.

mod audit;
mod calls;
mod keys;
mod limits;
mod matrix;
mod refusals;
mod routes;
pub mod tokens;
mod world;
