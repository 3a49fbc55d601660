//! `tollgate openapi`: prints the OpenAPI document, or writes it to a file.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use crate::app;

use super::Failure;

/// Where to.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Write it to this file instead of standard output.
    #[arg(long, short)]
    output: Option<PathBuf>,
}

pub(super) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let text = app::openapi();
    match &args.output {
        Some(path) => std::fs::write(path, text)?,
        None => std::io::stdout().write_all(text)?,
    }
    Ok(ExitCode::SUCCESS)
}
