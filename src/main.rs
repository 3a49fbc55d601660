//! Tollgate: reads the command line and runs what it asks for.

use std::process::ExitCode;

use clap::Parser;
use tollgate::commands::{self, Cli};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    tollgate::app::install_tls_provider();
    match commands::run(Cli::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {}", commands::in_one_line(&*error));
            ExitCode::FAILURE
        }
    }
}
