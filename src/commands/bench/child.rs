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
    /// Where it tells of itself, if it was told to.
    pub metrics: SocketAddr,
    /// From its start to its first answer that it is ready.
    pub start_to_ready: Duration,
}

impl Server {
    /// Runs this program with what `prepare` makes of two free addresses, for its door and for its
    /// metrics, and waits until `ready` is answered with 200. What it prints goes to `log`.
    pub async fn start(
        prepare: impl FnOnce(&mut Command, SocketAddr, SocketAddr),
        ready: &Ask,
        log: &Path,
    ) -> Result<Self, ChildError> {
        let [addr, metrics] = free_addresses()?;
        let output = fs::File::create(log)?;
        let started = Instant::now();
        let mut command = Command::new(std::env::current_exe()?);
        prepare(&mut command, addr, metrics);
        let child =
            command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output).spawn()?;
        let log = log.to_path_buf();
        let mut server = Self { child, log, addr, metrics, start_to_ready: Duration::ZERO };
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

/// Two of them, held until both are found so that they differ.
fn free_addresses() -> io::Result<[SocketAddr; 2]> {
    let offset = u16::try_from(std::process::id() % 10_000).unwrap_or(0);
    let (start, end) = (PORTS.start, PORTS.end);
    let ports = (start + offset..end).chain(start..start + offset);
    let mut held = ports.filter_map(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok());
    let (first, second) = (held.next(), held.next());
    match (first, second) {
        (Some(first), Some(second)) => Ok([first.local_addr()?, second.local_addr()?]),
        _ => Err(io::ErrorKind::AddrInUse.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_addresses_differ_and_are_below_the_kernels_own_range() {
        let [first, second] = free_addresses().unwrap();
        assert!(PORTS.contains(&first.port()) && PORTS.contains(&second.port()));
        assert_ne!(first, second);
    }
}
