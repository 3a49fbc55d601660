//! Rows of the door of notifications. What is no envelope, or an ambiguous one, is refused; elements are
//! kept one by one, bad ones parked, and that is tested beside the door.

use bytes::Bytes;
use serde_json::json;

use super::rows::{Row, Sent};

pub fn rows() -> Vec<Row> {
    let many = json!({"transactions": vec![json!({}); 1_001]}).to_string();
    let large = format!(r#"{{"transactions":["{}"]}}"#, "x".repeat(257 * 1024));
    let twice = r#"{"transactions":[{"token":"a"}],"transactions":[{"token":"b"}]}"#;
    let escaped = r#"{"transactions":[{"token":"a"}],"transaction\u0073":[{"token":"b"}]}"#;
    let long = format!(r#"{{"{}":[]}}"#, "x".repeat(1_025));
    let planted = r#"{"4111111111111111":[],"4111111111111111":["4111111111111111"]}"#;
    let families: Vec<String> = (0..65).map(|n| format!("\"f{n}\":null")).collect();
    let table: Vec<(&str, Bytes, u16, &'static str)> = vec![
        ("empty", Bytes::new(), 400, "empty_body"),
        ("white space", " \r\n".into(), 400, "empty_body"),
        ("null", "null".into(), 400, "not_an_object"),
        ("a list", "[5]".into(), 400, "not_an_object"),
        ("a number", "5".into(), 400, "not_an_object"),
        ("cut off", r#"{"transactions":[{}"#.into(), 400, "malformed_json"),
        ("text behind", "{} x".into(), 400, "malformed_json"),
        ("single quotes", "{'a':1}".into(), 400, "malformed_json"),
        ("byte order mark", "\u{feff}{}".into(), 400, "malformed_json"),
        ("not UTF-8", Bytes::from_static(b"{\"a\":[\"\xff\"]}"), 400, "invalid_utf8"),
        ("60,000 levels", format!("{{\"a\":{}", "[".repeat(60_000)).into(), 400, "malformed_json"),
        ("a family twice", twice.into(), 400, "duplicate_key"),
        ("a family twice by escape", escaped.into(), 400, "duplicate_key"),
        ("NUL in a family", r#"{"transactions\u0000":[]}"#.into(), 400, "invalid_characters"),
        ("half a surrogate in a family", r#"{"a\ud800":[]}"#.into(), 400, "invalid_unicode"),
        ("a family of 1,025 bytes", long.into(), 400, "string_too_long"),
        ("a card number, family twice", planted.into(), 400, "duplicate_key"),
        ("65 families", format!("{{{}}}", families.join(",")).into(), 400, "too_many_fields"),
        ("1,001 elements", many.into(), 413, "too_many_events"),
        ("over 256 KiB", large.into(), 413, "body_too_large"),
    ];
    let row = |(name, body, status, code)| {
        Row::new(format!("webhook: {name}"), Sent::Webhook(body), status, code)
    };
    table.into_iter().map(row).collect()
}
