//! An administrator's calls over one raw connection: 100,000 accounts are 400,000 of them.

use std::net::SocketAddr;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::connection::Connection;
use super::setup::SetupError;

/// A service that can not take a write now is asked again so often, after so long.
const TRIES: u32 = 100;
const TRY_AGAIN_AFTER: Duration = Duration::from_millis(100);

/// Whose administrator we are.
#[derive(Clone, Debug)]
pub struct Admin {
    /// The instances.
    pub addrs: Vec<SocketAddr>,
    /// The `host` header.
    pub host: String,
    /// The bearer key.
    pub key: String,
}

/// One connection of an administrator.
pub(super) struct Rest<'a> {
    admin: &'a Admin,
    addr: SocketAddr,
    connection: Connection,
}

/// What is read of a creation's answer.
#[derive(Deserialize)]
pub(super) struct Created {
    /// Its id.
    pub(super) id: String,
}

impl<'a> Rest<'a> {
    /// Connects; neighbours are spread over the instances.
    pub(super) async fn open(admin: &'a Admin, worker: u32) -> Result<Self, SetupError> {
        let index = usize::try_from(worker).unwrap_or(0) % admin.addrs.len().max(1);
        let addr = admin.addrs[index];
        Ok(Self { admin, addr, connection: Connection::open(addr).await? })
    }

    /// Creates something.
    pub(super) async fn create(&mut self, path: &str, body: &Value) -> Result<Created, SetupError> {
        let answer = self.created(path, "", &body.to_string()).await?;
        serde_json::from_slice(&answer).map_err(|error| SetupError::Io(error.into()))
    }

    /// The answer to a creation that succeeds; `header` is whole lines.
    pub(super) async fn created(
        &mut self,
        path: &str,
        header: &str,
        body: &str,
    ) -> Result<Vec<u8>, SetupError> {
        let mut tries = 1;
        loop {
            match self.ask("POST", path, header, body).await? {
                (201, answer) => return Ok(answer),
                (503, _) if tries < TRIES => tokio::time::sleep(TRY_AGAIN_AFTER).await,
                (status, answer) => {
                    let body = String::from_utf8_lossy(&answer).into_owned();
                    return Err(SetupError::Refused { path: path.to_owned(), status, body });
                }
            }
            tries += 1;
        }
    }

    /// Status and body.
    pub(super) async fn ask(
        &mut self,
        method: &str,
        path: &str,
        header: &str,
        body: &str,
    ) -> Result<(u16, Vec<u8>), SetupError> {
        let Admin { host, key, .. } = self.admin;
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {key}\r\n\
             content-type: application/json\r\ncontent-length: {length}\r\n{header}\r\n{body}"
        );
        if self.connection.is_stale() {
            self.connection = Connection::open(self.addr).await?;
        }
        let answer = self.connection.exchange(request.as_bytes()).await?;
        let (status, body, last) = (answer.status, answer.body.to_vec(), answer.last);
        if last {
            self.connection = Connection::open(self.addr).await?;
        }
        Ok((status, body))
    }
}
