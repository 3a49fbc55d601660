//! A keep-alive HTTP client: one connection, opened when needed.

use std::net::SocketAddr;
use std::time::Duration;

use base64::Engine;
use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

/// Why there was no answer.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The media type of live feeds.
pub const EVENTS: &str = "text/event-stream";

/// An answer, read to its end.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub status: StatusCode,
    pub body: Bytes,
}

impl Answer {
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error} in {:?}", String::from_utf8_lossy(&self.body)))
    }

    /// An answer that is no decision: the outage policy's.
    pub fn is_unavailable(&self) -> bool {
        self.status == 402 && self.json()["jit_funding"]["memo"] == "unavailable"
    }

    /// The status beside the decline reason, or the problem's code.
    pub fn says(&self) -> (u16, String) {
        let json: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        let said = [&json["jit_funding"]["decline_reason"], &json["code"]];
        let said = said.into_iter().find_map(Value::as_str).unwrap_or_default();
        (self.status.as_u16(), said.to_owned())
    }
}

pub struct Client {
    addr: SocketAddr,
    admin: String,
    basic: String,
    connection: Option<SendRequest<Full<Bytes>>>,
}

impl Client {
    pub fn new(addr: SocketAddr, admin: &str, username: &str, password: &str) -> Self {
        let pair = format!("{username}:{password}");
        let basic = base64::engine::general_purpose::STANDARD.encode(pair);
        Self {
            addr,
            admin: format!("Bearer {admin}"),
            basic: format!("Basic {basic}"),
            connection: None,
        }
    }

    /// The value of the header that opens the JIT door.
    pub fn basic(&self) -> &str {
        &self.basic
    }

    /// The value of the header that opens the others.
    pub fn bearer(&self) -> &str {
        &self.admin
    }

    /// Another connection to the same service.
    pub fn another(&self) -> Self {
        let (admin, basic) = (self.admin.clone(), self.basic.clone());
        Self { addr: self.addr, admin, basic, connection: None }
    }

    /// Another connection to the same service, through another door.
    pub fn through(&self, addr: SocketAddr) -> Self {
        Self { addr, ..self.another() }
    }

    pub async fn jit(&mut self, body: impl Into<Bytes>) -> Answer {
        self.try_jit(body.into()).await.expect("an answer")
    }

    /// Asks until there is a decision: an answer of the outage policy is none, and the machine of a
    /// test may be slow.
    pub async fn decided(&mut self, body: impl Into<Bytes>) -> Answer {
        let body = body.into();
        for _ in 0..20 {
            let answer = self.jit(body.clone()).await;
            if !answer.is_unavailable() {
                return answer;
            }
        }
        panic!("not decided after 20 requests");
    }

    pub async fn try_jit(&mut self, body: Bytes) -> Result<Answer, Failure> {
        let request = self.request(Method::POST, "/api/v1/marqeta/jit");
        self.send(request.header(header::AUTHORIZATION, self.basic.clone()), body).await
    }

    /// A notification, with the credentials of the JIT door.
    pub async fn notify(&mut self, body: impl Into<Bytes>) -> Answer {
        self.notify_with(&[], body).await
    }

    /// A notification with more headers.
    pub async fn notify_with(
        &mut self,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Answer {
        let request = self.request(Method::POST, "/api/v1/marqeta/webhooks");
        let mut request = request.header(header::AUTHORIZATION, self.basic.clone());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request, body.into()).await.expect("an answer")
    }

    pub async fn post(&mut self, path: &str, body: Value) -> Answer {
        let request = self.admin(Method::POST, path);
        self.send(request, body.to_string().into()).await.expect("an answer")
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        let request = self.admin(Method::GET, path);
        self.send(request, Bytes::new()).await.expect("an answer")
    }

    /// `None`: nobody answers.
    pub async fn try_get(&mut self, path: &str) -> Option<Answer> {
        let request = self.admin(Method::GET, path);
        self.send(request, Bytes::new()).await.ok()
    }

    pub async fn delete(&mut self, path: &str) -> Answer {
        let request = self.admin(Method::DELETE, path);
        self.send(request, Bytes::new()).await.expect("an answer")
    }

    pub async fn patch(&mut self, path: &str, version: i64, body: Value) -> Answer {
        let request =
            self.admin(Method::PATCH, path).header(header::IF_MATCH, format!("\"{version}\""));
        self.send(request, body.to_string().into()).await.expect("an answer")
    }

    pub fn admin(&self, method: Method, path: &str) -> http::request::Builder {
        self.request(method, path).header(header::AUTHORIZATION, self.admin.clone())
    }

    pub fn request(&self, method: Method, path: &str) -> http::request::Builder {
        Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "tollgate.test")
            .header(header::CONTENT_TYPE, "application/json")
    }

    pub async fn send(
        &mut self,
        request: http::request::Builder,
        body: Bytes,
    ) -> Result<Answer, Failure> {
        let request = request.body(Full::new(body))?;
        let sending = async {
            let connection = self.connection().await?;
            let sent = connection.try_send_request(request).await;
            let sent = sent.map_err(|mut error| (error.take_message(), error.into_error()));
            let response = match sent {
                Ok(response) => response,
                // The service had closed a connection that was at rest: nothing was sent.
                Err((Some(unsent), _)) => {
                    self.connection = None;
                    self.connection().await?.send_request(unsent).await?
                }
                Err((None, error)) => return Err(error.into()),
            };
            let status = response.status();
            let kind = response.headers().get(header::CONTENT_TYPE);
            if kind.is_some_and(|kind| kind == EVENTS) {
                // It has no end: what comes first is all of it here.
                self.connection = None;
                let first = response.into_body().frame().await.transpose()?;
                let body = first.and_then(|frame| frame.into_data().ok()).unwrap_or_default();
                return Ok(Answer { status, body });
            }
            let body = response.into_body().collect().await?.to_bytes();
            Ok::<_, Failure>(Answer { status, body })
        };
        let answer = tokio::time::timeout(Duration::from_secs(30), sending).await;
        let answer = answer.unwrap_or_else(|_| Err("no answer within 30 s".into()));
        if answer.is_err() {
            self.connection = None;
        }
        answer
    }

    /// The status and the headers of an answer to a request without a body.
    pub async fn send_for_headers(
        &mut self,
        request: http::request::Builder,
    ) -> (StatusCode, http::HeaderMap) {
        let request = request.body(Full::new(Bytes::new())).expect("a request");
        let connection = self.connection().await.expect("a connection");
        let response = connection.send_request(request).await.expect("an answer");
        let (parts, body) = response.into_parts();
        body.collect().await.expect("a body");
        (parts.status, parts.headers)
    }

    async fn connection(&mut self) -> Result<&mut SendRequest<Full<Bytes>>, Failure> {
        let at_rest = match &mut self.connection {
            Some(connection) => connection.ready().await.is_ok(),
            None => false,
        };
        if !at_rest {
            let stream = TcpStream::connect(self.addr).await?;
            stream.set_nodelay(true)?;
            let (sender, connection) = handshake(TokioIo::new(stream)).await?;
            tokio::spawn(connection);
            self.connection = Some(sender);
        }
        Ok(self.connection.as_mut().expect("open"))
    }
}
