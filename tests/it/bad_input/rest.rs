//! Rows of our own API: fields, ids, paging, versions, keys, credentials, methods.

use http::Method;
use serde_json::{Value, json};

use super::rows::{Row, Sent, get, post, rest, rest_with};
use super::world::Names;

pub fn rows(names: &Names) -> Vec<Row> {
    [
        amounts(names),
        companies(),
        others(names),
        ids(names),
        queries(),
        changes(names),
        limits(names),
        changes_of_controls(),
        keys(names),
        strangers(),
        methods(),
        card_data(names),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn amounts(names: &Names) -> Vec<Row> {
    let literals = [
        "1e309",
        "1e2",
        "-1",
        "0",
        "-0",
        "10.999",
        "10.0",
        "\"10\"",
        "\"1_000\"",
        "\" 10\"",
        "true",
        "[1]",
        "{}",
        "null",
        "9223372036854775807",
        "9223372036854775808",
        "1000000000001",
    ];
    let row = |literal: &&str| {
        let body = format!(
            r#"{{"token":"never","card":"{}","amount":{literal},"currency":"USD"}}"#,
            names.card
        );
        let sent = post("/api/v1/authorizations", body);
        Row::new(format!("rest: amount {literal}"), sent, 400, "invalid_amount")
    };
    literals.iter().map(row).collect()
}

fn companies() -> Vec<Row> {
    let good = json!({"name": "Wren", "currency": "USD"});
    let table: Vec<(&str, &str, Value, &'static str)> = vec![
        ("an unknown field", "balance", json!(5), "unknown_field"),
        ("an id", "id", json!("cmp_1"), "unknown_field"),
        ("a version", "version", json!(1), "unknown_field"),
        ("a prototype", "__proto__", json!({"admin": true}), "unknown_field"),
        ("an operator for a name", "name", json!({"$gt": ""}), "invalid_type"),
        ("a list for a name", "name", json!(["a"]), "invalid_type"),
        ("a number for a name", "name", json!(5), "invalid_type"),
        ("null for a name", "name", Value::Null, "invalid_type"),
        ("an empty name", "name", json!(""), "empty_text"),
        ("a long name", "name", json!("x".repeat(257)), "too_long"),
        ("1,000 combining marks", "name", json!(format!("e{}", "\u{301}".repeat(500))), "too_long"),
        ("257 before NFC", "name", json!("e\u{301}".repeat(129)), "too_long"),
        ("257 after NFC", "name", json!("\u{fb2c}".repeat(86)), "too_long"),
        ("a decomposed turned name", "name", json!("e\u{301}\u{202e}b"), "invalid_characters"),
        ("a turned name", "name", json!("a\u{202e}b"), "invalid_characters"),
        ("an isolate", "name", json!("a\u{2066}b"), "invalid_characters"),
        ("a line break", "name", json!("a\nb"), "invalid_characters"),
        ("an escape character", "name", json!("a\u{1b}[31m"), "invalid_characters"),
        ("a line separator", "name", json!("a\u{2028}b"), "invalid_characters"),
        ("a sealed name", "name", json!("sealed:1:0a1b2c3d:AAAA"), "invalid_characters"),
        ("currency in lower case", "currency", json!("usd"), "invalid_currency"),
        ("currency a number", "currency", json!(840), "invalid_currency"),
        ("no currency of any country", "currency", json!("ZZZ"), "invalid_currency"),
        ("a zone on Mars", "time_zone", json!("Mars/Olympus"), "invalid_time_zone"),
        ("a zone that is a path", "time_zone", json!("../../etc/passwd"), "invalid_time_zone"),
        ("negative credit", "credit_limit", json!(-1), "invalid_limit"),
        ("credit as text", "credit_limit", json!("5"), "invalid_limit"),
        ("too much credit", "credit_limit", json!(1_000_000_000_001_i64), "invalid_limit"),
        ("a token of 37", "marqeta_token", json!("x".repeat(37)), "invalid_token"),
        (
            "a token like our id",
            "marqeta_token",
            json!("cmp_0190123456787abc8def0123456789ab"),
            "invalid_token",
        ),
    ];
    let mut rows: Vec<Row> = table
        .into_iter()
        .map(|(name, field, value, code)| {
            let mut body = good.clone();
            body[field] = value;
            Row::new(
                format!("company: {name}"),
                post("/api/v1/companies", body.to_string()),
                400,
                code,
            )
        })
        .collect();
    for (name, body) in
        [("no name", json!({"currency": "USD"})), ("no currency", json!({"name": "W"}))]
    {
        let sent = post("/api/v1/companies", body.to_string());
        rows.push(Row::new(format!("company: {name}"), sent, 400, "missing_field"));
    }
    rows
}

/// Users, cards, limits, controls, wallets, reports.
fn others(names: &Names) -> Vec<Row> {
    let (user, card, company) = (&names.user, &names.card, &names.company);
    let nobody = "usr_0190123456787abc8def0123456789ab";
    let table: Vec<(&str, &str, Value, u16, &'static str)> = vec![
        ("no company", "users", json!({}), 400, "missing_field"),
        ("company an operator", "users", json!({"company_id": {"$ne": 1}}), 400, "invalid_type"),
        ("another's prefix", "users", json!({"company_id": user}), 400, "invalid_id"),
        (
            "mail an operator",
            "users",
            json!({"company_id": company, "email": {"$gt": ""}}),
            400,
            "invalid_type",
        ),
        (
            "mail without @",
            "users",
            json!({"company_id": company, "email": "x"}),
            400,
            "invalid_email",
        ),
        (
            "an unknown status",
            "users",
            json!({"company_id": company, "status": "GOD"}),
            400,
            "invalid_status",
        ),
        (
            "a first name that grows",
            "users",
            json!({"company_id": company, "first_name": "\u{fb2c}".repeat(86)}),
            400,
            "too_long",
        ),
        (
            "a last name with a line break",
            "personal/users",
            json!({"last_name": "e\u{301}\n"}),
            400,
            "invalid_characters",
        ),
        ("user of nobody", "cards", json!({"user_id": nobody}), 404, "not_found"),
        (
            "five last digits",
            "cards",
            json!({"user_id": user, "last_four": "12345"}),
            400,
            "invalid_last_four",
        ),
        (
            "13th month",
            "cards",
            json!({"user_id": user, "expires": "2026-13"}),
            400,
            "invalid_expiry",
        ),
        (
            "a limit of nothing",
            "spending-limits",
            json!({"scope": "card", "scope_id": card, "window": "day"}),
            400,
            "missing_field",
        ),
        (
            "a negative limit",
            "spending-limits",
            json!({"scope": "card", "scope_id": card, "window": "day", "amount": -1}),
            400,
            "invalid_amount",
        ),
        (
            "a window of years",
            "spending-limits",
            json!({"scope": "card", "scope_id": card, "window": "year", "amount": 1}),
            400,
            "invalid_window",
        ),
        (
            "an unknown scope",
            "spending-limits",
            json!({"scope": "galaxy", "window": "day", "amount": 1}),
            400,
            "invalid_scope",
        ),
        (
            "a program pool",
            "spending-limits",
            json!({"scope": "program", "window": "day", "amount": 1, "mode": "pool"}),
            422,
            "limit_conflict",
        ),
        (
            "an unknown effect",
            "spending-controls",
            json!({"scope": "program", "effect": "maybe", "mccs": ["5411"]}),
            400,
            "invalid_effect",
        ),
        (
            "MCC 0000",
            "spending-controls",
            json!({"scope": "program", "effect": "deny", "mccs": ["0000"]}),
            400,
            "invalid_mcc",
        ),
        (
            "a country of two letters",
            "spending-controls",
            json!({"scope": "program", "effect": "deny", "countries": ["BE"]}),
            400,
            "invalid_country",
        ),
        (
            "a time without a zone",
            "spending-controls",
            json!({"scope": "program", "effect": "deny", "mccs": ["5411"], "starts_at": "2026-01-01T00:00:00"}),
            400,
            "invalid_timestamp",
        ),
        (
            "an unknown kind",
            "postings",
            json!({"kind": "gift", "card": card, "amount": 1, "currency": "USD", "token": "never"}),
            400,
            "invalid_kind",
        ),
        (
            "metadata a list",
            "transactions",
            json!({"transaction_id": "never", "card": card, "amount": 1, "currency": "USD", "type": "x", "occurred_at": "2026-01-01T00:00:00Z", "metadata": [1]}),
            400,
            "invalid_type",
        ),
        (
            "a date in 1970 without time",
            "transactions",
            json!({"transaction_id": "never", "card": card, "amount": 1, "currency": "USD", "type": "x", "occurred_at": "1970-01-01"}),
            400,
            "invalid_timestamp",
        ),
        (
            "wallet of nobody",
            "personal/wallets",
            json!({"user_id": nobody, "currency": "USD"}),
            404,
            "not_found",
        ),
        (
            "a company for a person",
            "personal/users",
            json!({"company_id": company}),
            400,
            "unknown_field",
        ),
    ];
    let row = |(name, path, body, status, code): (&str, &str, Value, u16, &'static str)| {
        Row::new(
            format!("{path}: {name}"),
            post(format!("/api/v1/{path}"), body.to_string()),
            status,
            code,
        )
    };
    table.into_iter().map(row).collect()
}

fn ids(names: &Names) -> Vec<Row> {
    let long = "x".repeat(5_000);
    let mut rows = Vec::new();
    for id in [
        "abc",
        "-1",
        "0",
        "18446744073709551616",
        "%00",
        "%ff",
        "..%2f",
        "%2e%2e",
        &long,
        names.card.as_str(),
    ] {
        let name = &id[..id.len().min(24)];
        for path in ["companies", "authorizations", "accounts", "transactions"] {
            let sent = get(format!("/api/v1/{path}/{id}"));
            rows.push(Row::new(format!("{path}/{name}"), sent, 400, "invalid_id"));
        }
    }
    for id in ["%00", "%ff", "..%2f", "a%2fb", "%20", "a%0d%0ab", &long] {
        let name = &id[..id.len().min(24)];
        rows.push(Row::new(
            format!("cards/{name}"),
            get(format!("/api/v1/cards/{id}")),
            400,
            "invalid_id",
        ));
    }
    for path in [
        "companies/cmp_0190123456787abc8def0123456789ab",
        "authorizations/aut_b0190123456787abc8def0123456789ab",
        "cards/nobody",
        "users/usr_0190123456787abc8def0123456789ab",
        "cards/a/b",
        "nothing",
        "cards/",
        "../../etc/passwd",
        "personal/users/nobody",
    ] {
        rows.push(Row::new(path, get(format!("/api/v1/{path}")), 404, "not_found"));
    }
    rows
}

fn queries() -> Vec<Row> {
    let table = [
        ("limit=0", "invalid_parameter"),
        ("limit=-1", "invalid_parameter"),
        ("limit=%2B5", "invalid_parameter"),
        ("limit=1e2", "invalid_parameter"),
        ("limit=201", "invalid_parameter"),
        ("limit=1000000000", "invalid_parameter"),
        ("limit=abc", "invalid_parameter"),
        ("limit=", "invalid_parameter"),
        ("limit=1&limit=2", "invalid_parameter"),
        ("status=processed&status=parked", "invalid_parameter"),
        ("status=GOD", "invalid_parameter"),
        ("status=Parked", "invalid_parameter"),
        ("cursor=forged", "invalid_parameter"),
        ("cursor=%00", "invalid_parameter"),
        ("cursor=dHhu", "invalid_parameter"),
        ("sort=__proto__", "invalid_parameter"),
        ("constructor=1", "invalid_parameter"),
        ("card[$ne]=1", "invalid_type"),
        ("card=%ff", "invalid_id"),
        ("card=%00", "invalid_id"),
        ("user=a%20b", "invalid_id"),
        ("user=", "invalid_id"),
        ("company=abc", "invalid_id"),
        ("company=usr_0190123456787abc8def0123456789ab", "invalid_id"),
        ("from=yesterday", "invalid_timestamp"),
        ("from=2026-01-01", "invalid_timestamp"),
        ("to=2026-01-01T00:00:00", "invalid_timestamp"),
        ("to=1767225600", "invalid_timestamp"),
        ("amount_min=1e9", "invalid_parameter"),
        ("amount_min=%2B1", "invalid_parameter"),
        ("amount_min=", "invalid_parameter"),
        ("amount_min=%D9%A1", "invalid_parameter"),
        ("amount_max=-1", "invalid_parameter"),
        ("amount_max=10.00", "invalid_parameter"),
        ("amount_max=1000000000001", "invalid_parameter"),
        ("amount_max=9223372036854775808", "invalid_parameter"),
    ];
    let row = |(query, code): &(&str, &'static str)| {
        let sent = get(format!("/api/v1/transactions?{query}"));
        Row::new(format!("transactions?{query}"), sent, 400, code)
    };
    table.iter().map(row).chain(operators()).collect()
}

/// Operators for texts, at every list.
fn operators() -> impl Iterator<Item = Row> {
    const LISTS: [&str; 16] = [
        "companies",
        "users",
        "cards",
        "accounts",
        "spending-limits",
        "spending-controls",
        "personal/users",
        "personal/cards",
        "personal/wallets",
        "personal/kyc",
        "authorizations",
        "transactions",
        "dead-letters",
        "webhook-events",
        "api-keys",
        "audit",
    ];
    const QUERIES: [&str; 4] =
        ["limit[$ne]=1", "cursor[$gt]=", "status[$ne]=ACTIVE", "card%5B%24regex%5D=.*"];
    LISTS.into_iter().flat_map(|list| {
        QUERIES.into_iter().map(move |query| {
            let sent = get(format!("/api/v1/{list}?{query}"));
            Row::new(format!("{list}?{query}"), sent, 400, "invalid_type")
        })
    })
}

fn changes(names: &Names) -> Vec<Row> {
    let path = format!("/api/v1/cards/{}", names.card);
    let status = json!({"status": "SUSPENDED"}).to_string();
    let patch = |headers: &[(&'static str, &str)], body: &str| {
        rest_with(Method::PATCH, path.clone(), headers, body.to_owned())
    };
    let terminated = format!("/api/v1/cards/{}", names.terminated);
    vec![
        Row::new("card: no version", patch(&[], &status), 428, "version_required"),
        Row::new(
            "card: a stale version",
            patch(&[("if-match", "\"77\"")], &status),
            412,
            "version_conflict",
        ),
        Row::new("card: any version", patch(&[("if-match", "*")], &status), 400, "invalid_version"),
        Row::new(
            "card: a weak version",
            patch(&[("if-match", "W/\"1\"")], &status),
            400,
            "invalid_version",
        ),
        Row::new(
            "card: version 2^64",
            patch(&[("if-match", "18446744073709551616")], &status),
            400,
            "invalid_version",
        ),
        Row::new(
            "card: a made-up status",
            patch(&[("if-match", "1")], r#"{"status":"GOD"}"#),
            400,
            "invalid_status",
        ),
        Row::new(
            "card: its own version",
            patch(&[("if-match", "1")], r#"{"version":9}"#),
            400,
            "unknown_field",
        ),
        Row::new(
            "card: a balance",
            patch(&[("if-match", "1")], r#"{"balance":9}"#),
            400,
            "unknown_field",
        ),
        Row::new(
            "card: back from the dead",
            rest_with(Method::PATCH, terminated, &[("if-match", "2")], r#"{"status":"ACTIVE"}"#),
            409,
            "invalid_transition",
        ),
    ]
}

/// Limits beside those that the card has already, and changes of one of these.
fn limits(names: &Names) -> Vec<Row> {
    let new = |window: &str, field: &str, most: i64| {
        let mut body = json!({"scope": "card", "scope_id": names.terminated, "window": window});
        body[field] = json!(most);
        let sent = post("/api/v1/spending-limits", body.to_string());
        Row::new(format!("limit: a {window} of {field} {most}"), sent, 422, "limit_conflict")
    };
    let path = format!("/api/v1/spending-limits/{}", names.limit);
    let change = |body: &str, status, code| {
        let sent = rest_with(Method::PATCH, path.clone(), &[("if-match", "1")], body.to_owned());
        Row::new(format!("limit: changed to {body}"), sent, status, code)
    };
    vec![
        new("transaction", "amount", 40_001),
        new("day", "amount", 50_001),
        new("week", "amount", 39_999),
        new("week", "count", 9),
        new("month", "amount", 49_999),
        new("month", "count", 19),
        new("lifetime", "amount", 0),
        change(r#"{"amount":50001}"#, 422, "limit_conflict"),
        change(r#"{"count":21}"#, 422, "limit_conflict"),
        change(r#"{"amount":-1}"#, 400, "invalid_amount"),
        change(r#"{"amount":1000000000001}"#, 400, "invalid_amount"),
        change(r#"{"amount":"1"}"#, 400, "invalid_amount"),
        change(r#"{"count":-1}"#, 400, "invalid_count"),
        change(r#"{"amount":null,"count":null}"#, 400, "missing_field"),
        change(r#"{"window":"week"}"#, 400, "unknown_field"),
    ]
}

/// Bodies are read before the control is looked for, which is not there.
fn changes_of_controls() -> Vec<Row> {
    let path = "/api/v1/spending-controls/ctl_0190123456787abc8def0123456789ab";
    let table: [(&str, &'static str, u16, &'static str); 9] = [
        ("its scope", r#"{"scope":"program"}"#, 400, "unknown_field"),
        ("its own version", r#"{"version":9}"#, 400, "unknown_field"),
        ("no effect", r#"{"effect":null}"#, 400, "invalid_type"),
        ("an unknown effect", r#"{"effect":"maybe"}"#, 400, "invalid_effect"),
        ("MCC 0000", r#"{"mccs":["0000"]}"#, 400, "invalid_mcc"),
        ("an operator for a list", r#"{"mccs":{"$ne":1}}"#, 400, "invalid_type"),
        ("a country of two letters", r#"{"countries":["BE"]}"#, 400, "invalid_country"),
        ("a time without a zone", r#"{"ends_at":"2026-01-01T00:00:00"}"#, 400, "invalid_timestamp"),
        ("one that is not there", r#"{"effect":"deny"}"#, 404, "not_found"),
    ];
    let row = |(name, body, status, code): (&str, &'static str, u16, &'static str)| {
        let sent = rest_with(Method::PATCH, path, &[("if-match", "1")], body);
        Row::new(format!("control: {name}"), sent, status, code)
    };
    table.into_iter().map(row).collect()
}

fn keys(names: &Names) -> Vec<Row> {
    let path = format!("/api/v1/accounts/{}/fund", names.account);
    let body = json!({"amount": 1, "currency": "USD"}).to_string();
    let fund = |key: &str| {
        rest_with(Method::POST, path.clone(), &[("idempotency-key", key)], body.clone())
    };
    let long = "k".repeat(256);
    let mut rows = vec![Row::new(
        "fund: no key",
        post(path.clone(), body.clone()),
        400,
        "idempotency_key_required",
    )];
    for (name, key) in [
        ("an empty key", "\"\""),
        ("a long key", &long),
        ("a key with a space", "a b"),
        ("a key with half a quote", "\"a"),
        ("a card number", "4111111111111111"),
    ] {
        rows.push(Row::new(format!("fund: {name}"), fund(key), 400, "invalid_idempotency_key"));
    }
    rows
}

fn strangers() -> Vec<Row> {
    let none = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9.";
    let none = format!("Bearer {none}");
    let values = [
        ("no key", ""),
        ("a wrong key", "Bearer wrong"),
        ("Basic", "Basic dGVzdDp0ZXN0"),
        ("an unsigned token", &none),
        ("an empty key", "Bearer "),
    ];
    let row = |(name, value): (&str, &str)| {
        let sent = rest_with(Method::GET, "/api/v1/profile", &[("authorization", value)], "");
        Row::new(format!("access: {name}"), sent, 401, "unauthorized")
    };
    values.into_iter().map(row).collect()
}

fn methods() -> Vec<Row> {
    let mut rows = Vec::new();
    for (method, path) in [
        (Method::DELETE, "/api/v1/companies"),
        (Method::TRACE, "/api/v1/companies"),
        (Method::OPTIONS, "/api/v1/companies"),
        (Method::PUT, "/api/v1/cards/x"),
        (Method::GET, "/api/v1/marqeta/jit"),
        (Method::PATCH, "/api/v1/marqeta/webhooks"),
        (Method::POST, "/live"),
        (Method::TRACE, "/live"),
        (Method::OPTIONS, "/api/v1/marqeta/jit"),
    ] {
        let name = format!("{method} {path}");
        rows.push(Row::new(name, rest(method, path, ""), 405, "method_not_allowed"));
    }
    let purge = Method::from_bytes(b"PURGE").expect("a method");
    rows.push(Row::new("PURGE", rest(purge, "/live", ""), 405, "method_not_allowed"));
    // Overrides are nobody's business: these are GETs of what is not there.
    let gone = "/api/v1/cards/nobody";
    for header in ["x-http-method-override", "x-method-override", "x-http-method"] {
        let sent = rest_with(Method::GET, gone, &[(header, "DELETE")], "");
        rows.push(Row::new(header, sent, 404, "not_found"));
    }
    rows
}

/// Card data at our own door is refused, and never repeated.
fn card_data(names: &Names) -> Vec<Row> {
    let purchase = |field: &str, value: Value| {
        let mut body =
            json!({"token": "never", "card": names.card, "amount": 1, "currency": "USD"});
        body[field] = value;
        body.to_string()
    };
    let person = json!({"marqeta_token": "5555-5555-5555-4444"}).to_string();
    let report = json!({"transaction_id": "378282246310005", "card": names.card, "amount": 1,
        "currency": "USD", "type": "x", "occurred_at": "2026-01-01T00:00:00Z"});
    let tokens = [
        ("for a person's token", "personal/users", person),
        ("for a report's id", "transactions", report.to_string()),
    ];
    let tokens = tokens.map(|(name, path, body)| (name, format!("/api/v1/{path}"), body));
    let bodies = [
        ("for the token", purchase("token", json!("4111111111111111"))),
        ("in the card", purchase("card", json!("4111111111111111"))),
        ("in a name", purchase("merchant", json!({"name": "4111 1111 1111 1111"}))),
        ("as a number", purchase("amount", json!(4_111_111_111_111_111_u64))),
        ("in an unknown field", purchase("note", json!({"deep": ["5555-5555-5555-4444"]}))),
        ("in a key", purchase("378282246310005", json!(1))),
        ("a security code", purchase("cvv2", json!("123"))),
        ("a PIN block", purchase("pin_block", json!({"a": "1"}))),
        ("track data", purchase("track2", json!(";4111111111111111=2712?"))),
    ];
    let bodies = bodies.map(|(name, body)| (name, "/api/v1/authorizations".to_owned(), body));
    let row = |(name, path, body): (&str, String, String)| {
        let sent: Sent = post(path, body);
        Row::new(format!("card data: {name}"), sent, 400, "card_number_found")
    };
    tokens.into_iter().chain(bodies).map(row).collect()
}
