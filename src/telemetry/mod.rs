//! Telemetry: logging set-up, the stage profile, alerts.

pub mod profile;
