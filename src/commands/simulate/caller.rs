//! Calls to the other side over kept-alive connections, each within its time.

use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::super::client::{Answer, Ask, Client};
use super::super::in_one_line;

/// Connections that are kept while they are not used.
const KEPT_MAX: usize = 64;

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum CallError {
    /// Not in time.
    #[error("no answer in time")]
    TimedOut,
    /// No connection, or a broken one.
    #[error("{0}")]
    Failed(String),
}

/// Somebody to call.
#[derive(Debug)]
pub(super) struct Caller {
    addr: SocketAddr,
    at_rest: Mutex<Vec<Client>>,
}

impl Caller {
    /// Connects with the first call.
    pub(super) const fn new(addr: SocketAddr) -> Self {
        Self { addr, at_rest: Mutex::new(Vec::new()) }
    }

    /// One call. A connection whose call was not answered is not used again.
    pub(super) async fn call(&self, ask: &Ask, within: Duration) -> Result<Answer, CallError> {
        let kept = self.kept().pop();
        let mut client = kept.unwrap_or_else(|| Client::new(self.addr));
        match tokio::time::timeout(within, client.send(ask)).await {
            Ok(Ok(answer)) => {
                let mut kept = self.kept();
                if kept.len() < KEPT_MAX {
                    kept.push(client);
                }
                Ok(answer)
            }
            Ok(Err(error)) => Err(CallError::Failed(in_one_line(&error))),
            Err(_elapsed) => Err(CallError::TimedOut),
        }
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Vec<Client>> {
        self.at_rest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
