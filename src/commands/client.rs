//! A plain HTTP client over one kept-alive connection: commands meet the service as a stranger does.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{Method, Request, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// No connection.
    #[error("no connection to {0}: {1}")]
    Connect(SocketAddr, #[source] std::io::Error),
    /// The connection broke, or the peer does not speak HTTP.
    #[error("the request failed: {0}")]
    Exchange(#[from] hyper::Error),
    /// The request can not be written.
    #[error("not a request: {0}")]
    Request(#[from] http::Error),
}

/// What is asked. Header values are sent as they are.
#[derive(Clone, Debug)]
pub struct Ask {
    /// The method.
    pub method: Method,
    /// Path and query.
    pub path: String,
    /// Name and value.
    pub headers: Vec<(String, String)>,
    /// The body; empty for none.
    pub body: Bytes,
}

impl Ask {
    /// Reads something.
    pub fn get(path: impl Into<String>) -> Self {
        Self { method: Method::GET, path: path.into(), headers: Vec::new(), body: Bytes::new() }
    }

    /// Sends a JSON body.
    pub fn post(path: impl Into<String>, body: impl Into<Bytes>) -> Self {
        let headers = vec![(header::CONTENT_TYPE.to_string(), "application/json".to_owned())];
        Self { method: Method::POST, path: path.into(), headers, body: body.into() }
    }

    /// The same with one more header.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// The same with a bearer key.
    #[must_use]
    pub fn bearer(self, key: &str) -> Self {
        self.with(header::AUTHORIZATION.as_str(), format!("Bearer {key}"))
    }
}

/// What was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The whole body.
    pub body: Bytes,
}

impl Answer {
    /// The body as JSON; null where it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }
}

/// A connection that is opened when it is needed, and again when the peer has closed it.
#[derive(Debug)]
pub struct Client {
    addr: SocketAddr,
    connection: Option<SendRequest<Full<Bytes>>>,
}

impl Client {
    /// A client of the service at `addr`; connects with the first request.
    pub const fn new(addr: SocketAddr) -> Self {
        Self { addr, connection: None }
    }

    /// Sends, and reads the whole answer.
    pub async fn send(&mut self, ask: &Ask) -> Result<Answer, ClientError> {
        let mut request = Request::builder()
            .method(ask.method.clone())
            .uri(&ask.path)
            .header(header::HOST, self.addr.to_string());
        for (name, value) in &ask.headers {
            request = request.header(name, value);
        }
        let request = request.body(Full::new(ask.body.clone()))?;
        let response = self.connected().await?.send_request(request).await?;
        let status = response.status().as_u16();
        let body = response.into_body().collect().await?.to_bytes();
        Ok(Answer { status, body })
    }

    async fn connected(&mut self) -> Result<&mut SendRequest<Full<Bytes>>, ClientError> {
        let usable = match &mut self.connection {
            Some(connection) => connection.ready().await.is_ok(),
            None => false,
        };
        let connection = match self.connection.take() {
            Some(connection) if usable => connection,
            _ => connect(self.addr).await?,
        };
        Ok(self.connection.insert(connection))
    }
}

async fn connect(addr: SocketAddr) -> Result<SendRequest<Full<Bytes>>, ClientError> {
    let stream =
        TcpStream::connect(addr).await.map_err(|cause| ClientError::Connect(addr, cause))?;
    stream.set_nodelay(true).map_err(|cause| ClientError::Connect(addr, cause))?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection); // ends with the sender, or when the peer closes
    Ok(sender)
}
