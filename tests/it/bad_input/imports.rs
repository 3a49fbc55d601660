//! Rows of bulk loads: a faulty line is told of in the answer, and loads nothing. (That somebody has tried
//! is written to the audit log, which is why these count as stored.)

use http::Method;

use super::rows::{Row, Sent, rest_with};
use super::world::Names;

const PATH: &str = "/api/v1/imports";
const NDJSON: &str = "application/x-ndjson";

pub fn rows(names: &Names) -> Vec<Row> {
    let mut rows: Vec<Row> = [shapes(), users(names), cards(), limits(names)]
        .into_iter()
        .flatten()
        .map(|(name, line, code)| Row {
            stored: true,
            ..Row::new(format!("import: {name}"), load(line), 200, code)
        })
        .collect();
    rows.extend(whole_loads());
    rows
}

type Line = (&'static str, Vec<u8>, &'static str);

fn load(line: Vec<u8>) -> Sent {
    rest_with(Method::POST, PATH, &[("content-type", NDJSON)], line)
}

fn line(name: &'static str, json: impl Into<Vec<u8>>, code: &'static str) -> Line {
    (name, json.into(), code)
}

fn shapes() -> Vec<Line> {
    let deep = format!(r#"{{"user":{}1{}}}"#, "[".repeat(20), "]".repeat(20));
    let mut not_utf8 = br#"{"user":{"marqeta_token":"never","first_name":"?"}}"#.to_vec();
    not_utf8.iter_mut().filter(|byte| **byte == b'?').for_each(|byte| *byte = 0xff);
    vec![
        line("no JSON", "user,never", "malformed_json"),
        line("a list", "[]", "not_an_object"),
        line("null", "null", "not_an_object"),
        line("cut off", r#"{"user":{"marqeta_token":"never""#, "malformed_json"),
        line("two objects on a line", r#"{"user":{}} {"user":{}}"#, "malformed_json"),
        line("nothing", "{}", "invalid_line"),
        line("null for a user", r#"{"user":null}"#, "invalid_line"),
        line(
            "a user and a limit",
            r#"{"user":{"marqeta_token":"never"},"limit":{"scope":"program","window":"day","count":1}}"#,
            "invalid_line",
        ),
        line("a company", r#"{"company":{"name":"Wren","currency":"USD"}}"#, "unknown_field"),
        line("a prototype", r#"{"__proto__":{"admin":true}}"#, "unknown_field"),
        line("a list for a user", r#"{"user":["never"]}"#, "invalid_type"),
        line("a text for a card", r#"{"card":"never"}"#, "invalid_type"),
        line(
            "a key twice",
            r#"{"user":{"marqeta_token":"never","marqeta_token":"again"}}"#,
            "duplicate_key",
        ),
        line("20 levels", deep, "too_deep"),
        line("not UTF-8", not_utf8, "invalid_utf8"),
        line("U+0000", r#"{"user":{"marqeta_token":"never\u0000"}}"#, "invalid_characters"),
        line("half a surrogate", r#"{"user":{"marqeta_token":"never\ud800"}}"#, "invalid_unicode"),
    ]
}

fn users(names: &Names) -> Vec<Line> {
    let user = |field: &str| format!(r#"{{"user":{{"marqeta_token":"never",{field}}}}}"#);
    let nobody = r#""company_id":"cmp_0190123456787abc8def0123456789ab""#;
    vec![
        line("user: no token", r#"{"user":{"first_name":"Ada"}}"#, "missing_field"),
        line(
            "user: a token of 37",
            format!(r#"{{"user":{{"marqeta_token":"{}"}}}}"#, "x".repeat(37)),
            "invalid_token",
        ),
        line(
            "user: a token like our id",
            format!(r#"{{"user":{{"marqeta_token":"{}"}}}}"#, names.user),
            "invalid_token",
        ),
        line(
            "user: a card number for a token",
            r#"{"user":{"marqeta_token":"4111111111111111"}}"#,
            "card_number_found",
        ),
        line("user: a balance", user(r#""balance":5"#), "unknown_field"),
        line(
            "user: another's prefix",
            user(&format!(r#""company_id":"{}""#, names.user)),
            "invalid_id",
        ),
        line("user: an operator", user(r#""company_id":{"$ne":1}"#), "invalid_type"),
        line("user: of no company", user(nobody), "not_found"),
        line("user: a made-up status", user(r#""status":"GOD""#), "invalid_status"),
        line("user: mail without @", user(r#""email":"x""#), "invalid_email"),
        line("user: a turned name", user(r#""first_name":"a\u202eb""#), "invalid_characters"),
        line("user: a number for a name", user(r#""first_name":5"#), "invalid_type"),
        line(
            "user: a card number",
            user(r#""first_name":"4111 1111 1111 1111""#),
            "card_number_found",
        ),
    ]
}

fn cards() -> Vec<Line> {
    let card = |field: &str| {
        format!(r#"{{"card":{{"user_id":"nobody","marqeta_token":"never",{field}}}}}"#)
    };
    vec![
        line("card: of nobody", card(r#""status":"ACTIVE""#), "not_found"),
        line("card: no token", r#"{"card":{"user_id":"nobody"}}"#, "missing_field"),
        line("card: no user", r#"{"card":{"marqeta_token":"never"}}"#, "missing_field"),
        line("card: LIMITED", card(r#""status":"LIMITED""#), "invalid_status"),
        line("card: 13th month", card(r#""expires":"2026-13""#), "invalid_expiry"),
        line("card: five last digits", card(r#""last_four":"12345""#), "invalid_last_four"),
        line("card: a wallet that is none", card(r#""wallet_id":"w""#), "invalid_id"),
        line("card: a security code", card(r#""cvv2":"123""#), "card_number_found"),
    ]
}

fn limits(names: &Names) -> Vec<Line> {
    let limit = |field: &str| {
        format!(
            r#"{{"limit":{{"scope":"card","scope_id":"{}","window":"day",{field}}}}}"#,
            names.card
        )
    };
    vec![
        line("limit: of nothing", limit(r#""mode":"cap""#), "missing_field"),
        line("limit: negative", limit(r#""amount":-1"#), "invalid_amount"),
        line("limit: an exponent", limit(r#""amount":1e3"#), "invalid_amount"),
        line("limit: half a time", limit(r#""count":0.5"#), "invalid_count"),
        line(
            "limit: in dollars of no country",
            limit(r#""count":1,"currency":"usd""#),
            "invalid_currency",
        ),
        line(
            "limit: a window of years",
            r#"{"limit":{"scope":"program","window":"year","count":1}}"#,
            "invalid_window",
        ),
        line(
            "limit: an unknown scope",
            r#"{"limit":{"scope":"galaxy","window":"day","count":1}}"#,
            "invalid_scope",
        ),
        line(
            "limit: of a card that is not there",
            r#"{"limit":{"scope":"card","scope_id":"nobody","window":"day","count":1}}"#,
            "not_found",
        ),
        line(
            "limit: a month below a day",
            format!(
                r#"{{"limit":{{"scope":"card","scope_id":"{}","window":"month","amount":39999}}}}"#,
                names.terminated
            ),
            "limit_conflict",
        ),
        line(
            "limit: a program pool",
            r#"{"limit":{"scope":"program","window":"day","amount":1,"mode":"pool"}}"#,
            "limit_conflict",
        ),
    ]
}

/// What is refused as a whole.
fn whole_loads() -> Vec<Row> {
    let good = r#"{"user":{"marqeta_token":"never"}}"#;
    let media = |name: &str, headers: &[(&'static str, &str)]| {
        let sent = rest_with(Method::POST, PATH, headers, good);
        Row::new(format!("import: {name}"), sent, 415, "unsupported_media_type")
    };
    vec![
        media("as plain JSON", &[]),
        media("without a type", &[("content-type", "")]),
        media("zipped", &[("content-type", NDJSON), ("content-encoding", "gzip")]),
        Row::new("import: a line without end", load(vec![b'x'; 80 * 1024]), 413, "body_too_large"),
    ]
}
