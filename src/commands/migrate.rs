//! `tollgate migrate`: brings the stores up to date and ends. Where the tables are another role's than the
//! service's, only this does.

use std::process::ExitCode;

use crate::app::{self, AppError};
use crate::config::{Settings, SettingsError};

/// Why a store is not up to date.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// The settings are wrong.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// A store can not be brought up to date.
    #[error(transparent)]
    App(#[from] AppError),
}

/// Brings every store that the settings select up to date, and names them.
pub(super) async fn run() -> Result<ExitCode, MigrateError> {
    for name in app::migrate(&Settings::load()?).await? {
        println!("{name} is up to date");
    }
    Ok(ExitCode::SUCCESS)
}
