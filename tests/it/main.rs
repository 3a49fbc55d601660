//! The service as its callers see it, and its ports as every adapter must keep them: one binary, on
//! the embedded store and a free port.
#![expect(clippy::unwrap_used, reason = "in a test, a panic is a failure")]
#![expect(
    clippy::inconsistent_digit_grouping,
    reason = "amounts are written as major and minor units: 100_00 is 100.00"
)]

mod support;

mod access;
mod bad_input;
mod broker;
mod cache;
mod crash;
mod crossings;
mod drain;
mod egress;
mod endure;
mod feed;
mod fuzz;
mod hang_ups;
mod ingest;
mod jit;
mod outage;
mod partial;
mod policy;
mod queue;
mod races;
mod reconcile;
mod rest;
mod simulate;
mod startup;
mod store;
mod tls;
mod webhooks;
