//! One connection of the load generator: makes a request, sends it, and judges the answer.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::Instant;

use super::connection::Connection;
use super::load::Shared;

/// One connection with its buffers; reopened when it breaks.
pub(super) struct Line {
    addr: SocketAddr,
    connection: Option<Connection>,
    request: Vec<u8>,
    token: Vec<u8>,
}

impl Line {
    /// Connects.
    pub(super) async fn open(addr: SocketAddr) -> io::Result<Self> {
        let connection = Some(Connection::open(addr).await?);
        Ok(Self { addr, connection, request: Vec::new(), token: Vec::new() })
    }

    /// Asks once, and records what came of it.
    pub(super) async fn ask(&mut self, shared: &Shared, due: Instant, sent: Instant) {
        self.prepare(shared);
        let answer = self.exchange(shared.load.tokens_come_back).await;
        let latency = due.elapsed();
        let mut phase = shared.phase.borrow_mut();
        match answer {
            Ok(()) => {
                phase.answers += 1;
                phase.latency.saturating_record(micros(latency));
                phase.lateness.saturating_record(micros(sent - due));
            }
            Err(error) => phase.error(|| error.to_string()),
        }
    }

    fn prepare(&mut self, shared: &Shared) {
        self.token.clear();
        self.token.extend_from_slice(shared.tokens.borrow_mut().draw());
        let templates = &shared.load.templates;
        let pick = usize::try_from(shared.next_random()).unwrap_or(0) % templates.len().max(1);
        if let Some(template) = templates.get(pick) {
            template.write(&self.token, &mut self.request);
        }
    }

    async fn exchange(&mut self, tokens_come_back: bool) -> io::Result<()> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => Connection::open(self.addr).await?,
        };
        let response = connection.exchange(&self.request).await?;
        let right =
            response.status == 200 && (!tokens_come_back || contains(response.body, &self.token));
        if !right {
            let body = String::from_utf8_lossy(response.body).into_owned();
            let fault = format!("answered {} {body}", response.status);
            self.connection = Some(connection);
            return Err(io::Error::other(fault));
        }
        self.connection = Some(connection);
        Ok(())
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

fn contains(body: &[u8], part: &[u8]) -> bool {
    body.windows(part.len().max(1)).any(|window| window == part)
}
