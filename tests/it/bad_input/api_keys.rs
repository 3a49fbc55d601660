//! Rows of keys: what is refused is not issued.

use serde_json::{Value, json};

use super::rows::{Row, get, post};
use super::world::Names;

const PATH: &str = "/api/v1/api-keys";
const NOTHING: &str = "key_0190123456787abc8def0123456789ab";

pub fn rows(names: &Names) -> Vec<Row> {
    let mut rows = bodies(names);
    rows.extend(places(names));
    rows
}

fn bodies(names: &Names) -> Vec<Row> {
    let with = |field: &str, value: Value| {
        let mut body = json!({"name": "till", "scopes": ["read"]});
        body[field] = value;
        body
    };
    let nobody = json!("cmp_0190123456787abc8def0123456789ab");
    let table: Vec<(&str, Value, u16, &'static str)> = vec![
        ("nothing", json!({}), 400, "missing_field"),
        ("no name", json!({"scopes": ["read"]}), 400, "missing_field"),
        ("no scopes", json!({"name": "till"}), 400, "missing_field"),
        ("an empty name", with("name", json!("")), 400, "empty_text"),
        ("a long name", with("name", json!("x".repeat(257))), 400, "too_long"),
        ("a name of two lines", with("name", json!("a\nb")), 400, "invalid_characters"),
        ("an operator for a name", with("name", json!({"$gt": ""})), 400, "invalid_type"),
        ("a card number", with("name", json!("4111 1111 1111 1111")), 400, "card_number_found"),
        ("a list of no scopes", with("scopes", json!([])), 400, "invalid_value"),
        ("a made-up scope", with("scopes", json!(["root"])), 400, "invalid_value"),
        ("every scope there is", with("scopes", json!(["*"])), 400, "invalid_value"),
        ("a text for scopes", with("scopes", json!("read")), 400, "invalid_type"),
        ("a number for a scope", with("scopes", json!([1])), 400, "invalid_type"),
        ("null for a scope", with("scopes", json!([null])), 400, "invalid_type"),
        ("scopes by number", with("scopes", json!({"0": "read"})), 400, "invalid_type"),
        ("257 scopes", with("scopes", json!(vec!["read"; 257])), 400, "too_long"),
        ("another's prefix", with("company_id", json!(names.user)), 400, "invalid_id"),
        ("an operator for a company", with("company_id", json!({"$ne": 1})), 400, "invalid_type"),
        ("of no company", with("company_id", nobody), 404, "not_found"),
        ("an end in words", with("expires_at", json!("soon")), 400, "invalid_timestamp"),
        (
            "an end without a zone",
            with("expires_at", json!("2099-01-01T00:00:00")),
            400,
            "invalid_timestamp",
        ),
        (
            "an end in the past",
            with("expires_at", json!("2020-01-01T00:00:00Z")),
            400,
            "invalid_timestamp",
        ),
        ("an end in seconds", with("expires_at", json!(4_070_908_800_u64)), 400, "invalid_type"),
        ("a secret of one's own", with("key", json!("tg_mine")), 400, "unknown_field"),
        ("somebody else as its issuer", with("created_by", json!("admin")), 400, "unknown_field"),
    ];
    let row = |(name, body, status, code): (&str, Value, u16, &'static str)| {
        Row::new(format!("key: {name}"), post(PATH, body.to_string()), status, code)
    };
    table.into_iter().map(row).collect()
}

fn places(names: &Names) -> Vec<Row> {
    let mut rows = vec![
        Row::new(
            "key: revoke nothing",
            post(format!("{PATH}/{NOTHING}/revoke"), "{}"),
            404,
            "not_found",
        ),
        Row::new("key: revoke no id", post(format!("{PATH}/abc/revoke"), "{}"), 400, "invalid_id"),
    ];
    for (place, status, code) in [
        (format!("/{NOTHING}"), 404, "not_found"),
        ("/abc".to_owned(), 400, "invalid_id"),
        ("/%00".to_owned(), 400, "invalid_id"),
        (format!("/{}", names.card), 400, "invalid_id"),
        ("?limit=0".to_owned(), 400, "invalid_parameter"),
        ("?limit=201".to_owned(), 400, "invalid_parameter"),
        ("?limit=1&limit=1".to_owned(), 400, "invalid_parameter"),
        ("?cursor=forged".to_owned(), 400, "invalid_parameter"),
        ("?company=all".to_owned(), 400, "invalid_parameter"),
    ] {
        rows.push(Row::new(format!("keys{place}"), get(format!("{PATH}{place}")), status, code));
    }
    rows
}
