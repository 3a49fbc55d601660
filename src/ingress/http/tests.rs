//! The door over real sockets: timeouts, limits, framing, problems, and the way it stops.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::Request;
use axum::routing::{get, post};
use http::{StatusCode, header};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::domain::clock::Clock;
use crate::domain::time::{Monotonic, Timestamp};

use super::accept::{Limits, serve};
use super::body::{BODY_BYTES_MAX, ScannedBody, read_within};
use super::{Received, imports, with_fallbacks};

/// A real monotonic clock; the rest does not matter here.
struct TestClock(Instant);

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(0)
    }

    fn monotonic(&self) -> Monotonic {
        Monotonic::from_micros(self.0.elapsed().as_micros() as u64)
    }

    fn uuid(&self) -> Uuid {
        Uuid::from_u128(7)
    }
}

const HEADER: Duration = Duration::from_millis(300);
const BODY: Duration = Duration::from_millis(300);
const IDLE: Duration = Duration::from_secs(3);

/// How much later than expected a busy machine may be: less than what tells the limits apart.
const LATE_MAX: Duration = Duration::from_millis(1_500);
const EARLY_MAX: Duration = Duration::from_millis(50);

struct Door {
    address: std::net::SocketAddr,
    stop: CancellationToken,
    served: JoinHandle<()>,
}

impl Door {
    async fn open() -> Self {
        Self::open_for(100).await
    }

    #[expect(clippy::disallowed_methods, reason = "a test of timeouts needs a real clock")]
    async fn open_for(connections_max: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let limits = Limits {
            header_timeout: HEADER,
            body_timeout: BODY,
            idle_timeout: IDLE,
            connections_max,
        };
        let stop = CancellationToken::new();
        let clock = Arc::new(TestClock(Instant::now()));
        let served = tokio::spawn(serve(listener, routes(), limits, clock, stop.clone()));
        Self { address, stop, served }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends these bytes on a connection of their own, and reads until it is closed.
    async fn exchange(&self, sent: &[u8]) -> String {
        let mut stream = self.connect().await;
        stream.write_all(sent).await.unwrap();
        read_to_end(&mut stream).await
    }
}

fn routes() -> Router {
    let router = Router::new()
        .route("/hello", get(async || "hello"))
        .route("/echo", post(async |ScannedBody(body): ScannedBody| body))
        .route(
            imports::PATH,
            post(async |request: Request| read_within(request.into_body(), BODY_BYTES_MAX).await),
        )
        .route("/panic", get(async || -> &'static str { panic!("with a value {}", 4111) }))
        .route("/slow", get(slow))
        .route("/down", get(async || StatusCode::SERVICE_UNAVAILABLE))
        .route(
            "/down-for-long",
            get(async || (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "60")])),
        )
        .route(
            "/received",
            get(async |request: Request| {
                let received = request.extensions().get::<Received>().is_some();
                received.to_string()
            }),
        );
    with_fallbacks(router)
}

async fn slow() -> &'static str {
    tokio::time::sleep(Duration::from_millis(400)).await;
    "slow"
}

async fn read_to_end(stream: &mut TcpStream) -> String {
    let mut received = Vec::new();
    let reading = stream.read_to_end(&mut received);
    let ended = tokio::time::timeout(Duration::from_secs(8), reading).await;
    assert!(ended.is_ok(), "the connection is never closed");
    String::from_utf8(received).unwrap()
}

/// Checks that the connection is closed, and when.
async fn closed_after(stream: &mut TcpStream, expected: Duration) -> String {
    let started = tokio::time::Instant::now();
    let received = read_to_end(stream).await;
    let took = started.elapsed();
    let in_time = took + EARLY_MAX >= expected && took < expected + LATE_MAX;
    assert!(in_time, "closed after {took:?}, expected {expected:?}");
    received
}

fn problem(response: &str) -> (u16, Value) {
    let (head, body) = response.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    assert!(head.contains("application/problem+json"), "{head}");
    (status, serde_json::from_str(body).unwrap())
}

fn post_json(body: &str, more: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "POST /echo HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\nconnection: close\r\n{more}\r\n{body}"
    )
    .into_bytes()
}

#[tokio::test]
async fn silent_and_half_sent_headers_are_closed_at_the_limit() {
    let door = Door::open().await;
    let mut silent = door.connect().await;
    let mut half = door.connect().await;
    half.write_all(b"GET /hello HTTP/1.1\r\nhost: a\r\nx-").await.unwrap();
    let mut dripping = door.connect().await;
    let drip = async {
        for byte in b"GET /hello HTTP/1.1\r\nhost: a\r\n" {
            if dripping.write_all(&[*byte]).await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
        // What is written after the close fails, so there is no more to read.
        let mut rest = Vec::new();
        let _ = dripping.read_to_end(&mut rest).await;
        assert!(rest.is_empty());
    };
    let (silent, half, ()) =
        tokio::join!(closed_after(&mut silent, HEADER), closed_after(&mut half, HEADER), drip);
    assert_eq!((silent.as_str(), half.as_str()), ("", ""));
}

#[tokio::test]
async fn a_kept_alive_connection_may_rest_longer_but_not_drip() {
    let door = Door::open().await;
    let request = b"GET /hello HTTP/1.1\r\nhost: a\r\n\r\n";
    let mut resting = door.connect().await;
    resting.write_all(request).await.unwrap();
    let mut buffer = [0; 1024];
    assert!(resting.read(&mut buffer).await.unwrap() > 0);
    tokio::time::sleep(HEADER * 2).await;
    resting.write_all(request).await.unwrap();
    assert!(resting.read(&mut buffer).await.unwrap() > 0, "still open after a rest");
    closed_after(&mut resting, IDLE).await;

    let mut dripping = door.connect().await;
    dripping.write_all(request).await.unwrap();
    assert!(dripping.read(&mut buffer).await.unwrap() > 0);
    tokio::time::sleep(HEADER / 2).await;
    dripping.write_all(b"GET /he").await.unwrap();
    closed_after(&mut dripping, HEADER).await;
}

#[tokio::test]
async fn a_slow_body_is_answered_408_at_the_limit() {
    let door = Door::open().await;
    let mut stream = door.connect().await;
    let request = post_json("{\"a\": 1}", "");
    stream.write_all(&request[..request.len() - 3]).await.unwrap();
    let (status, body) = problem(&closed_after(&mut stream, BODY).await);
    assert_eq!((status, body["code"].as_str()), (408, Some("body_timeout")));
}

/// Pieces of a long body, with a pause after each that is not too long in itself.
async fn load_in(pieces: usize, bytes: usize) -> String {
    let door = Door::open().await;
    let mut stream = door.connect().await;
    let head = format!(
        "POST {} HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        imports::PATH,
        pieces * bytes
    );
    let (mut reading, mut writing) = stream.split();
    let writing = async {
        let mut gone = writing.write_all(head.as_bytes()).await.is_err();
        for _ in 0..pieces {
            gone = gone || writing.write_all(&vec![b'x'; bytes]).await.is_err();
            tokio::time::sleep(if gone { Duration::ZERO } else { BODY / 4 }).await;
        }
    };
    let mut received = Vec::new();
    let reading = tokio::time::timeout(Duration::from_secs(8), reading.read_to_end(&mut received));
    let (closed, ()) = tokio::join!(reading, writing);
    assert!(closed.is_ok(), "the connection is never closed");
    String::from_utf8(received).unwrap()
}

#[tokio::test]
async fn a_long_body_may_take_its_time_but_not_drip() {
    let (status, body) = problem(&load_in(12, 1).await);
    assert_eq!((status, body["code"].as_str()), (408, Some("body_timeout")));
    let whole = load_in(12, 4 * 1024).await;
    assert!(whole.starts_with("HTTP/1.1 200"), "{}", whole.lines().next().unwrap_or_default());
}

#[tokio::test]
async fn good_clients_are_served_while_bad_ones_are_waited_for() {
    let door = Door::open_for(200).await;
    let mut bad = Vec::new();
    for _ in 0..100 {
        let mut stream = door.connect().await;
        stream.write_all(b"GET /hello HTTP/1.1\r\nho").await.unwrap();
        bad.push(stream);
    }
    let answer =
        door.exchange(b"GET /hello HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn further_connections_wait_for_a_free_seat() {
    let door = Door::open_for(1).await;
    let silent = door.connect().await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    let started = tokio::time::Instant::now();
    let request = b"GET /hello HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    assert!(door.exchange(request).await.contains("hello"));
    assert!(started.elapsed() > HEADER - Duration::from_millis(100), "waited for the silent one");
    drop(silent);
}

#[tokio::test]
async fn bodies_are_limited_with_and_without_a_length() {
    let door = Door::open().await;
    let code = async |request: &[u8]| {
        let (status, body) = problem(&door.exchange(request).await);
        (status, body["code"].as_str().unwrap().to_owned())
    };
    let exact = format!("{{\"a\":\"{}\"}}", "x".repeat(1000));
    let answer = door.exchange(&post_json(&exact, "")).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with(&exact));

    let large = format!("{{\"a\":[{}1]}}", "1,".repeat(33_000));
    assert_eq!(code(&post_json(&large, "")).await, (413, "body_too_large".to_owned()));
    let unsent = b"POST /echo HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n\
        expect: 100-continue\r\ncontent-length: 70000\r\n\r\n";
    let answer = door.exchange(unsent).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "without 100: {answer}");

    let chunk = format!("{:x}\r\n{}\r\n", large.len(), large);
    let chunked = format!(
        "POST /echo HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n\
         transfer-encoding: chunked\r\n\r\n{chunk}0\r\n\r\n"
    );
    assert_eq!(code(chunked.as_bytes()).await, (413, "body_too_large".to_owned()));
}

#[tokio::test]
async fn types_and_encodings_are_checked_before_the_body() {
    let door = Door::open().await;
    let code = async |headers: &str, body: &str| {
        let length = body.len();
        let request = format!(
            "POST /echo HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{headers}\
             content-length: {length}\r\n\r\n{body}"
        );
        let (status, body) = problem(&door.exchange(request.as_bytes()).await);
        (status, body["code"].as_str().unwrap().to_owned())
    };
    let media = (415, "unsupported_media_type".to_owned());
    assert_eq!(code("", "{}").await, media);
    assert_eq!(code("content-type: text/plain\r\n", "{}").await, media);
    assert_eq!(code("content-type: application/json; charset=utf-16\r\n", "{}").await, media);
    let json = "content-type: application/json\r\n";
    let gzip = code(&format!("{json}content-encoding: gzip\r\n"), "{}").await;
    assert_eq!(gzip, (415, "unsupported_encoding".to_owned()));
    assert_eq!(code(json, "").await, (400, "empty_body".to_owned()));
    assert_eq!(code(json, "[5]").await, (400, "not_an_object".to_owned()));
}

#[tokio::test]
async fn broken_requests_get_400_and_the_connection_is_closed() {
    let door = Door::open().await;
    for (request, status) in [
        ("GET /hello HTTP/1.1\r\n\r\n", 400),
        ("GET /hello HTTP/1.1\r\nhost: a\r\nhost: a\r\n\r\n", 400),
        ("POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 12, 13\r\n\r\n", 400),
        ("POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: +12\r\n\r\n", 400),
        ("POST /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: xchunked\r\n\r\n", 400),
        ("GET /hello HTTP/1.1\r\nhost : a\r\n\r\n", 400),
        ("nonsense\r\n\r\n", 400),
    ] {
        let request = request.replacen("\r\n\r\n", "\r\nconnection: close\r\n\r\n", 1);
        let answer = door.exchange(request.as_bytes()).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{request} -> {answer}");
    }
    let many: String = (0..120).map(|n| format!("x-{n}: a\r\n")).collect();
    let many = door.exchange(format!("GET / HTTP/1.1\r\nhost: a\r\n{many}\r\n").as_bytes()).await;
    assert!(many.starts_with("HTTP/1.1 431"), "{many}");
    let long = format!("GET /{} HTTP/1.1\r\nhost: a\r\n\r\n", "x".repeat(70 * 1024));
    let long = door.exchange(long.as_bytes()).await;
    assert!(long.starts_with("HTTP/1.1 414"), "{long}");
}

/// Behind one that is answered, too, and in pieces.
#[tokio::test]
async fn a_request_that_says_its_length_in_two_ways_is_refused_and_nothing_is_read_behind_it() {
    let door = Door::open().await;
    let behind = "GET /hello HTTP/1.1\r\nhost: a\r\n\r\n";
    for (lengths, body) in [
        ("content-length: 8\r\ntransfer-encoding: chunked", "8\r\n{\"a\": 1}\r\n0\r\n\r\n"),
        ("transfer-encoding: chunked\r\ncontent-length: 8", "8\r\n{\"a\": 1}\r\n0\r\n\r\n"),
        ("content-length: 8\r\nContent-Length: 8", "{\"a\": 1}"),
    ] {
        let request = format!(
            "POST /echo HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n{lengths}\r\n\r\n\
             {body}{behind}"
        );
        let whole = door.exchange(request.as_bytes()).await;
        let mut stream = door.connect().await;
        stream.write_all(behind.as_bytes()).await.unwrap();
        let mut first = [0; 1024];
        let read = stream.read(&mut first).await.unwrap();
        assert!(first[..read].starts_with(b"HTTP/1.1 200"), "{lengths}");
        // As if the network had cut it in the midst of the second length.
        let (one, other) = request.split_at(request.rfind("ength:").unwrap());
        stream.write_all(one.as_bytes()).await.unwrap();
        tokio::time::sleep(HEADER / 10).await;
        stream.write_all(other.as_bytes()).await.unwrap();
        for answer in [whole, read_to_end(&mut stream).await] {
            let (status, body) = problem(&answer);
            assert_eq!((status, &body["code"]), (400, &"malformed_request".into()), "{answer}");
            assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
            assert!(answer.contains("connection: close"), "{answer}");
        }
    }
}

#[tokio::test]
async fn lengths_and_chunks_of_one_request_after_the_other_are_served() {
    let door = Door::open().await;
    let post = |length: &str, body: &str| {
        format!(
            "POST /echo HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n{length}\r\n\r\n{body}"
        )
    };
    let length = post("content-length: 8", "{\"a\": 1}");
    let chunks = post("transfer-encoding: chunked", "8\r\n{\"a\": 1}\r\n0\r\n\r\n");
    let last = "GET /hello HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    let all = format!("{length}{chunks}{length}{length}{chunks}{last}");
    let answers = door.exchange(all.as_bytes()).await;
    assert_eq!(answers.matches("HTTP/1.1 200").count(), 6, "{answers}");
}

#[tokio::test]
async fn unknown_paths_and_methods_are_problems_with_the_request_s_id() {
    let door = Door::open().await;
    let ask = async |line: &str| {
        let request = format!(
            "{line} HTTP/1.1\r\nhost: a\r\nx-request-id: abc-1\r\nconnection: close\r\n\r\n"
        );
        door.exchange(request.as_bytes()).await
    };
    let answer = ask("GET /nowhere").await;
    let (status, body) = problem(&answer);
    assert_eq!(
        (status, &body["code"], &body["request_id"]),
        (404, &"not_found".into(), &"abc-1".into())
    );
    for header in
        ["x-request-id: abc-1", "cache-control: no-store", "x-content-type-options: nosniff"]
    {
        assert!(answer.contains(header), "{answer}");
    }
    for method in ["DELETE", "TRACE", "OPTIONS", "PATCH"] {
        let answer = ask(&format!("{method} /hello")).await;
        let (status, body) = problem(&answer);
        assert_eq!((status, &body["code"]), (405, &"method_not_allowed".into()));
        assert!(answer.contains("allow: GET,HEAD"), "{answer}");
    }
    assert!(ask("HEAD /hello").await.starts_with("HTTP/1.1 200"));
    assert!(ask("GET /received").await.ends_with("true"));
    let generated = door
        .exchange(
            b"GET /nowhere HTTP/1.1\r\nhost: a\r\nx-request-id: <b>\r\nconnection: close\r\n\r\n",
        )
        .await;
    assert_eq!(
        problem(&generated).1["request_id"],
        "00000007-1".replace("-1", &suffix(&generated))
    );
}

#[tokio::test]
async fn whoever_is_told_503_is_told_when_to_ask_again() {
    let door = Door::open().await;
    for (path, seconds) in [("down", 1), ("down-for-long", 60)] {
        let request = format!("GET /{path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
        let answer = door.exchange(request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
        assert!(answer.contains(&format!("retry-after: {seconds}\r\n")), "{answer}");
    }
    let request = b"GET /hello HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    assert!(!door.exchange(request).await.contains("retry-after"));
}

fn suffix(response: &str) -> String {
    let (_, rest) = response.split_once("x-request-id: 00000007").unwrap();
    rest.split("\r\n").next().unwrap().to_owned()
}

#[tokio::test]
async fn a_panic_is_one_500_and_the_process_lives() {
    let door = Door::open().await;
    let request = b"GET /panic HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    let answer = door.exchange(request).await;
    let (status, body) = problem(&answer);
    assert_eq!((status, &body["code"]), (500, &"internal".into()));
    assert!(!answer.contains("4111"));
    let again = door.exchange(b"GET /hello HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
    assert!(again.ends_with("hello"));
}

#[tokio::test]
async fn a_stop_finishes_what_is_under_way_and_nothing_else() {
    let door = Door::open().await;
    let request = b"GET /hello HTTP/1.1\r\nhost: a\r\n\r\n";
    let mut buffer = [0; 1024];
    let mut idle = door.connect().await;
    idle.write_all(request).await.unwrap();
    assert!(idle.read(&mut buffer).await.unwrap() > 0);
    let mut silent = door.connect().await;
    let mut busy = door.connect().await;
    busy.write_all(b"GET /slow HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    door.stop.cancel();
    let ended = tokio::join!(
        closed_after(&mut idle, Duration::ZERO),
        closed_after(&mut silent, Duration::ZERO),
        closed_after(&mut busy, Duration::ZERO),
    );
    assert!(ended.2.ends_with("slow"), "{}", ended.2);
    door.served.await.unwrap();
    assert!(TcpStream::connect(door.address).await.is_err(), "the listener is gone");
}
