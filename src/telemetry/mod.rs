//! Telemetry: logging set-up, the stage profile, alerts.

pub mod alerts;
pub mod logging;
pub mod profile;
