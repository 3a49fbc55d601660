//! `tollgate health`: for container probes, which have no HTTP client.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

use crate::config::Settings;

use super::Failure;

const PATIENCE: Duration = Duration::from_secs(2);

/// What to ask, and where.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Address of the service; by default the setting http.listen.
    #[arg(long)]
    address: Option<SocketAddr>,
    /// What to ask.
    #[arg(long, default_value = "/health", value_parser = ["/health", "/ready", "/live"])]
    path: String,
}

pub(super) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let address = match args.address {
        Some(address) => address,
        None => reachable(Settings::load()?.http.listen),
    };
    let answer = ask(address, &args.path)
        .map_err(|error| format!("the service at {address} does not answer: {error}"))?;
    if is_good(&answer) {
        return Ok(ExitCode::SUCCESS);
    }
    let line = answer.lines().next().unwrap_or_default();
    Err(format!("the service at {address} answered {line:?}").into())
}

/// A service that listens everywhere is asked on this machine.
pub(super) fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

fn ask(address: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(64 * 1024).read_to_string(&mut answer)?;
    Ok(answer)
}

fn is_good(answer: &str) -> bool {
    answer.starts_with("HTTP/1.1 200 ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_that_listens_everywhere_is_asked_here() {
        let here = |text: &str| reachable(text.parse().unwrap()).to_string();
        assert_eq!(here("0.0.0.0:3000"), "127.0.0.1:3000");
        assert_eq!(here("[::]:3000"), "[::1]:3000");
        assert_eq!(here("10.1.2.3:80"), "10.1.2.3:80");
    }

    #[test]
    fn only_200_is_good() {
        assert!(is_good("HTTP/1.1 200 OK\r\n"));
        assert!(!is_good("HTTP/1.1 503 Service Unavailable\r\n"));
        assert!(!is_good(""));
    }
}
