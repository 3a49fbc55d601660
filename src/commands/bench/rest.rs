//! An administrator's calls over one raw connection: what a bulk load does not take is created one by one,
//! 100,000 companies are as many calls.

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

/// What is read of the last line that a bulk load answers.
#[derive(Deserialize)]
struct Loaded {
    summary: Summary,
}

#[derive(Deserialize)]
struct Summary {
    faulty: u64,
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
        match self.post(path, &format!("content-type: application/json\r\n{header}"), body).await? {
            (201, answer) => Ok(answer),
            (status, answer) => Err(refused(path, status, &answer)),
        }
    }

    /// Loads lines in bulk, all of them.
    pub(super) async fn load(&mut self, lines: &str) -> Result<(), SetupError> {
        const PATH: &str = "/api/v1/imports";
        const KIND: &str = "content-type: application/x-ndjson\r\n";
        let (status, answer) = self.post(PATH, KIND, lines).await?;
        // What is wrong comes before the summary.
        let last = answer.trim_ascii_end().rsplit(|byte| *byte == b'\n').next();
        let loaded = last.and_then(|line| serde_json::from_slice::<Loaded>(line).ok());
        match loaded {
            Some(Loaded { summary }) if status == 200 && summary.faulty == 0 => Ok(()),
            _ => Err(refused(PATH, status, &answer)),
        }
    }

    /// Asks until the service can take a write. What it has taken of a load before, it knows again.
    async fn post(
        &mut self,
        path: &str,
        header: &str,
        body: &str,
    ) -> Result<(u16, Vec<u8>), SetupError> {
        let mut tries = 1;
        loop {
            let (status, answer) = self.ask("POST", path, header, body).await?;
            if status != 503 || tries == TRIES {
                return Ok((status, answer));
            }
            tokio::time::sleep(TRY_AGAIN_AFTER).await;
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
             content-length: {length}\r\n{header}\r\n{body}"
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

fn refused(path: &str, status: u16, answer: &[u8]) -> SetupError {
    let body = String::from_utf8_lossy(answer).into_owned();
    SetupError::Refused { path: path.to_owned(), status, body }
}
