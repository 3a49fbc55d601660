//! One who reads the live feed, and what it is told.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::{TcpSocket, TcpStream};

use crate::support::client::EVENTS;

/// Long enough for a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// One thing that was told.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// Empty: a gap.
    pub id: String,
    pub event: String,
    pub data: Value,
}

pub struct Listener {
    body: Incoming,
    read: String,
    /// Comments so far.
    pub beats: usize,
    /// The latest id, of an event or beside a comment; empty: none so far.
    pub last: String,
}

/// Asks for a feed; `Err` with the status and the body of any other answer.
pub async fn listen(
    addr: SocketAddr,
    key: &str,
    query: &str,
    last: Option<&str>,
) -> Result<Listener, (StatusCode, Value)> {
    listen_on(TcpStream::connect(addr).await.unwrap(), key, query, last).await
}

/// A connection for one who takes little at a time.
pub async fn narrow(addr: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(16 * 1024).unwrap();
    socket.connect(addr).await.unwrap()
}

/// The same over this connection.
pub async fn listen_on(
    stream: TcpStream,
    key: &str,
    query: &str,
    last: Option<&str>,
) -> Result<Listener, (StatusCode, Value)> {
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let mut request = Request::get(format!("/api/v1/events{query}"))
        .header(header::HOST, "tollgate.test")
        .header(header::AUTHORIZATION, format!("Bearer {key}"));
    if let Some(last) = last {
        request = request.header("last-event-id", last);
    }
    let request = request.body(Empty::<Bytes>::new()).unwrap();
    let response = sender.send_request(request).await.unwrap();
    let status = response.status();
    if status != StatusCode::OK {
        let body = response.into_body().collect().await.unwrap().to_bytes();
        return Err((status, serde_json::from_slice(&body).unwrap_or_default()));
    }
    assert_eq!(response.headers()[header::CONTENT_TYPE], EVENTS);
    assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
    let mut listener =
        Listener { body: response.into_body(), read: String::new(), beats: 0, last: String::new() };
    // Once something has come, whatever happens from now on is told.
    listener.piece().await;
    Ok(listener)
}

/// The same where nothing but a feed is expected.
pub async fn open(addr: SocketAddr, key: &str, query: &str, last: Option<&str>) -> Listener {
    listen(addr, key, query, last).await.map_err(|refused| format!("{refused:?}")).unwrap()
}

impl Listener {
    /// The next event or gap; `None`: the feed has ended.
    pub async fn next(&mut self) -> Option<Told> {
        loop {
            if let Some((block, rest)) = self.read.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.read = rest;
                let told = told(&block);
                if !told.id.is_empty() {
                    self.last.clone_from(&told.id);
                }
                if !told.event.is_empty() {
                    return Some(told);
                }
                self.beats += 1;
            } else if !self.piece().await {
                return None;
            }
        }
    }

    /// The next event of this type.
    pub async fn until(&mut self, event: &str) -> Told {
        loop {
            let told = self.next().await.expect("the feed goes on");
            if told.event == event {
                return told;
            }
        }
    }

    /// Whether it ends, whatever it still tells.
    pub async fn ends_within(&mut self, time: Duration) -> bool {
        let ending = async { while self.next().await.is_some() {} };
        tokio::time::timeout(time, ending).await.is_ok()
    }

    /// What is told within this time.
    pub async fn for_a_while(&mut self, time: Duration) -> Vec<Told> {
        let mut all = Vec::new();
        let reading = async {
            while let Some(told) = self.next().await {
                all.push(told);
            }
        };
        let _ = tokio::time::timeout(time, reading).await;
        all
    }

    async fn piece(&mut self) -> bool {
        let frame = tokio::time::timeout(PATIENCE, self.body.frame()).await;
        match frame.expect("something comes") {
            Some(Ok(frame)) => {
                let data = frame.into_data().unwrap_or_default();
                self.read.push_str(std::str::from_utf8(&data).expect("text"));
                true
            }
            Some(Err(_)) | None => false,
        }
    }
}

/// Without an event: a comment.
fn told(block: &str) -> Told {
    let mut told = Told { id: String::new(), event: String::new(), data: Value::Null };
    for line in block.lines().filter(|line| !line.starts_with(':')) {
        let (name, value) = line.split_once(": ").expect("a field");
        match name {
            "id" => value.clone_into(&mut told.id),
            "event" => value.clone_into(&mut told.event),
            "data" => told.data = serde_json::from_str(value).expect("one line of JSON"),
            _ => panic!("{line}"),
        }
    }
    told
}
