//! How long a refusal takes, from the first byte that is sent to the last of the answer: the worst bodies of
//! each kind, as large as their door takes them, over HTTP at a service of its own. Prints the median, the
//! 99th percentile and the slowest of each. Fails where an answer is another one than it should be, or where
//! the 99th percentile is not below 10 ms.

#![expect(clippy::print_stdout, reason = "what was measured is its result")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::time::Instant;

use tollgate::app;
use tollgate::config::Settings;

/// How often each body is sent.
const SAMPLES: usize = 1_000;

/// What the 99th percentile has to be below.
const REFUSAL_MAX: Duration = Duration::from_millis(10);

/// The largest bodies: of a purchase or a change, and of a notification.
const BYTES_MAX: usize = 64 * 1024;
const NOTIFICATION_BYTES_MAX: usize = 256 * 1024;

const KEY: &str = "bench-admin-key-0001";
const USERNAME: &str = "platform";
const PASSWORD: &str = "Bench-password-0001!";

fn main() -> ExitCode {
    let folder = tempfile::tempdir().expect("a folder");
    let mut settings =
        Settings::embedded(folder.path().to_owned(), SocketAddr::from(([127, 0, 0, 1], 0)));
    settings.admin.key = Some(KEY.into());
    settings.jit.username = Some(USERNAME.into());
    settings.jit.password = Some(PASSWORD.into());
    settings.http.drain_ms = 0;
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let running = runtime.block_on(app::start(settings)).expect("the service starts");
    println!("{SAMPLES} refusals each{:>44}{:>10}{:>10}", "median", "p99", "slowest");
    let slow = rows().iter().filter(|row| !measure(running.addr, row)).count();
    runtime.block_on(running.shutdown());
    println!("{slow} of them with a 99th percentile of {REFUSAL_MAX:?} or more");
    if slow == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A body, and how it is refused.
struct Row {
    door: Door,
    name: &'static str,
    body: Vec<u8>,
    status: u16,
    code: &'static str,
}

#[derive(Clone, Copy, Debug)]
enum Door {
    Rest,
    Jit,
    Webhooks,
}

/// Prints a line; whether it is fast enough.
fn measure(addr: SocketAddr, row: &Row) -> bool {
    let request = [head(row).into_bytes(), row.body.clone()].concat();
    let mut line = Line::open(addr);
    let mut took = Vec::with_capacity(SAMPLES);
    for _ in 0..SAMPLES {
        let started = Instant::now();
        line.send(&request);
        let answer = line.answer();
        took.push(started.elapsed());
        let right = answer.starts_with(&format!("HTTP/1.1 {} ", row.status))
            && answer.contains(&format!("\"code\":\"{}\"", row.code));
        assert!(right, "{:?}, {}: {answer}", row.door, row.name);
        if answer.to_ascii_lowercase().contains("\r\nconnection: close") {
            line = Line::open(addr);
        }
    }
    took.sort_unstable();
    let (median, p99) = (took[SAMPLES / 2], took[SAMPLES * 99 / 100]);
    let name = format!("{:?}: {}, {} KiB", row.door, row.name, row.body.len() / 1024);
    println!("{name:<50}{median:>12.1?}{p99:>10.1?}{:>10.1?}", took[SAMPLES - 1]);
    p99 < REFUSAL_MAX
}

fn head(row: &Row) -> String {
    let basic = format!("Basic {}", STANDARD.encode(format!("{USERNAME}:{PASSWORD}")));
    let (path, credentials) = match row.door {
        Door::Rest => ("/api/v1/companies", format!("Bearer {KEY}")),
        Door::Jit => ("/api/v1/marqeta/jit", basic),
        Door::Webhooks => ("/api/v1/marqeta/webhooks", basic),
    };
    format!(
        "POST {path} HTTP/1.1\r\nhost: bench\r\nauthorization: {credentials}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n",
        row.body.len()
    )
}

/// A connection.
struct Line(BufReader<TcpStream>);

impl Line {
    fn open(addr: SocketAddr) -> Self {
        let stream = TcpStream::connect(addr).expect("a connection");
        stream.set_nodelay(true).expect("a connection");
        Self(BufReader::new(stream))
    }

    /// What is refused by its length alone may not be read to its end.
    fn send(&mut self, request: &[u8]) {
        let _ = self.0.get_mut().write_all(request);
    }

    fn answer(&mut self) -> String {
        let (mut answer, mut length) = (String::new(), 0);
        loop {
            let from = answer.len();
            self.0.read_line(&mut answer).expect("a header");
            let line = answer[from..].trim_end().to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.parse().expect("a number");
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).expect("a body");
        answer + &String::from_utf8_lossy(&body)
    }
}

/// The worst that each check can meet: what is wrong comes last.
fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for door in [Door::Rest, Door::Jit] {
        for (name, body, status, code) in bodies() {
            rows.push(Row { door, name, body, status, code });
        }
    }
    let refused = |name, body, status, code| Row { door: Door::Rest, name, body, status, code };
    let almost = format!("\"{}\",", "4111111111111112 ".repeat(60));
    let card = full("{\"name\":[", &almost, b"\"4111 1111 1111 1111\"]}", BYTES_MAX);
    rows.push(refused("a card number behind others that are none", card, 400, "card_number_found"));
    let unknown = full("{\"nmae\":[", &text(), b"null]}", BYTES_MAX);
    rows.push(refused("a field that is not known", unknown, 400, "unknown_field"));

    let refused = |name, body, status, code| Row { door: Door::Webhooks, name, body, status, code };
    let notices = |last: &[u8]| full("{\"transactions\":[", &text(), last, NOTIFICATION_BYTES_MAX);
    rows.push(refused("cut off", notices(b"null"), 400, "malformed_json"));
    rows.push(refused("no UTF-8 at the end", notices(b"\"\xff\"]}"), 400, "invalid_utf8"));
    let many = full("{\"transactions\":[", "{\"token\":\"t\"},", b"{}]}", NOTIFICATION_BYTES_MAX);
    rows.push(refused("too many elements", many, 413, "too_many_events"));
    let large = vec![b' '; NOTIFICATION_BYTES_MAX + 1];
    rows.push(refused("too large", large, 413, "body_too_large"));
    rows
}

fn bodies() -> Vec<(&'static str, Vec<u8>, u16, &'static str)> {
    let texts = |last: &[u8]| full("{\"notes\":[", &text(), last, BYTES_MAX);
    let escapes = format!("\"{}\",", "\\u00e9".repeat(160));
    let numbers = format!("{},", "9".repeat(64));
    let deep = format!("{}{},", "[".repeat(14), "]".repeat(14));
    vec![
        ("cut off", texts(b"null"), 400, "malformed_json"),
        ("no UTF-8 at the end", texts(b"\"\xff\"]}"), 400, "invalid_utf8"),
        ("a NUL at the end", texts(b"\"\\u0000\"]}"), 400, "invalid_characters"),
        (
            "half a pair behind escapes",
            full("{\"notes\":[", &escapes, b"\"\\ud800\"]}", BYTES_MAX),
            400,
            "invalid_unicode",
        ),
        ("a key twice, of 2,000", keys(1_999, 27), 400, "duplicate_key"),
        ("too many keys", keys(2_000, 27), 400, "too_many_fields"),
        (
            "a long number behind long numbers",
            full("{\"notes\":[", &numbers, format!("{}]}}", "9".repeat(65)).as_bytes(), BYTES_MAX),
            400,
            "invalid_amount",
        ),
        (
            "one level too many behind deep ones",
            full("{\"notes\":[", &deep, &[b'['; 15], BYTES_MAX),
            400,
            "too_deep",
        ),
        ("too large", vec![b' '; BYTES_MAX + 1], 413, "body_too_large"),
    ]
}

/// A text of almost the largest size.
fn text() -> String {
    format!("\"{}\",", "Fern Street Grocer, 17 rue de la Fougère; ".repeat(23))
}

/// A body of (almost) this size: the beginning, a part as often as it fits, the end.
fn full(beginning: &str, part: &str, end: &[u8], bytes: usize) -> Vec<u8> {
    let times = (bytes - beginning.len() - end.len()) / part.len();
    [beginning.as_bytes(), part.repeat(times).as_bytes(), end].concat()
}

/// So many different keys of this length, and the first of them once more.
fn keys(number: usize, length: usize) -> Vec<u8> {
    let each = (0..number).chain([0]).map(|key| format!("\"{key:0length$}\":1"));
    format!("{{{}}}", each.collect::<Vec<_>>().join(",")).into_bytes()
}
