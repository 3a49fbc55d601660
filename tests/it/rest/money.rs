//! Accounts are funded once for each key, and their limits changed on a known version.

use serde_json::json;

use super::{Program, authorized, created, expect, text};
use crate::support::TestApp;

#[tokio::test]
async fn funding_happens_once_for_each_key_in_either_spelling() {
    let app = TestApp::start().await;
    let program = Program::start(&app, 0).await;
    let path = format!("{}/fund", program.account_path());
    let body = Some(json!({"amount": 700, "currency": "EUR"}).to_string());
    let first = app.send("POST", &path, &[("idempotency-key", "top-up")], body.clone()).await;
    assert_eq!(first.0, 201, "{}", first.1);
    assert_eq!((&first.1["kind"], &first.1["available"]), (&json!("fund"), &json!(700)));
    let again = app.send("POST", &path, &[("idempotency-key", "\"top-up\"")], body).await;
    assert_eq!(again, first);
    assert_eq!(program.account(&app).await["funded"], 700);
    let other = Some(json!({"amount": 701, "currency": "EUR"}).to_string());
    let other = app.send("POST", &path, &[("idempotency-key", "top-up")], other).await;
    expect(other, 422, "idempotency_key_reused");
    assert_eq!(program.account(&app).await["funded"], 700);
    // Nor does it move the same amount elsewhere.
    let company = json!({"name": "Another", "currency": "EUR"});
    let company = created(&app, "/api/v1/companies", company).await;
    let path = format!("/api/v1/accounts/{}/fund", text(&company["account_id"]));
    let body = Some(json!({"amount": 700, "currency": "EUR"}).to_string());
    let elsewhere = app.send("POST", &path, &[("idempotency-key", "top-up")], body).await;
    expect(elsewhere, 422, "idempotency_key_reused");
}

#[tokio::test]
async fn funding_needs_a_legal_key_and_the_accounts_currency() {
    let app = TestApp::start().await;
    let program = Program::start(&app, 0).await;
    let path = format!("{}/fund", program.account_path());
    let body = json!({"amount": 700, "currency": "EUR"});
    expect(app.post(&path, body.clone()).await, 400, "idempotency_key_required");
    let long = "k".repeat(256);
    for key in ["", "\"\"", "two words", long.as_str()] {
        let headers = [("idempotency-key", key)];
        let answer = app.send("POST", &path, &headers, Some(body.to_string())).await;
        expect(answer, 400, "invalid_idempotency_key");
    }
    let foreign = Some(json!({"amount": 700, "currency": "USD"}).to_string());
    let foreign = app.send("POST", &path, &[("idempotency-key", "k")], foreign).await;
    expect(foreign, 422, "currency_mismatch");
    assert_eq!(program.account(&app).await["funded"], 0);
}

#[tokio::test]
async fn a_wallet_is_funded_like_any_account() {
    let app = TestApp::start().await;
    let user = created(&app, "/api/v1/personal/users", json!({})).await;
    let wallet = json!({"user_id": user["id"], "currency": "EUR"});
    let wallet = created(&app, "/api/v1/personal/wallets", wallet).await;
    let path = format!("/api/v1/personal/wallets/{}", text(&wallet["id"]));
    let body = Some(json!({"amount": 300, "currency": "EUR"}).to_string());
    let fund = format!("{path}/fund");
    let ask = async |key: &'static str| {
        app.send("POST", &fund, &[("idempotency-key", key)], body.clone()).await
    };
    let funded = ask("k").await;
    assert_eq!(funded.0, 201, "{}", funded.1);
    assert_eq!(app.get(&path).await.1["available"], 300);
    // Its owner may not load it any more: what was done is still told, and nothing more is done.
    let owner = format!("/api/v1/personal/users/{}", text(&user["id"]));
    assert_eq!(app.patch(&owner, 1, json!({"status": "SUSPENDED"})).await.0, 200);
    let again = ask("k").await;
    assert_eq!((again.0, &again.1), (funded.0, &funded.1));
    expect(ask("another").await, 409, "invalid_transition");
    assert_eq!(app.get(&path).await.1["available"], 300);
}

#[tokio::test]
async fn a_limit_cut_is_felt_by_the_next_purchase() {
    let app = TestApp::start().await;
    let program = Program::start(&app, 1_000).await;
    let first = authorized(&app, program.purchase("t-1", 600)).await;
    assert_eq!(first["decision"], "approved", "{first}");
    let version = program.account(&app).await["version"].as_i64().unwrap();
    let path = program.account_path();
    let (status, cut) = app.patch(&path, version, json!({"limit": 500})).await;
    assert_eq!(status, 200, "{cut}");
    assert_eq!((&cut["limit"], &cut["available"]), (&json!(500), &json!(-100)));
    assert_eq!(cut["version"], version + 1);
    let next = authorized(&app, program.purchase("t-2", 1)).await;
    assert_eq!(next["reason"], "INSUFFICIENT_FUNDS", "{next}");
    expect(app.patch(&path, version, json!({"limit": 900})).await, 412, "version_conflict");
    expect(app.patch(&path, version + 1, json!({"limit": -1})).await, 400, "invalid_limit");
}

#[tokio::test]
async fn purchases_do_not_count_as_changes_of_an_account() {
    let app = TestApp::start().await;
    let program = Program::start(&app, 1_000).await;
    let before = program.account(&app).await;
    authorized(&app, program.purchase("t-1", 600)).await;
    let after = program.account(&app).await;
    assert_eq!((&after["held"], &after["version"]), (&json!(600), &before["version"]));
}
