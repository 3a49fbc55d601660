//! One connection of the load generator: makes a request, sends it, and has the answer judged.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::answers::{Answered, Failure, FailureKind, judge};
use super::connection::Connection;
use super::load::Shared;
use super::profile::Expected;

/// Whoever has not answered by then does not answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// One connection with its buffers; reopened when it breaks or its peer closes it.
pub(super) struct Line {
    addr: SocketAddr,
    connection: Option<Connection>,
    request: Vec<u8>,
    token: Vec<u8>,
}

impl Line {
    /// Connects.
    pub(super) async fn open(addr: SocketAddr) -> std::io::Result<Self> {
        let connection = Some(Connection::open(addr).await?);
        Ok(Self { addr, connection, request: Vec::new(), token: Vec::new() })
    }

    /// Asks once, and records what came of it.
    pub(super) async fn ask(&mut self, shared: &Shared, due: Instant, sent: Instant) {
        let expected = self.prepare(shared);
        let answer = timeout(ANSWER_WITHIN, self.exchange(shared, expected)).await;
        let answer = answer.unwrap_or_else(|_| Err(not_in_time()));
        let latency = due.elapsed();
        let mut phase = shared.phase.borrow_mut();
        match answer {
            Ok(answered) => {
                phase.answers += 1;
                phase.declined += u64::from(answered == Answered::Declined);
                phase.latency.saturating_record(micros(latency));
                phase.lateness.saturating_record(micros(sent - due));
            }
            Err(failure) => phase.fail(failure),
        }
    }

    fn prepare(&mut self, shared: &Shared) -> Expected {
        self.token.clear();
        self.token.extend_from_slice(shared.tokens.borrow_mut().draw());
        shared.load.requests.write(|| shared.next_random(), &self.token, &mut self.request)
    }

    /// A connection that the peer has closed meanwhile is replaced before anything is sent: that is
    /// its right. One that breaks under a request is a failure.
    async fn exchange(&mut self, shared: &Shared, expected: Expected) -> Result<Answered, Failure> {
        let mut connection = match self.connection.take() {
            Some(connection) if !connection.is_stale() => connection,
            _ => Connection::open(self.addr).await?,
        };
        let response = connection.exchange(&self.request).await?;
        let last = response.last;
        let judged = judge(shared.load.check, expected, &self.token, &response);
        if !last {
            self.connection = Some(connection);
        }
        judged
    }
}

fn not_in_time() -> Failure {
    let text = format!("no answer within {} s", ANSWER_WITHIN.as_secs());
    Failure { kind: FailureKind::Connection, text }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
