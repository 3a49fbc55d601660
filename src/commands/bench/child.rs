//! A server in a process of its own, so that its CPU time and memory are counted apart from the
//! load generator's.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::time::Instant;

use super::super::client::{Ask, Client};
use super::processes::{self, Used};

/// How long a server may take to become ready.
const READY_WITHIN: Duration = Duration::from_secs(30);

/// Ports to try. Below the range that the kernel hands out: a connection to a port of that range
/// where nobody listens yet may end up connected to itself.
const PORTS: std::ops::Range<u16> = 20_000..30_000;

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum ChildError {
    /// The program can not be run.
    #[error("the server can not be run")]
    Spawn(#[from] io::Error),
    /// It has ended, or is not ready in time.
    #[error("the server {0}; its last lines:\n{1}")]
    NotReady(&'static str, String),
}

/// A running server; killed when dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    log: PathBuf,
    /// Where it listens.
    pub addr: SocketAddr,
    /// From its start to its first answer that it is ready.
    pub start_to_ready: Duration,
}

impl Server {
    /// Runs this program with what `prepare` makes of a free address, and waits until `ready` is
    /// answered with 200. What it prints goes to `log`.
    pub async fn start(
        prepare: impl FnOnce(&mut Command, SocketAddr),
        ready: &Ask,
        log: &Path,
    ) -> Result<Self, ChildError> {
        let addr = free_address()?;
        let output = fs::File::create(log)?;
        let started = Instant::now();
        let mut command = Command::new(std::env::current_exe()?);
        prepare(&mut command, addr);
        let child =
            command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output).spawn()?;
        let log = log.to_path_buf();
        let mut server = Self { child, log, addr, start_to_ready: Duration::ZERO };
        server.wait_until_ready(ready, started).await?;
        server.start_to_ready = started.elapsed();
        Ok(server)
    }

    async fn wait_until_ready(&mut self, ready: &Ask, started: Instant) -> Result<(), ChildError> {
        let mut client = Client::new(self.addr);
        while started.elapsed() < READY_WITHIN {
            if client.send(ready).await.is_ok_and(|answer| answer.status == 200) {
                return Ok(());
            }
            if self.child.try_wait()?.is_some() {
                return Err(ChildError::NotReady("has ended", self.last_lines()));
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        Err(ChildError::NotReady("is not ready in time", self.last_lines()))
    }

    fn last_lines(&self) -> String {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines.iter().skip(lines.len().saturating_sub(10)).copied().collect::<Vec<_>>().join("\n")
    }

    /// What it has used so far.
    pub fn used(&self) -> Used {
        processes::used(self.child.id())
    }

    /// Ends it at once, without giving it a chance to tidy up.
    pub fn kill(mut self) -> io::Result<()> {
        self.child.kill()?;
        self.child.wait().map(drop)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already; there is nothing else to be done.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn free_address() -> io::Result<SocketAddr> {
    let offset = u16::try_from(std::process::id() % 10_000).unwrap_or(0);
    let (start, end) = (PORTS.start, PORTS.end);
    let ports = (start + offset..end).chain(start..start + offset);
    let mut last = io::Error::from(io::ErrorKind::AddrInUse);
    for port in ports {
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            Ok(listener) => return listener.local_addr(),
            Err(error) => last = error,
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_free_address_is_below_the_kernels_own_range() {
        assert!(PORTS.contains(&free_address().unwrap().port()));
    }
}
