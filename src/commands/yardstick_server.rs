//! `tollgate yardstick-server`: the empty handler that `bench` compares the service with. Hidden: it
//! is of no use to anyone else.

use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;

use tokio::net::TcpListener;

use crate::app;

/// Where to listen.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// The address.
    #[arg(long)]
    listen: SocketAddr,
}

/// Serves until it is killed.
pub async fn run(args: Args) -> io::Result<ExitCode> {
    let listener = TcpListener::bind(args.listen).await?;
    app::serve_yardstick(listener).await?;
    Ok(ExitCode::SUCCESS)
}
