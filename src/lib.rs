//! Tollgate decides card purchases in real time. The rooms, in corridor order.

/// The nouns that every room shares.
pub mod domain;

/// Three timed lookups, then the lane.
pub mod pipeline;

/// `decide`: may this card spend this, here, now? Pure.
pub mod decision;

/// Holds, postings, balances, counters, the life cycle. Pure.
pub mod ledger;

/// Ports to what is kept, and their adapters.
pub mod store;

/// Logs, the stage profile, alerts.
pub mod telemetry;

/// Verbs off the hot path.
pub mod service;

/// Shapes that cross the process edge.
pub mod wire;

/// Façades: HTTP now, queues later.
pub mod ingress;

/// Subcommands: demo, verify, bench.
pub mod commands;
