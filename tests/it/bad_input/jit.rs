//! Rows of the JIT door: a token that can not be read is 400; with one that can, every fault is a
//! decline that is stored.

use serde_json::{Value, json};

use super::rows::{Row, Sent, rest_with};
use super::world::Names;
use crate::support::marqeta;

/// Amounts that are JSON, but no amount.
const AMOUNTS: [&str; 28] = [
    "-1",
    "-0.01",
    "-0",
    "-0.00",
    "0",
    "0.00",
    "1e2",
    "1E+2",
    "1e309",
    "10.999",
    "0.001",
    "10.009999999999999999999",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551616",
    "10000000000.01",
    "\"1_000\"",
    "\"1,000.00\"",
    "\"$10\"",
    "\" 10\"",
    "\"10.00 \"",
    "\"١٢\"",
    "\"１０\"",
    "\"\"",
    "null",
    "true",
    "[]",
    "{}",
];

pub fn rows(names: &Names) -> Vec<Row> {
    let mut rows = unreadable(names);
    for (number, literal) in AMOUNTS.into_iter().enumerate() {
        let token = format!("bad-amount-{number}");
        let body = marqeta::purchase(&token, &names.card, "77.77").replace("77.77", literal);
        rows.push(Row::declined(format!("jit: amount {literal}"), body, "INVALID_AMOUNT"));
    }
    rows.extend(faulty(names));
    rows.extend(strangers(names));
    rows
}

fn changed(names: &Names, token: &str, change: impl Fn(&mut Value)) -> String {
    let body = marqeta::purchase(token, &names.card, "1.00");
    let mut body: Value = serde_json::from_str(&body).expect("json");
    change(&mut body);
    body.to_string()
}

fn unreadable(names: &Names) -> Vec<Row> {
    let tokens = [
        ("missing", Value::Null),
        ("empty", json!("")),
        ("37 characters", json!("x".repeat(37))),
        ("blank", json!(" ")),
        ("with a space", json!("a b")),
        ("a path", json!("../x")),
        ("SQL", json!("'; drop table decisions; --")),
        ("an operator", json!({"$ne": 1})),
        ("a list", json!(["a"])),
        ("a number", json!(5)),
        ("line break", json!("a\r\nb")),
        ("an emoji", json!("😀")),
        ("a homoglyph", json!("аbc")),
        ("a template", json!("${jndi:ldap://x}")),
    ];
    let mut rows = Vec::new();
    for (name, token) in tokens {
        let body =
            changed(names, "never", |it| it["gpa_order"]["jit_funding"]["token"] = token.clone());
        rows.push(Row::new(
            format!("jit: token {name}"),
            Sent::Jit(body.into()),
            400,
            "invalid_token",
        ));
    }
    let fundings: [(&str, fn(&mut Value)); 4] = [
        ("no funding", |it| it["gpa_order"]["jit_funding"] = Value::Null),
        ("funding a list", |it| it["gpa_order"]["jit_funding"] = json!([1])),
        ("order a list", |it| it["gpa_order"] = json!([5])),
        ("no order", |it| it["gpa_order"] = Value::Null),
    ];
    for (name, change) in fundings {
        let body = changed(names, "never", change);
        rows.push(Row::new(format!("jit: {name}"), Sent::Jit(body.into()), 400, "missing_field"));
    }
    rows.push(Row::new("jit: an empty object", Sent::Jit("{}".into()), 400, "missing_field"));
    rows
}

fn faulty(names: &Names) -> Vec<Row> {
    type Change = fn(&mut Value);
    let table: [(&str, &'static str, Change); 16] = [
        ("currency in lower case", "INVALID_AMOUNT", |it| it["currency_code"] = json!("usd")),
        ("currency of two letters", "INVALID_AMOUNT", |it| it["currency_code"] = json!("US")),
        ("currency of four letters", "INVALID_AMOUNT", |it| it["currency_code"] = json!("USDX")),
        ("unknown currency", "INVALID_AMOUNT", |it| it["currency_code"] = json!("ZZZ")),
        ("currency a number", "INVALID_AMOUNT", |it| it["currency_code"] = json!(840)),
        ("currency an object", "INVALID_AMOUNT", |it| it["currency_code"] = json!({})),
        ("another currency", "INVALID_AMOUNT", |it| it["currency_code"] = json!("EUR")),
        ("no card", "INVALID_CARD", |it| it["card_token"] = Value::Null),
        ("card an operator", "INVALID_CARD", |it| it["card_token"] = json!({"$ne": 1})),
        ("card a path", "INVALID_CARD", |it| it["card_token"] = json!("../../x")),
        ("unknown card", "INVALID_CARD", |it| it["card_token"] = json!("nobody-s-card")),
        ("another's user", "INVALID_CARD", |it| it["user_token"] = json!("nobody")),
        ("MCC 0000", "TRANSACTION_NOT_PERMITTED", |it| it["card_acceptor"]["mcc"] = json!("0000")),
        ("MCC of letters", "TRANSACTION_NOT_PERMITTED", |it| {
            it["card_acceptor"]["mcc"] = json!("abcd");
        }),
        ("MCC of five digits", "TRANSACTION_NOT_PERMITTED", |it| {
            it["card_acceptor"]["mcc"] = json!("54111");
        }),
        ("MCC a number", "TRANSACTION_NOT_PERMITTED", |it| {
            it["card_acceptor"]["mcc"] = json!(5411)
        }),
    ];
    let rows = table.into_iter().enumerate().map(|(number, (name, reason, change))| {
        let body = changed(names, &format!("bad-field-{number}"), change);
        Row::declined(format!("jit: {name}"), body, reason)
    });
    rows.collect()
}

/// Credentials that are none.
fn strangers(names: &Names) -> Vec<Row> {
    let long = format!("Basic {}", "x".repeat(10 * 1024));
    let values = [
        ("none", ""),
        ("wrong ones", "Basic bWFycWV0YTp3cm9uZw=="),
        ("the admin key", names.bearer.as_str()),
        ("bad base64", "Basic %%%"),
        ("no colon", "Basic bm9jb2xvbg=="),
        ("nothing", "Basic"),
        ("a NUL", "Basic bWFycWV0YQA6VGVzdA=="),
        ("10 KiB", &long),
    ];
    let mut rows = Vec::new();
    for path in ["/api/v1/marqeta/jit", "/api/v1/marqeta/webhooks"] {
        for (name, value) in values {
            let headers = [("authorization", value)];
            let sent = rest_with(http::Method::POST, path, &headers, "{}");
            rows.push(Row::new(format!("{path}: {name}"), sent, 401, "unauthorized"));
        }
    }
    rows
}
