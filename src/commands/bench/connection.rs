//! One kept-alive HTTP/1.1 connection with as little work as possible: the load generator shares
//! its machine with what it measures. It reads only what the service writes (no chunked bodies).

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Answers above this are not ours.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// A connection and its buffer.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// What was answered.
#[derive(Debug, PartialEq, Eq)]
pub struct Response<'a> {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: &'a [u8],
    /// Whether the peer will close the connection.
    pub last: bool,
}

impl Connection {
    /// Connects.
    pub async fn open(addr: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(addr).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(4096) })
    }

    /// Whether the peer has closed it, or said something that nobody has asked for.
    pub fn is_stale(&self) -> bool {
        let read = self.stream.try_read(&mut [0; 1]);
        !matches!(read, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }

    /// Sends a whole request and reads its whole answer.
    pub async fn exchange(&mut self, request: &[u8]) -> io::Result<Response<'_>> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let (head, total) = loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if let Some(head) = head_length(&self.buffer) {
                let body = content_length(self.buffer.get(..head).unwrap_or_default())
                    .ok_or_else(|| invalid("an answer without a content length"))?;
                break (head, head + body);
            }
            if self.buffer.len() > ANSWER_BYTES_MAX {
                return Err(invalid("an answer without an end"));
            }
        };
        if total > ANSWER_BYTES_MAX {
            return Err(invalid("an answer that is too long"));
        }
        while self.buffer.len() < total {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        let status =
            status(&self.buffer).ok_or_else(|| invalid("an answer without a status line"))?;
        let last = field(self.buffer.get(..head).unwrap_or_default(), b"connection:")
            .is_some_and(|value| value.eq_ignore_ascii_case("close"));
        Ok(Response { status, body: self.buffer.get(head..total).unwrap_or_default(), last })
    }
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// Up to and with the empty line.
fn head_length(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4)
}

/// `HTTP/1.1 200 …`
fn status(bytes: &[u8]) -> Option<u16> {
    let digits = bytes.strip_prefix(b"HTTP/1.1 ")?.get(..3)?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn content_length(head: &[u8]) -> Option<usize> {
    field(head, b"content-length:")?.parse().ok()
}

/// The value of a header field; `name` is in lower case and ends with its colon.
fn field<'a>(head: &'a [u8], name: &[u8]) -> Option<&'a str> {
    let line = head.split(|byte| *byte == b'\n').find(|line| {
        line.get(..name.len()).is_some_and(|found| found.eq_ignore_ascii_case(name))
    })?;
    Some(std::str::from_utf8(line.get(name.len()..)?).ok()?.trim())
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    async fn answered(parts: &[&'static [u8]]) -> io::Result<(u16, Vec<u8>)> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let parts = parts.to_vec();
        tokio::spawn(async move {
            let (mut peer, _) = listener.accept().await.unwrap();
            let mut request = [0; 3];
            peer.read_exact(&mut request).await.unwrap();
            for part in parts {
                peer.write_all(part).await.unwrap();
                peer.flush().await.unwrap();
                tokio::task::yield_now().await;
            }
        });
        let mut connection = Connection::open(addr).await?;
        let response = connection.exchange(b"ask").await?;
        Ok((response.status, response.body.to_vec()))
    }

    #[tokio::test]
    async fn answers_are_read_whole_however_they_arrive() {
        let whole: &[u8] = b"HTTP/1.1 402 Payment Required\r\nContent-Length: 4\r\n\r\nbody";
        assert_eq!(answered(&[whole]).await.unwrap(), (402, b"body".to_vec()));
        let parts: [&[u8]; 3] =
            [b"HTTP/1.1 200 OK\r\ncontent-", b"length: 4\r\n\r\nbo", b"dy and more"];
        assert_eq!(answered(&parts).await.unwrap(), (200, b"body".to_vec()));
    }

    #[tokio::test]
    async fn a_connection_that_the_peer_has_closed_or_will_close_is_known() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut connection = Connection::open(listener.local_addr().unwrap()).await.unwrap();
        assert!(!connection.is_stale());
        let (mut peer, _) = listener.accept().await.unwrap();
        let answer = b"HTTP/1.1 200 OK\r\nConnection: close\r\ncontent-length: 0\r\n\r\n";
        peer.write_all(answer).await.unwrap();
        assert!(connection.exchange(b"ask").await.unwrap().last);
        drop(peer);
        // The end arrives by way of the reactor.
        while !connection.is_stale() {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn answers_that_end_early_or_have_no_length_are_errors() {
        assert!(answered(&[b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nbo"]).await.is_err());
        assert!(answered(&[b"HTTP/1.1 200 OK\r\n\r\n"]).await.is_err());
        assert!(answered(&[b"what?\r\ncontent-length: 0\r\n\r\n"]).await.is_err());
    }
}
