//! Requests with another one in what may or may not be their body, on connections that stay open and on
//! those that do not: the outer one is refused, and the inner one is never taken for a request.

use std::net::SocketAddr;

use super::run::exchange;
use crate::support::{Client, TestApp};

/// What the inner request would leave behind.
const TRACE: &str = "Smuggled";

/// Behind each of them follows an honest one, which may be answered or be closed out.
const HONEST: &str = "GET /live HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";

/// Sends each of them to the address; what went wrong.
pub async fn run(addr: SocketAddr, client: &mut Client) -> Vec<String> {
    let bearer = client.bearer().to_owned();
    let mut wrong = Vec::new();
    for connection in ["keep-alive", "close"] {
        for (name, request, codes) in table(&bearer, connection) {
            let (status, _, answers) =
                exchange(addr, &[request.as_bytes(), HONEST.as_bytes()].concat()).await;
            // A refusal, and nothing else but what the honest one is told.
            let told: Vec<&str> = answers.split("HTTP/1.1 ").skip(1).collect();
            let refused = |first: &str| {
                let named = |code: &&str| first.contains(&format!("\"code\":\"{code}\""));
                (400..500).contains(&status) && codes.iter().any(named)
            };
            let right = match told[..] {
                [first] => refused(first),
                [first, second] => refused(first) && second.starts_with("200 "),
                _ => false,
            };
            if !right || left_a_trace(client).await {
                wrong.push(format!("{name}, {connection}: {answers}"));
            }
        }
    }
    wrong
}

/// What the finder of traces is worth: the same inner request is one where its place is beyond doubt.
pub async fn is_taken_where_it_is_one(addr: SocketAddr, client: &mut Client) {
    let bearer = client.bearer().to_owned();
    let open = post(&bearer, "keep-alive", "content-length: 2", "{}") + &inner(&bearer) + HONEST;
    let (status, _, answers) = exchange(addr, open.as_bytes()).await;
    assert_eq!((status, answers.matches("HTTP/1.1 ").count()), (400, 3), "{answers}");
    assert!(left_a_trace(client).await);
}

async fn left_a_trace(client: &mut Client) -> bool {
    let companies = client.get("/api/v1/companies").await;
    assert_eq!(companies.status, 200, "{companies:?}");
    companies.json().to_string().contains(TRACE)
}

fn inner(bearer: &str) -> String {
    let body = format!("{{\"name\":\"{TRACE}\",\"currency\":\"EUR\"}}");
    post(bearer, "keep-alive", &format!("content-length: {}", body.len()), &body)
}

fn post(bearer: &str, connection: &str, headers: &str, body: &str) -> String {
    format!(
        "POST /api/v1/companies HTTP/1.1\r\nhost: a\r\nauthorization: {bearer}\r\n\
         content-type: application/json\r\nconnection: {connection}\r\n{headers}\r\n\r\n{body}"
    )
}

/// Its name, the request, and the codes that it may be refused with.
type Outer = (&'static str, String, &'static [&'static str]);

fn table(bearer: &str, connection: &str) -> Vec<Outer> {
    let mut table = in_doubt(bearer, connection);
    let inner = inner(bearer);
    let length = inner.len();
    let inside = format!("{length:x}\r\n{inner}\r\n0\r\n\r\n");
    let chunks = post(bearer, connection, "transfer-encoding: chunked", &inside);
    table.push(("chunks", chunks, &["malformed_json"]));
    // Bodies that nobody reads.
    let unread = post(bearer, connection, &format!("content-length: {length}"), &inner);
    let nowhere = unread.replacen("/companies", "/nothing", 1);
    table.push(("no such route", nowhere, &["not_found"]));
    // A proxy has another code for it.
    let host = unread.replacen("host: a", "host: a b", 1);
    table.push(("a host in doubt", host, &["invalid_host", "malformed_request"]));
    table.push(("a wrong key", unread.replacen(bearer, "Bearer nobody", 1), &["unauthorized"]));
    table
}

/// Each is good, read in one way or in the other: it is refused for nothing but where it ends.
fn in_doubt(bearer: &str, connection: &str) -> Vec<Outer> {
    let inner = inner(bearer);
    let good = r#"{"name":"Outer","currency":"EUR"}"#;
    let length = inner.len();
    let behind = format!("{:x}\r\n{good}\r\n0\r\n\r\n{inner}", good.len());
    let all = behind.len();
    let lengths = format!("{good}{inner}");
    let short = good.len();
    let rows = [
        ("length first", format!("content-length: {all}\r\ntransfer-encoding: chunked"), &behind),
        ("chunks first", "transfer-encoding: chunked\r\ncontent-length: 3".to_owned(), &behind),
        (
            "a tab before chunked",
            "transfer-encoding:\tchunked\r\ncontent-length: 3".to_owned(),
            &behind,
        ),
        ("xchunked", format!("transfer-encoding: xchunked\r\ncontent-length: {all}"), &behind),
        (
            "chunked twice",
            format!("transfer-encoding: chunked\r\ntransfer-encoding: x\r\ncontent-length: {all}"),
            &behind,
        ),
        (
            "chunked twice alike",
            "transfer-encoding: chunked\r\ntransfer-encoding: chunked".to_owned(),
            &behind,
        ),
        (
            "a space before the colon",
            format!("transfer-encoding : chunked\r\ncontent-length: {all}"),
            &behind,
        ),
        ("two lengths", format!("content-length: 0\r\ncontent-length: {length}"), &inner),
        (
            "one length twice",
            format!("content-length: {short}\r\ncontent-length: {short}"),
            &lengths,
        ),
        (
            "a bare line feed",
            format!("x: y\ncontent-length: {short}\r\ncontent-length: {length}"),
            &lengths,
        ),
    ];
    let row = |(name, headers, body): (_, String, &String)| -> Outer {
        (name, post(bearer, connection, &headers, body), &["malformed_request"])
    };
    rows.into_iter().map(row).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_in_a_body_is_taken_for_a_request() {
    let app = TestApp::start().await;
    let mut client = app.client();
    let wrong = run(app.addr, &mut client).await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    is_taken_where_it_is_one(app.addr, &mut client).await;
    app.stop_and_verify().await;
}
