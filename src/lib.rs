//! Tollgate decides card purchases in real time. The rooms, in corridor order.

/// Façades: where requests come in, over HTTP and from queues.
pub mod ingress;

/// Shapes that cross the process edge.
pub mod wire;

/// Three timed lookups, then the lane.
pub mod pipeline;

/// Holds, postings, balances, counters, the life cycle. Pure.
pub mod ledger;

/// `decide`: may this card spend this, here, now? Pure.
pub mod decision;

/// Ports to what is kept, and their adapters.
pub mod store;

/// Policy facts, kept between purchases, and processed transactions.
pub mod cache;

/// Messages between parts and with others: queues, retries, dead letters.
pub mod broker;

/// Verbs off the hot path.
pub mod service;

/// What goes out by itself: events to the broker, calls to the card platform.
pub mod egress;

/// The nouns that every room shares.
pub mod domain;

/// Logs, the stage profile, alerts.
pub mod telemetry;

/// Typed settings.
pub mod config;

/// The composition root: build, run, shut down.
pub mod app;

/// The subcommands.
pub mod commands;
