//! Rows of what people submit, and of what is decided about it.

use serde_json::{Value, json};

use super::rows::{Row, get, post};
use super::world::Names;

const PATH: &str = "/api/v1/personal/kyc";
const NOBODY: &str = "usr_0190123456787abc8def0123456789ab";
const NOTHING: &str = "kyc_0190123456787abc8def0123456789ab";

pub fn rows(names: &Names) -> Vec<Row> {
    [submissions(names), decisions(names), reads(names)].into_iter().flatten().collect()
}

fn submissions(names: &Names) -> Vec<Row> {
    let reference = "doc_5e6f702b3c4d_01";
    let table: Vec<(&str, Value, u16, &'static str)> = vec![
        ("nothing", json!({}), 400, "missing_field"),
        ("no tier", json!({"user_id": NOBODY}), 400, "missing_field"),
        ("no user", json!({"tier": "basic"}), 400, "missing_field"),
        ("nobody", json!({"user_id": NOBODY, "tier": "basic"}), 404, "not_found"),
        ("an employee", json!({"user_id": names.user, "tier": "basic"}), 404, "not_found"),
        ("an operator", json!({"user_id": {"$ne": null}, "tier": "basic"}), 400, "invalid_type"),
        ("no reference", json!({"user_id": "a b", "tier": "basic"}), 400, "invalid_id"),
        ("no such tier", json!({"user_id": NOBODY, "tier": "gold"}), 400, "invalid_tier"),
        ("an empty tier", json!({"user_id": NOBODY, "tier": ""}), 400, "empty_text"),
        ("a number for a tier", json!({"user_id": NOBODY, "tier": 3}), 400, "invalid_type"),
    ];
    let with = |field: &str, value: Value| {
        let mut body = json!({"user_id": NOBODY, "tier": "basic"});
        body[field] = value;
        body
    };
    let fields = [
        ("its own approval", with("status", json!("approved")), "unknown_field"),
        ("its own limit", with("monthly_limit", json!(1_000_000)), "unknown_field"),
        ("a name", with("first_name", json!("Ada")), "unknown_field"),
        ("a text for documents", with("documents", json!(reference)), "invalid_type"),
        ("17 documents", with("documents", json!(vec![reference; 17])), "too_long"),
        ("257 documents", with("documents", json!(vec![reference; 257])), "too_long"),
        ("a document's number", with("documents", json!(["X1234567"])), "invalid_document"),
        ("a document's name", with("documents", json!(["Zoe.OHara.Passport"])), "invalid_document"),
        ("a number for a document", with("documents", json!([7])), "invalid_document"),
        ("a document in full", with("documents", json!([{"scan": "x"}])), "invalid_document"),
        ("a card number", with("documents", json!(["4111111111111111"])), "card_number_found"),
    ];
    let fields = fields.into_iter().map(|(name, body, code)| (name, body, 400, code));
    let row = |(name, body, status, code): (&str, Value, u16, &'static str)| {
        Row::new(format!("kyc: {name}"), post(PATH, body.to_string()), status, code)
    };
    table.into_iter().chain(fields).map(row).collect()
}

fn decisions(names: &Names) -> Vec<Row> {
    let reason = |reason: Value| json!({"reason": reason}).to_string();
    let table: Vec<(&str, &str, &str, String, u16, &'static str)> = vec![
        ("of nothing", NOTHING, "approve", "{}".to_owned(), 404, "not_found"),
        ("no id", "abc", "approve", "{}".to_owned(), 400, "invalid_id"),
        ("a card's id", &names.card, "approve", "{}".to_owned(), 400, "invalid_id"),
        ("another tier", NOTHING, "approve", r#"{"tier":"full"}"#.to_owned(), 400, "unknown_field"),
        ("no body", NOTHING, "approve", String::new(), 400, "empty_body"),
        ("a list", NOTHING, "approve", "[]".to_owned(), 400, "not_an_object"),
        ("of nothing", NOTHING, "reject", reason(json!("blurred")), 404, "not_found"),
        ("no reason", NOTHING, "reject", "{}".to_owned(), 400, "missing_field"),
        ("an empty reason", NOTHING, "reject", reason(json!("")), 400, "empty_text"),
        ("a long reason", NOTHING, "reject", reason(json!("x".repeat(257))), 400, "too_long"),
        ("two lines", NOTHING, "reject", reason(json!("a\nb")), 400, "invalid_characters"),
        (
            "a sealed reason",
            NOTHING,
            "reject",
            reason(json!("sealed:1:x")),
            400,
            "invalid_characters",
        ),
        ("an operator", NOTHING, "reject", reason(json!({"$gt": ""})), 400, "invalid_type"),
        ("null", NOTHING, "reject", reason(Value::Null), 400, "invalid_type"),
    ];
    let row =
        |(name, id, verb, body, status, code): (&str, &str, &str, String, u16, &'static str)| {
            let sent = post(format!("{PATH}/{id}/{verb}"), body);
            Row::new(format!("kyc {verb}: {name}"), sent, status, code)
        };
    table.into_iter().map(row).collect()
}

fn reads(names: &Names) -> Vec<Row> {
    let users = "/api/v1/personal/users";
    [
        (format!("{PATH}/abc"), 400, "invalid_id"),
        (format!("{PATH}/%00"), 400, "invalid_id"),
        (format!("{PATH}/{NOTHING}"), 404, "not_found"),
        (format!("{users}/%00/kyc"), 400, "invalid_id"),
        (format!("{users}/nobody/kyc"), 404, "not_found"),
        (format!("{users}/{}/kyc", names.user), 404, "not_found"),
        (format!("{PATH}?status=GOD"), 400, "invalid_parameter"),
        (format!("{PATH}?user=%00"), 400, "invalid_id"),
        (format!("{PATH}?user[$ne]=1"), 400, "invalid_type"),
        (format!("{PATH}?tier=basic"), 400, "invalid_parameter"),
        (format!("{PATH}?limit=201"), 400, "invalid_parameter"),
        (format!("{PATH}?limit=%2B5"), 400, "invalid_parameter"),
        (format!("{PATH}?cursor={NOTHING}"), 400, "invalid_parameter"),
    ]
    .into_iter()
    .map(|(path, status, code)| Row::new(path.clone(), get(path), status, code))
    .collect()
}
