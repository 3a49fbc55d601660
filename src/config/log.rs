//! Logs: how they are written, and which.

use serde::Deserialize;

use super::error::choice;

choice! {
    /// How log lines are written.
    LogFormat {
        /// One JSON object per line.
        Json => "json",
        /// For people.
        Pretty => "pretty",
        /// Pretty on a terminal, JSON elsewhere.
        Auto => "auto",
    }
}

/// Settings of the logs.
#[derive(Clone, Debug, Deserialize)]
pub struct Log {
    /// How.
    pub format: LogFormat,
    /// Which: a level, or targets with levels.
    pub filter: String,
}
