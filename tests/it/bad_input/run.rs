//! Runs the table: every row is answered as it says, quickly, and writes nothing.

use std::net::SocketAddr;
use std::time::Duration;

use http::{Method, header};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::rows::{Row, Sent};
use super::world::World;
use super::{api_keys, bodies, imports, jit, kyc, raw, rest, webhooks};
use crate::support::Client;

/// How many rows there are at least.
const ROWS_MIN: usize = 150;

/// How long a refusal may take in a debug build on a shared machine. Whether it is less than 10 ms is
/// measured where nothing else runs: `cargo bench --bench refusals`.
const REFUSAL_MAX: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_row_is_answered_as_it_says_and_writes_nothing() {
    run(World::embedded().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn every_row_is_answered_alike_on_servers() {
    run(World::servers().await).await;
}

fn table(world: &World) -> Vec<Row> {
    let names = &world.names;
    let rows = [
        bodies::rows(names),
        webhooks::rows(),
        rest::rows(names),
        imports::rows(names),
        kyc::rows(names),
        api_keys::rows(names),
        raw::rows(names),
        jit::rows(names),
    ];
    rows.into_iter().flatten().collect()
}

async fn run(world: World) {
    let rows = table(&world);
    assert!(rows.len() >= ROWS_MIN, "{} rows", rows.len());
    let (stored, refused): (Vec<&Row>, Vec<&Row>) = rows.iter().partition(|row| row.stored);
    let (before, cached) = (world.counts().await, world.cached().await);
    let mut wrong = Vec::new();
    let mut took = Vec::new();
    for row in refused {
        took.push(check(&world, row, &mut wrong).await);
    }
    let after = world.counts().await;
    if before != after {
        wrong.push(format!("something was written: {:?}", changes(&before, &after)));
    }
    // What is there may be read, and then it is cached. What is made up is not.
    let names = &world.names;
    let known = [&names.card, &names.terminated, &names.user];
    for key in world.cached().await.difference(&cached) {
        if !known.iter().any(|name| key.contains(name.as_str())) {
            wrong.push(format!("cached: {key}"));
        }
    }
    for row in stored {
        check(&world, row, &mut wrong).await;
    }
    for (table, rows) in changes(&after, &world.counts().await) {
        // Declines, loads of nothing and what tells of them, but no money and nobody's things.
        const NOT: [&str; 7] =
            ["holds", "postings", "chains", "counters", "users", "cards", "limits"];
        if NOT.iter().any(|name| table.ends_with(name)) {
            wrong.push(format!("{rows} rows of {table} were written"));
        }
    }
    took.sort();
    let at = |share: usize| took.get(took.len() * share / 100).copied().unwrap_or_default();
    eprintln!(
        "{} rows, {} of them refused: median {:?}, p99 {:?}, slowest {:?}",
        rows.len(),
        took.len(),
        at(50),
        at(99),
        took.last()
    );
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
    assert!(took.last().is_some_and(|slowest| *slowest < REFUSAL_MAX), "{took:?}");
    assert_eq!(world.held().await, 0);
    world.stop().await;
}

fn changes(before: &super::world::Counts, after: &super::world::Counts) -> Vec<(String, i64)> {
    let change = |(name, rows): (&String, &i64)| {
        let more = rows - before.get(name).copied().unwrap_or(0);
        (more != 0).then(|| (name.clone(), more))
    };
    after.iter().filter_map(change).collect()
}

async fn check(world: &World, row: &Row, wrong: &mut Vec<String>) -> Duration {
    let mut client = world.app.client();
    let started = tokio::time::Instant::now();
    let (status, code, body) = send(&mut client, world.app.addr, &row.sent).await;
    let took = started.elapsed();
    let code_fits = row.code.is_empty() || code == row.code;
    if status != row.status || !code_fits {
        let Row { name, status: wanted, code: wanted_code, .. } = row;
        wrong.push(format!("{name}: {status} {code}, expected {wanted} {wanted_code}"));
    }
    if body.contains("4111111111111111") || body.contains("5555-5555") {
        wrong.push(format!("{}: the answer repeats a card number", row.name));
    }
    took
}

async fn send(client: &mut Client, addr: SocketAddr, sent: &Sent) -> (u16, String, String) {
    let answer = match sent {
        Sent::Jit(body) => client.jit(body.clone()).await,
        Sent::Webhook(body) => client.notify(body.clone()).await,
        Sent::Request { method, path, headers, body } => {
            let mut request = http::Request::builder().method(method.clone()).uri(path.as_str());
            let given = |name: &str| headers.iter().any(|(given, _)| *given == name);
            let usual = [
                ("host", "tollgate.test".to_owned()),
                ("authorization", client.bearer().to_owned()),
                ("content-type", "application/json".to_owned()),
            ];
            let usual = usual.into_iter().filter(|(name, _)| !given(name));
            let headers = headers.iter().cloned().chain(usual);
            for (name, value) in headers.filter(|(_, value)| !value.is_empty()) {
                request = request.header(name, value);
            }
            client.send(request, body.clone()).await.expect("an answer")
        }
        Sent::Raw(bytes) => return exchange(addr, bytes).await,
    };
    let (status, code) = answer.says();
    let body = String::from_utf8_lossy(&answer.body).into_owned();
    let code = if code.is_empty() { reported(&body) } else { code };
    (status, code, body)
}

/// What the answer to a load says of the first faulty line, or else of the whole.
fn reported(body: &str) -> String {
    let first: Value =
        body.lines().next().and_then(|line| serde_json::from_str(line).ok()).unwrap_or_default();
    let said = [&first["fault"]["code"], &first["summary"]["code"]];
    said.into_iter().find_map(Value::as_str).unwrap_or_default().to_owned()
}

/// Sends these bytes, and reads until the connection is closed.
pub async fn exchange(addr: SocketAddr, bytes: &[u8]) -> (u16, String, String) {
    let mut stream = TcpStream::connect(addr).await.expect("a connection");
    let (mut reading, mut writing) = stream.split();
    let mut received = Vec::new();
    let reading = async {
        let reading = reading.read_to_end(&mut received);
        let closed = tokio::time::timeout(Duration::from_secs(20), reading).await;
        assert!(
            closed.is_ok(),
            "never closed: {}",
            String::from_utf8_lossy(&bytes[..bytes.len().min(80)])
        );
    };
    // What is refused early may not be read to its end.
    let writing = async {
        let _ = writing.write_all(bytes).await;
    };
    tokio::join!(reading, writing);
    let answer = String::from_utf8_lossy(&received).into_owned();
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    (status, body["code"].as_str().unwrap_or_default().to_owned(), answer)
}

/// What all answers carry, and this one does not.
pub fn missing_headers(answer: &str) -> Vec<&'static str> {
    const HOUSE: [&str; 5] = [
        "x-request-id: ",
        "cache-control: no-store",
        "x-content-type-options: nosniff",
        "content-security-policy: default-src 'none'; frame-ancestors 'none'",
        "referrer-policy: no-referrer",
    ];
    let head = head(answer);
    HOUSE.into_iter().filter(|needed| !head.contains(needed)).collect()
}

fn head(answer: &str) -> String {
    answer.split("\r\n\r\n").next().unwrap_or_default().to_lowercase()
}

#[tokio::test]
async fn every_answer_carries_the_headers_of_the_house_and_no_name_of_ours() {
    let world = World::embedded().await;
    let bearer = &world.names.bearer;
    let requests = [
        "GET /live HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n".to_owned(),
        "GET /nowhere HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n".to_owned(),
        format!(
            "GET /api/v1/profile HTTP/1.1\r\nhost: a\r\nauthorization: {bearer}\r\nconnection: close\r\n\r\n"
        ),
        "nonsense\r\n\r\n".to_owned(),
        format!("GET /{} HTTP/1.1\r\nhost: a\r\n\r\n", "x".repeat(70_000)),
    ];
    for request in requests {
        let (_, _, answer) = exchange(world.app.addr, request.as_bytes()).await;
        assert_eq!(missing_headers(&answer), [""; 0], "{answer}");
        let head = head(&answer);
        for name in ["server:", "x-powered-by", "tollgate", "hyper", "axum"] {
            assert!(!head.contains(name), "{name} in {head}");
        }
    }
    world.stop().await;
}

#[tokio::test]
async fn head_is_get_without_its_body_and_options_names_the_methods() {
    let world = World::embedded().await;
    let ask = async |method: Method, path: &str| {
        let line = format!(
            "{method} {path} HTTP/1.1\r\nhost: a\r\n{}: {}\r\nconnection: close\r\n\r\n",
            header::AUTHORIZATION,
            world.names.bearer
        );
        exchange(world.app.addr, line.as_bytes()).await
    };
    for path in ["/live", "/console", "/console/main.js", "/api/v1/profile"] {
        let (status, _, answer) = ask(Method::HEAD, path).await;
        assert_eq!(status, 200, "{path}");
        assert!(answer.ends_with("\r\n\r\n"), "{path}: {answer}");
        let (status, code, answer) = ask(Method::OPTIONS, path).await;
        assert_eq!((status, code.as_str()), (405, "method_not_allowed"), "{path}");
        assert!(answer.contains("allow: GET,HEAD"), "{path}: {answer}");
    }
    world.stop().await;
}
