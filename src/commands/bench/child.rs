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

/// How long a server may take to become ready.
const READY_WITHIN: Duration = Duration::from_secs(30);

/// Ports to try. Below the range that the kernel hands out: a connection to a port of that range
/// where nobody listens yet may end up connected to itself.
const PORTS: std::ops::Range<u16> = 20_000..30_000;

/// Ticks of `/proc/*/stat` per second: a constant of the Linux interface.
const TICKS_PER_SECOND: u64 = 100;

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum ChildError {
    /// The program can not be run.
    #[error("the server can not be run: {0}")]
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

/// What a server has used so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// CPU time in user and kernel mode, in microseconds.
    pub cpu_us: u64,
    /// Resident memory now, in KiB.
    pub rss_kib: u64,
    /// Resident memory at its highest, in KiB.
    pub rss_peak_kib: u64,
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
        let child = command
            .env_remove("TOLLGATE_ENV")
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()?;
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

    /// What it has used so far; zeros where the system does not tell (it is not Linux).
    pub fn used(&self) -> Used {
        let read = |name: &str| {
            fs::read_to_string(format!("/proc/{}/{name}", self.child.id())).unwrap_or_default()
        };
        let status = read("status");
        Used {
            cpu_us: cpu_us(&read("stat")).unwrap_or(0),
            rss_kib: kib(&status, "VmRSS:").unwrap_or(0),
            rss_peak_kib: kib(&status, "VmHWM:").unwrap_or(0),
        }
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

/// Fields 14 and 15; the second field may hold spaces, but ends with the last parenthesis.
fn cpu_us(stat: &str) -> Option<u64> {
    let (_, after_name) = stat.rsplit_once(") ")?;
    let mut fields = after_name.split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some((user + system) * 1_000_000 / TICKS_PER_SECOND)
}

fn kib(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn use_is_read_from_what_the_kernel_writes() {
        let stat = "42 (a (b) c) S 1 2 3 4 5 6 7 8 9 10 250 50 0 0 20 0 4 0 100 0 0";
        assert_eq!(cpu_us(stat), Some(3_000_000));
        let status = "Name:\tx\nVmHWM:\t  2048 kB\nVmRSS:\t  1024 kB\n";
        assert_eq!((kib(status, "VmRSS:"), kib(status, "VmHWM:")), (Some(1024), Some(2048)));
        assert_eq!((cpu_us("odd"), kib("odd", "VmRSS:")), (None, None));
    }

    #[test]
    fn a_free_address_is_below_the_kernels_own_range() {
        assert!(PORTS.contains(&free_address().unwrap().port()));
    }
}
