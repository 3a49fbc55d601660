//! Know your customer: what people submit, what is decided, and what they may spend by it.

use serde_json::{Value, json};

use super::{authorized, created, expect, text};
use crate::support::TestApp;

const KYC: &str = "/api/v1/personal/kyc";

/// A person with an empty wallet and a card that is not activated.
async fn person(app: &TestApp, status: &str) -> (Value, Value, Value) {
    let user = json!({"marqeta_token": "p-1", "status": status});
    let user = created(app, "/api/v1/personal/users", user).await;
    let wallet = json!({"user_id": user["id"], "currency": "EUR"});
    let wallet = created(app, "/api/v1/personal/wallets", wallet).await;
    let card = created(app, "/api/v1/personal/cards", json!({"user_id": user["id"]})).await;
    (user, wallet, card)
}

async fn fund(app: &TestApp, wallet: &Value) -> (http::StatusCode, Value) {
    let path = format!("/api/v1/personal/wallets/{}/fund", text(&wallet["id"]));
    let body = json!({"amount": 10_000_000, "currency": "EUR"}).to_string();
    app.send("POST", &path, &[("idempotency-key", "f-1")], Some(body)).await
}

async fn activate(app: &TestApp, card: &Value) -> (http::StatusCode, Value) {
    let path = format!("/api/v1/personal/cards/{}", text(&card["id"]));
    app.patch(&path, 1, json!({"status": "ACTIVE"})).await
}

async fn submit(app: &TestApp, tier: &str) -> Value {
    let documents = json!(["018f6b1e-7e2a-7c3d-9f1a-2b3c4d5e6f70"]);
    let body = json!({"user_id": "p-1", "tier": tier, "documents": documents});
    created(app, KYC, body).await
}

async fn decide(
    app: &TestApp,
    record: &Value,
    verb: &str,
    body: Value,
) -> (http::StatusCode, Value) {
    app.post(&format!("{KYC}/{}/{verb}", text(&record["id"])), body).await
}

fn purchase(card: &Value, token: &str, amount: i64) -> Value {
    json!({"token": token, "card": card["id"], "amount": amount, "currency": "EUR"})
}

#[tokio::test]
async fn a_tier_is_a_monthly_limit_that_the_judge_enforces() {
    let app = TestApp::start().await;
    let (user, wallet, card) = person(&app, "UNVERIFIED").await;
    expect(fund(&app, &wallet).await, 409, "invalid_transition");
    expect(activate(&app, &card).await, 409, "invalid_transition");
    let active = json!({"user_id": user["id"], "status": "ACTIVE"});
    expect(app.post("/api/v1/personal/cards", active).await, 409, "invalid_transition");
    let refused = authorized(&app, purchase(&card, "t-0", 100)).await;
    assert_eq!(refused["decision"], "declined", "not verified: {refused}");
    let record = submit(&app, "basic").await;
    assert_eq!((&record["status"], &record["version"]), (&json!("submitted"), &json!(1)));
    let (status, approved) = decide(&app, &record, "approve", json!({})).await;
    assert_eq!((status.as_u16(), &approved["status"]), (200, &json!("approved")), "{approved}");
    let (_, standing) = app.get("/api/v1/personal/users/p-1/kyc").await;
    assert_eq!((&standing["tier"], &standing["monthly_limit"]), (&json!("basic"), &json!(50_000)));
    assert_eq!(standing["latest"], approved);
    let (_, person) = app.get("/api/v1/personal/users/p-1").await;
    assert_eq!(person["status"], "ACTIVE", "no longer unverified");
    let funded = fund(&app, &wallet).await;
    assert_eq!(funded.0, 201, "{}", funded.1);
    assert_eq!(activate(&app, &card).await.0, 200);
    let bought = authorized(&app, purchase(&card, "t-1", 50_000)).await;
    assert_eq!(bought["decision"], "approved", "{bought}");
    let refused = authorized(&app, purchase(&card, "t-2", 1)).await;
    assert_eq!(refused["code"], "limit.month.amount", "{refused}");
    // Another tier changes the same limit, which goes on counting.
    let record = submit(&app, "standard").await;
    assert_eq!(decide(&app, &record, "approve", json!({})).await.0, 200);
    let bought = authorized(&app, purchase(&card, "t-3", 450_000)).await;
    assert_eq!(bought["decision"], "approved", "{bought}");
    let refused = authorized(&app, purchase(&card, "t-4", 1)).await;
    assert_eq!(refused["code"], "limit.month.amount", "{refused}");
    let path = format!("/api/v1/spending-limits?scope=user&scope_id={}", text(&user["id"]));
    let (_, limits) = app.get(&path).await;
    assert_eq!(limits["items"].as_array().unwrap().len(), 1, "{limits}");
    assert_eq!(limits["items"][0]["mode"], "pool");
    app.stop_and_verify().await;
}

#[tokio::test]
async fn the_limit_of_a_tier_changes_with_the_tier_alone() {
    let app = TestApp::start().await;
    let (user, _, card) = person(&app, "ACTIVE").await;
    assert_eq!(activate(&app, &card).await.0, 200);
    let record = submit(&app, "basic").await;
    assert_eq!(decide(&app, &record, "approve", json!({})).await.0, 200);
    let (_, standing) = app.get("/api/v1/personal/users/p-1/kyc").await;
    let path = format!("/api/v1/spending-limits/{}", text(&standing["limit_id"]));
    let (_, before) = app.get(&path).await;
    expect(app.patch(&path, 1, json!({"amount": 9_000_000})).await, 409, "limit_of_tier");
    expect(app.patch(&path, 1, json!({"count": 1})).await, 409, "limit_of_tier");
    expect(app.patch(&path, 7, json!({"amount": 1})).await, 412, "version_conflict");
    expect(app.delete(&path).await, 409, "limit_of_tier");
    assert_eq!(app.get(&path).await.1, before);
    let refused = authorized(&app, purchase(&card, "t-1", 50_001)).await;
    assert_eq!(refused["code"], "limit.month.amount", "{refused}");
    // What the program adds by itself is an ordinary limit.
    let own = json!({"scope": "user", "scope_id": user["id"], "window": "day", "amount": 100});
    let own = created(&app, "/api/v1/spending-limits", own).await;
    let path = format!("/api/v1/spending-limits/{}", text(&own["id"]));
    assert_eq!(app.patch(&path, 1, json!({"amount": 200})).await.0, 200);
    assert_eq!(app.delete(&path).await.0, 204);
    app.stop_and_verify().await;
}

#[tokio::test]
async fn a_submission_is_decided_once_and_one_waits_at_a_time() {
    let app = TestApp::start().await;
    person(&app, "ACTIVE").await;
    let record = submit(&app, "basic").await;
    let again = json!({"user_id": "p-1", "tier": "full"});
    expect(app.post(KYC, again).await, 409, "invalid_transition");
    expect(decide(&app, &record, "reject", json!({})).await, 400, "missing_field");
    let reason = json!({"reason": "the document has expired"});
    let (status, rejected) = decide(&app, &record, "reject", reason.clone()).await;
    assert_eq!((status.as_u16(), &rejected["status"]), (200, &json!("rejected")));
    assert_eq!(rejected["reason"], reason["reason"]);
    for (verb, body) in [("reject", reason), ("approve", json!({}))] {
        expect(decide(&app, &record, verb, body).await, 409, "invalid_transition");
    }
    let (_, standing) = app.get("/api/v1/personal/users/p-1/kyc").await;
    assert_eq!((&standing["tier"], &standing["limit_id"]), (&Value::Null, &Value::Null));
    let second = submit(&app, "full").await;
    let (_, list) = app.get(&format!("{KYC}?user=p-1")).await;
    assert_eq!(list["items"], json!([second, rejected]));
    let (_, list) = app.get(&format!("{KYC}?status=submitted")).await;
    assert_eq!(list["items"], json!([second]));
    let (_, read) = app.get(&format!("{KYC}/{}", text(&second["id"]))).await;
    assert_eq!(read, second);
}

#[tokio::test]
async fn nothing_is_created_under_a_person_who_was_erased() {
    let app = TestApp::start().await;
    let (user, ..) = person(&app, "ACTIVE").await;
    let path = format!("/api/v1/personal/users/{}", text(&user["id"]));
    let (status, erased) = app.post(&format!("{path}/erase"), json!({})).await;
    assert_eq!(status, 200, "{erased}");
    let wallet = json!({"user_id": user["id"], "currency": "USD"});
    expect(app.post("/api/v1/personal/wallets", wallet).await, 409, "invalid_transition");
    let submission = json!({"user_id": "p-1", "tier": "full"});
    expect(app.post(KYC, submission).await, 409, "invalid_transition");
    let version = erased["version"].as_i64().unwrap();
    let name = app.patch(&path, version, json!({"first_name": "Wren"})).await;
    expect(name, 409, "invalid_transition");
}

#[tokio::test]
async fn what_is_no_submission_is_refused() {
    let app = TestApp::start().await;
    person(&app, "ACTIVE").await;
    let with = |tier: &str, documents: Value| json!({"user_id": "p-1", "tier": tier, "documents": documents});
    expect(app.post(KYC, with("gold", json!([]))).await, 400, "invalid_tier");
    expect(app.post(KYC, with("basic", json!(["Zoe O'Hara"]))).await, 400, "invalid_document");
    expect(app.post(KYC, with("basic", json!(["X1234567"]))).await, 400, "invalid_document");
    let nobody = json!({"user_id": "nobody", "tier": "basic"});
    expect(app.post(KYC, nobody).await, 404, "not_found");
    expect(app.get("/api/v1/personal/users/nobody/kyc").await, 404, "not_found");
    let missing = format!("{KYC}/kyc_01901234567878ab8def0123456789ab");
    expect(app.get(&missing).await, 404, "not_found");
    expect(app.post(&format!("{missing}/approve"), json!({})).await, 404, "not_found");
    expect(app.get(&format!("{KYC}?status=open")).await, 400, "invalid_parameter");
}
