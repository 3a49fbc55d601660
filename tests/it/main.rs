//! The service as its callers see it, and its ports as every adapter must keep them: one binary, on
//! the embedded store and a free port.

mod support;

mod bad_input;
mod crash;
mod jit;
mod policy;
mod races;
mod rest;
mod store;
