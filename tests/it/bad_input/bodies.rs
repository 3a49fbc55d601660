//! Rows that hold at every door that reads JSON: encodings, grammar, size, depth, media types.

use bytes::Bytes;
use http::Method;

use super::rows::{Row, Sent, rest_with};
use super::world::Names;
use crate::support::marqeta;

/// A body that a door refuses, whatever it is for.
type Body = (&'static str, Bytes, u16, &'static str);

/// Bodies made from a good one, whose city is GHENT and has no effect.
fn bodies(good: &str) -> Vec<Body> {
    let with = |text: &str| Bytes::from(good.replace("GHENT", text));
    let bytes = |text: &[u8]| {
        let at = good.find("GHENT").expect("a city");
        Bytes::from([&good.as_bytes()[..at], text, &good.as_bytes()[at..]].concat())
    };
    let first = |more: &str| Bytes::from(good.replacen('{', &format!("{{{more},"), 1));
    let keys: Vec<String> = (0..5_000).map(|n| format!("\"{n:x}\":1")).collect();
    let utf16: Vec<u8> = good.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let latin = good.find("GHENT").expect("a city");
    let mut overlong = good.as_bytes().to_vec();
    overlong.splice(latin..latin, [0xc0, 0xaf]);
    vec![
        ("empty", Bytes::new(), 400, "empty_body"),
        ("white space", " \r\n\t ".into(), 400, "empty_body"),
        ("null", "null".into(), 400, "not_an_object"),
        ("true", "true".into(), 400, "not_an_object"),
        ("number", "5".into(), 400, "not_an_object"),
        ("string", "\"x\"".into(), 400, "not_an_object"),
        ("list for a struct", "[5]".into(), 400, "not_an_object"),
        ("empty list", "[]".into(), 400, "not_an_object"),
        ("cut off", good[..good.len() - 5].to_owned().into(), 400, "malformed_json"),
        ("only a brace", "{".into(), 400, "malformed_json"),
        ("text behind", format!("{good} x").into(), 400, "malformed_json"),
        ("two objects", format!("{good}{good}").into(), 400, "malformed_json"),
        (
            "comma at the end",
            format!("{},}}", &good[..good.len() - 1]).into(),
            400,
            "malformed_json",
        ),
        ("comment", format!("/* x */{good}").into(), 400, "malformed_json"),
        ("comment inside", first("// x\n\"q\":1"), 400, "malformed_json"),
        ("single quotes", good.replace('"', "'").into(), 400, "malformed_json"),
        ("bare key", first("q:1"), 400, "malformed_json"),
        ("NaN", first("\"q\":NaN"), 400, "malformed_json"),
        ("Infinity", first("\"q\":-Infinity"), 400, "malformed_json"),
        ("hexadecimal", first("\"q\":0x10"), 400, "malformed_json"),
        ("leading zero", first("\"q\":01"), 400, "malformed_json"),
        ("XML", "<?xml version=\"1.0\"?><a/>".into(), 400, "malformed_json"),
        ("byte order mark", format!("\u{feff}{good}").into(), 400, "malformed_json"),
        ("UTF-16", utf16.into(), 400, "malformed_json"),
        ("Latin-1 byte", bytes(b"\xff"), 400, "invalid_utf8"),
        ("overlong UTF-8", overlong.into(), 400, "invalid_utf8"),
        ("encoded surrogate", bytes(b"\xed\xa0\x80"), 400, "invalid_utf8"),
        ("lone surrogate", with("\\ud800"), 400, "invalid_unicode"),
        ("reversed surrogates", with("\\udc00\\ud800"), 400, "invalid_unicode"),
        ("NUL by escape", with("G\\u0000"), 400, "invalid_characters"),
        ("raw NUL", bytes(b"\0"), 400, "malformed_json"),
        ("raw line break", with("G\n"), 400, "malformed_json"),
        ("unknown escape", with("\\x41"), 400, "malformed_json"),
        ("key twice", first("\"q\":1,\"q\":2"), 400, "duplicate_key"),
        ("key twice by escape", first("\"q\":1,\"\\u0071\":2"), 400, "duplicate_key"),
        ("key twice, deep", first("\"q\":{\"r\":[{\"s\":1,\"s\":1}]}"), 400, "duplicate_key"),
        ("key twice, empty", first("\"\":1,\"\":2"), 400, "duplicate_key"),
        (
            "17 levels",
            first(&format!("\"q\":{}{}", "[".repeat(16), "]".repeat(16))),
            400,
            "too_deep",
        ),
        (
            "128 levels",
            first(&format!("\"q\":{}{}", "[".repeat(128), "]".repeat(128))),
            400,
            "too_deep",
        ),
        ("30,000 levels", first(&format!("\"q\":{}", "{\"a\":".repeat(10_000))), 400, "too_deep"),
        ("60,000 brackets", first(&format!("\"q\":{}", "[".repeat(60_000))), 400, "too_deep"),
        ("60,000 digits", first(&format!("\"q\":{}", "9".repeat(60_000))), 400, "invalid_amount"),
        ("5,000 keys", format!("{{{}}}", keys.join(",")).into(), 400, "too_many_fields"),
        ("long string", with(&"G".repeat(1_025)), 400, "string_too_long"),
        ("long key", first(&format!("\"{}\":1", "k".repeat(1_025))), 400, "string_too_long"),
        ("over 64 KiB", with(&"G".repeat(66_000)), 413, "body_too_large"),
        (
            "1,000,000 digits",
            first(&format!("\"q\":{}", "9".repeat(1_000_000))),
            413,
            "body_too_large",
        ),
    ]
}

/// Headers that a door refuses before it reads the body.
const MEDIA: [(&str, &[(&str, &str)], &str); 9] = [
    ("no type", &[("content-type", "")], "unsupported_media_type"),
    ("plain text", &[("content-type", "text/plain")], "unsupported_media_type"),
    ("a form", &[("content-type", "application/x-www-form-urlencoded")], "unsupported_media_type"),
    ("UTF-16", &[("content-type", "application/json; charset=utf-16")], "unsupported_media_type"),
    ("a parameter", &[("content-type", "application/json; x=1")], "unsupported_media_type"),
    ("a relative", &[("content-type", "application/merge-patch+json")], "unsupported_media_type"),
    ("gzip", &[("content-encoding", "gzip")], "unsupported_encoding"),
    ("deflate", &[("content-encoding", "deflate, identity")], "unsupported_encoding"),
    ("brotli", &[("content-encoding", "br")], "unsupported_encoding"),
];

/// Where no body is taken, and of nothing that is there.
const WITHOUT: [(Method, &str); 6] = [
    (Method::POST, "personal/users/usr_0190123456787abc8def0123456789ab/erase"),
    (Method::POST, "api-keys/key_0190123456787abc8def0123456789ab/revoke"),
    (Method::POST, "transactions/txn_0190123456787abc8def0123456789ab/retry"),
    (Method::POST, "webhook-events/evt_0190123456787abc8def0123456789ab/retry"),
    (Method::DELETE, "spending-limits/lim_0190123456787abc8def0123456789ab"),
    (Method::DELETE, "spending-controls/ctl_0190123456787abc8def0123456789ab"),
];

fn none_is_taken() -> Vec<Row> {
    let bodies: [Body; 9] = [
        ("nothing", Bytes::new(), 404, "not_found"),
        ("an empty object", "{}".into(), 404, "not_found"),
        ("a field", r#"{"x":1}"#.into(), 400, "unknown_field"),
        ("a card number", r#"{"x":"4111 1111 1111 1111"}"#.into(), 400, "card_number_found"),
        ("two objects", "{}{}".into(), 400, "malformed_json"),
        ("a list", "[]".into(), 400, "not_an_object"),
        ("white space", " ".into(), 400, "empty_body"),
        ("no UTF-8", b"{\"x\":\"\xff\"}".to_vec().into(), 400, "invalid_utf8"),
        ("over 64 KiB", vec![b' '; 66_000].into(), 413, "body_too_large"),
    ];
    let mut rows = Vec::new();
    for (method, path) in WITHOUT {
        let path = format!("/api/v1/{path}");
        let text = [("content-type", "text/plain")];
        let sent = rest_with(method.clone(), path.clone(), &text, "{}");
        rows.push(Row::new(format!("{path}: media"), sent, 415, "unsupported_media_type"));
        for (name, body, status, code) in bodies.clone() {
            let sent = rest_with(method.clone(), path.clone(), &[], body);
            rows.push(Row::new(format!("{path}: {name}"), sent, status, code));
        }
    }
    rows
}

pub fn rows(names: &Names) -> Vec<Row> {
    let purchase = marqeta::purchase("never", &names.card, "1.00");
    let mut rows = none_is_taken();
    for (name, body, status, code) in bodies(&purchase) {
        rows.push(Row::new(format!("jit: {name}"), Sent::Jit(body), status, code));
    }
    let own = format!(
        r#"{{"token":"never","card":"{}","amount":1,"currency":"USD","merchant":{{"name":"GHENT"}}}}"#,
        names.card
    );
    for (name, body, status, code) in bodies(&own) {
        let sent = rest_with(Method::POST, "/api/v1/authorizations", &[], body);
        rows.push(Row::new(format!("rest: {name}"), sent, status, code));
    }
    let paths = [
        ("jit", "/api/v1/marqeta/jit", names.basic.as_str()),
        ("webhook", "/api/v1/marqeta/webhooks", names.basic.as_str()),
        ("rest", "/api/v1/companies", names.bearer.as_str()),
    ];
    for (door, path, credentials) in paths {
        for (name, headers, code) in MEDIA {
            let headers: Vec<_> =
                headers.iter().copied().chain([("authorization", credentials)]).collect();
            let sent = rest_with(Method::POST, path, &headers, "{}");
            rows.push(Row::new(format!("{door}: media, {name}"), sent, 415, code));
        }
    }
    rows
}
