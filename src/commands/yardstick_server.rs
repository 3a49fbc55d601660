//! `tollgate yardstick-server`: the empty handler that `bench` compares the service with. Hidden: it
//! is of no use to anyone else.

use std::net::SocketAddr;
use std::process::ExitCode;

use tokio::net::TcpListener;

use crate::app::{self, AppError};

/// Where to listen.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// The address.
    #[arg(long)]
    listen: SocketAddr,
}

/// Why it does not serve.
#[derive(Debug, thiserror::Error)]
pub enum YardstickError {
    /// The address can not be listened on.
    #[error("can not listen: {0}")]
    Listen(#[from] std::io::Error),
    /// It broke off.
    #[error(transparent)]
    App(#[from] AppError),
}

/// Serves until it is killed.
pub async fn run(args: Args) -> Result<ExitCode, YardstickError> {
    let listener = TcpListener::bind(args.listen).await?;
    app::serve_yardstick(listener).await?;
    Ok(ExitCode::SUCCESS)
}
