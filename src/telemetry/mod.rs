//! Telemetry: logging set-up, the stage profile, alerts, metrics.

pub mod alerts;
pub mod broker;
pub mod cache;
pub mod card_data;
pub mod card_testing;
pub mod clock_skew;
pub mod doors;
pub mod faults;
pub mod feed;
pub mod logging;
pub mod metrics;
pub mod notices;
pub mod outbox;
pub mod profile;
pub mod webhooks;
