//! Rows of raw HTTP: framing, hosts, sizes. After each of them the connection is closed.

use super::rows::{Row, Sent};
use super::world::Names;

fn raw(name: &str, bytes: impl Into<Vec<u8>>, status: u16, code: &'static str) -> Row {
    Row::new(format!("raw: {name}"), Sent::Raw(bytes.into()), status, code)
}

pub fn rows(names: &Names) -> Vec<Row> {
    let mut rows = framing(names);
    rows.extend(heads(names));
    rows
}

/// Where a body ends must be beyond doubt.
fn framing(names: &Names) -> Vec<Row> {
    let post = |headers: &str, rest: &str| {
        format!(
            "POST /api/v1/companies HTTP/1.1\r\nhost: a\r\nauthorization: {}\r\n\
             content-type: application/json\r\nconnection: close\r\n{headers}\r\n\r\n{rest}",
            names.bearer
        )
    };
    let good = r#"{"name":"Wren","currency":"EUR"}"#;
    let (length, chunk) = (good.len(), format!("{:x}\r\n{good}\r\n0\r\n\r\n", good.len()));
    let two = |headers: &str| {
        let headers = headers.replace("LENGTH", &length.to_string());
        post(&headers, if headers.contains("chunked") { &chunk } else { good })
    };
    let long = format!("2;{}\r\n{{}}\r\n0\r\n\r\n", "x".repeat(20 * 1024));
    let trailers = format!("2\r\n{{}}\r\n0\r\n{}\r\n", "x: y\r\n".repeat(20_000));
    vec![
        raw(
            "length and chunks",
            two("content-length: LENGTH\r\ntransfer-encoding: chunked"),
            400,
            "malformed_request",
        ),
        raw(
            "chunks and length",
            two("transfer-encoding: chunked\r\ncontent-length: LENGTH"),
            400,
            "malformed_request",
        ),
        raw(
            "a length twice alike",
            two("content-length: LENGTH\r\ncontent-length: LENGTH"),
            400,
            "malformed_request",
        ),
        raw(
            "a list of a length twice alike",
            two("content-length: LENGTH, LENGTH"),
            400,
            "malformed_request",
        ),
        raw(
            "chunked twice",
            two("transfer-encoding: chunked\r\ntransfer-encoding: chunked"),
            400,
            "malformed_request",
        ),
        raw(
            "chunked twice in a list",
            two("transfer-encoding: chunked, chunked"),
            400,
            "malformed_request",
        ),
        raw(
            "chunked and no encoding",
            two("transfer-encoding: chunked\r\ntransfer-encoding: identity"),
            400,
            "malformed_request",
        ),
        raw(
            "two lengths",
            post("content-length: 2\r\ncontent-length: 3", "{}"),
            400,
            "malformed_request",
        ),
        raw("a list of lengths", post("content-length: 2, 3", "{}"), 400, "malformed_request"),
        raw("length +2", post("content-length: +2", "{}"), 400, "malformed_request"),
        raw("length -2", post("content-length: -2", "{}"), 400, "malformed_request"),
        raw("length 0x2", post("content-length: 0x2", "{}"), 400, "malformed_request"),
        raw(
            "length of 20 digits",
            post("content-length: 99999999999999999999", "{}"),
            400,
            "malformed_request",
        ),
        raw("empty length", post("content-length:", "{}"), 400, "malformed_request"),
        raw("xchunked", post("transfer-encoding: xchunked", "{}"), 400, "malformed_request"),
        raw(
            "chunked, identity",
            post("transfer-encoding: chunked, identity", "0\r\n\r\n"),
            400,
            "malformed_request",
        ),
        raw(
            "a bad chunk size",
            post("transfer-encoding: chunked", "zz\r\n{}\r\n0\r\n\r\n"),
            400,
            "malformed_body",
        ),
        raw(
            "a chunk size of 17 digits",
            post("transfer-encoding: chunked", "11111111111111111\r\n{}"),
            400,
            "malformed_body",
        ),
        raw(
            "a chunk without its end",
            post("transfer-encoding: chunked", "2\r\n{}x\r\n0\r\n\r\n"),
            400,
            "malformed_body",
        ),
        raw(
            "20 KiB of chunk extension",
            post("transfer-encoding: chunked", &long),
            400,
            "malformed_body",
        ),
        raw(
            "120 KiB of trailers",
            post("transfer-encoding: chunked", &trailers),
            400,
            "malformed_body",
        ),
        raw(
            "a body over the limit, in chunks",
            post(
                "transfer-encoding: chunked",
                &format!("11000\r\n{}\r\n0\r\n\r\n", " ".repeat(0x11000)),
            ),
            413,
            "body_too_large",
        ),
        raw(
            "a length over the limit, expecting 100",
            post("expect: 100-continue\r\ncontent-length: 70000", ""),
            413,
            "body_too_large",
        ),
        raw(
            "HTTP/1.0 in chunks",
            "POST /api/v1/companies HTTP/1.0\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
            400,
            "malformed_request",
        ),
    ]
}

fn heads(names: &Names) -> Vec<Row> {
    let get = |headers: &str| format!("GET /live HTTP/1.1\r\n{headers}connection: close\r\n\r\n");
    let line = |line: &str| format!("{line}\r\nhost: a\r\nconnection: close\r\n\r\n");
    let many: String = (0..120).map(|n| format!("x-{n}: a\r\n")).collect();
    let twice = format!(
        "GET /api/v1/profile HTTP/1.1\r\nhost: a\r\nauthorization: {0}\r\nauthorization: {0}\r\n\
         connection: close\r\n\r\n",
        names.bearer
    );
    vec![
        raw("no host", get(""), 400, "invalid_host"),
        raw("two hosts", get("host: a\r\nhost: a\r\n"), 400, "invalid_host"),
        raw("two other hosts", get("host: a\r\nhost: b\r\n"), 400, "invalid_host"),
        raw("a host with a space", get("host: a b\r\n"), 400, "invalid_host"),
        raw("a host with a path", get("host: a/b\r\n"), 400, "invalid_host"),
        raw("a host with a user", get("host: user@a\r\n"), 400, "invalid_host"),
        raw("two hosts in one", get("host: a,b\r\n"), 400, "invalid_host"),
        raw("a host outside of ASCII", get("host: \u{e4}\r\n"), 400, "invalid_host"),
        raw("a space before the colon", get("host : a\r\n"), 400, "malformed_request"),
        raw("a folded header", get("host: a\r\nx: 1\r\n 2\r\n"), 400, "malformed_request"),
        raw("a NUL in a header", get("host: a\r\nx: a\0b\r\n"), 400, "malformed_request"),
        raw("a line break in a header", get("host: a\r\nx: a\rb\r\n"), 400, "malformed_request"),
        raw("a header without a colon", get("host: a\r\nnonsense\r\n"), 400, "malformed_request"),
        raw("a header without a name", get("host: a\r\n: x\r\n"), 400, "malformed_request"),
        raw("nonsense", "nonsense\r\n\r\n", 400, "malformed_request"),
        raw("HTTP/0.9", "GET /live\r\n\r\n", 400, "malformed_request"),
        raw("HTTP/1.2", line("GET /live HTTP/1.2"), 400, "malformed_request"),
        raw("HTTP/9.9", line("GET /live HTTP/9.9"), 400, "malformed_request"),
        raw("a method with a slash", line("GE/T /live HTTP/1.1"), 400, "malformed_request"),
        raw("a target with a space", line("GET /li ve HTTP/1.1"), 400, "malformed_request"),
        raw("a target without a slash", line("GET live HTTP/1.1"), 404, "not_found"),
        raw(
            "TLS",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n".to_vec(),
            400,
            "malformed_request",
        ),
        raw(
            "CONNECT",
            "CONNECT a:443 HTTP/1.1\r\nhost: a:443\r\nconnection: close\r\n\r\n",
            404,
            "not_found",
        ),
        raw("OPTIONS *", line("OPTIONS * HTTP/1.1"), 404, "not_found"),
        raw(
            "a foreign target",
            line("GET http://evil.example/api/v1/nothing HTTP/1.1"),
            404,
            "not_found",
        ),
        raw(
            "an upgrade to HTTP/2",
            "GET /api/v1/nothing HTTP/1.1\r\nhost: a\r\nconnection: upgrade, http2-settings, close\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n",
            404,
            "not_found",
        ),
        raw("120 headers", get(&format!("host: a\r\n{many}")), 431, "headers_too_large"),
        raw(
            "a header of 100 KiB",
            get(&format!("host: a\r\nx: {}\r\n", "a".repeat(100 * 1024))),
            431,
            "headers_too_large",
        ),
        raw(
            "a header of 500 KiB",
            get(&format!("host: a\r\nx: {}\r\n", "a".repeat(500 * 1024))),
            431,
            "headers_too_large",
        ),
        raw(
            "a target of 70 KiB",
            line(&format!("GET /{} HTTP/1.1", "x".repeat(70 * 1024))),
            414,
            "target_too_long",
        ),
        raw("two keys", twice, 401, "unauthorized"),
    ]
}
