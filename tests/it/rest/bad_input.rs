//! Bad input gets a clear error, names the field at fault, and changes nothing.

use serde_json::{Value, json};

use super::{Program, expect, text};
use crate::support::TestApp;

#[tokio::test]
async fn amounts_that_are_no_whole_numbers_in_range_are_refused() {
    let app = TestApp::start().await;
    let program = Program::start(&app, 1_000).await;
    let card = text(&program.card["id"]);
    for amount in [
        "1e309",
        "1e2",
        "-1",
        "0",
        "10.999",
        "10.0",
        r#""1_000""#,
        r#"" 10""#,
        "true",
        "[1]",
        "null",
    ]
    .into_iter()
    .chain(["9223372036854775808", "9223372036854775807", "1000000000001"])
    {
        let body = format!(r#"{{"token":"t","card":"{card}","amount":{amount},"currency":"EUR"}}"#);
        let answer = app.send("POST", "/api/v1/authorizations", &[], Some(body)).await;
        assert_eq!(answer.1["pointer"], "/amount", "{amount}");
        expect(answer, 400, "invalid_amount");
    }
    assert_eq!(program.account(&app).await["held"], 0);
}

#[tokio::test]
async fn unknown_missing_and_mistyped_fields_are_told_apart() {
    let app = TestApp::start().await;
    for (body, code, pointer) in [
        (json!({"name": "W", "currency": "EUR", "balance": 5}), "unknown_field", None),
        (json!({"name": "W", "currency": "EUR", "id": "x"}), "unknown_field", None),
        (json!({"currency": "EUR"}), "missing_field", Some("/name")),
        (json!({"name": {"$gt": ""}, "currency": "EUR"}), "invalid_type", Some("/name")),
        (json!({"name": "a\u{202e}b", "currency": "EUR"}), "invalid_characters", Some("/name")),
        (json!({"name": "a\nb", "currency": "EUR"}), "invalid_characters", Some("/name")),
        (json!({"name": "x".repeat(257), "currency": "EUR"}), "too_long", Some("/name")),
        (json!({"name": "W", "currency": "usd"}), "invalid_currency", Some("/currency")),
        (json!({"name": "W", "currency": 840}), "invalid_currency", Some("/currency")),
    ] {
        let answer = app.post("/api/v1/companies", body.clone()).await;
        if let Some(pointer) = pointer {
            assert_eq!(answer.1["pointer"], pointer, "{body}");
        }
        expect(answer, 400, code);
    }
}

#[tokio::test]
async fn an_error_never_repeats_the_value() {
    let app = TestApp::start().await;
    let body = json!({"name": "W", "currency": "4111111111111111"});
    let (_, answer) = app.post("/api/v1/companies", body).await;
    assert!(!answer.to_string().contains("4111"), "{answer}");
    assert!(answer["request_id"].is_string(), "{answer}");
}

#[tokio::test]
async fn ids_in_paths_are_ids() {
    let app = TestApp::start().await;
    let long = "x".repeat(5_000);
    for id in ["abc", "-1", "0", "18446744073709551616", "%00", "%ff", "..%2f", long.as_str()] {
        let answer = app.get(&format!("/api/v1/companies/{id}")).await;
        expect(answer, 400, "invalid_id");
    }
    for id in ["%00", "%ff", "..%2f", "%20", long.as_str()] {
        let answer = app.get(&format!("/api/v1/cards/{id}")).await;
        expect(answer, 400, "invalid_id");
    }
    let unknown = "cmp_0190123456787abc8def0123456789ab";
    expect(app.get(&format!("/api/v1/companies/{unknown}")).await, 404, "not_found");
    expect(app.get("/api/v1/cards/nobody").await, 404, "not_found");
    let unknown = "aut_b0190123456787abc8def0123456789ab";
    expect(app.get(&format!("/api/v1/authorizations/{unknown}")).await, 404, "not_found");
}

#[tokio::test]
async fn an_unwritable_token_is_refused() {
    let app = TestApp::start().await;
    let with = |token: Value| json!({"token": token, "card": "c", "amount": 1, "currency": "EUR"});
    let long = "t".repeat(37);
    for token in ["", "a b", "../x", "'; drop", "a\r\nb", "😀", long.as_str()] {
        let answer = app.post("/api/v1/authorizations", with(json!(token))).await;
        expect(answer, 400, "invalid_token");
    }
    let object = app.post("/api/v1/authorizations", with(json!({"$ne": 1}))).await;
    expect(object, 400, "invalid_type");
}

#[tokio::test]
async fn a_step_says_the_currency_of_its_purchase_or_none() {
    let app = TestApp::start().await;
    let program = Program::start(&app, 1_000).await;
    let purchase = super::authorized(&app, program.purchase("t-1", 100)).await;
    let path = format!("/api/v1/authorizations/{}/clear", text(&purchase["id"]));
    let dollars = json!({"token": "t-2", "amount": 100, "currency": "USD"});
    expect(app.post(&path, dollars).await, 422, "currency_mismatch");
    let none = app.post(&path, json!({"amount": 100})).await;
    assert_eq!(none.1["pointer"], "/token");
    expect(none, 400, "missing_field");
    assert_eq!(program.account(&app).await["posted"], 0);
}
