//! Lists over HTTP: pages, cursors, filters, and what is refused.

use http::StatusCode;
use serde_json::{Value, json};

use super::{Program, authorized, created, expect, moved, text};
use crate::support::TestApp;

pub async fn page(app: &TestApp, path: &str) -> Value {
    let (status, page) = app.get(path).await;
    assert_eq!(status, 200, "{path}: {page}");
    page
}

/// The ids of all pages, so many items a page.
pub async fn walk(app: &TestApp, path: &str, limit: usize) -> Vec<String> {
    let (mut ids, mut cursor) = (Vec::new(), String::new());
    let separator = if path.contains('?') { '&' } else { '?' };
    loop {
        let page = page(app, &format!("{path}{separator}limit={limit}{cursor}")).await;
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= limit);
        ids.extend(items.iter().map(|item| text(&item["id"]).to_owned()));
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return ids,
        }
    }
}

#[tokio::test]
async fn every_list_is_walked_page_by_page_newest_first() {
    let app = TestApp::start().await;
    let program = Program::start(&app, 10_000).await;
    let person = created(&app, "/api/v1/personal/users", json!({"marqeta_token": "p-1"})).await;
    let wallet = json!({"user_id": person["id"], "currency": "EUR"});
    let wallet = created(&app, "/api/v1/personal/wallets", wallet).await;
    let limit =
        json!({"scope": "card", "scope_id": program.card["id"], "window": "day", "count": 9});
    let deny = json!({"scope": "program", "effect": "deny", "mccs": ["7995"]});
    for (path, body) in [
        ("/api/v1/companies", json!({"name": "Finch", "currency": "EUR"})),
        ("/api/v1/users", json!({"company_id": program.company["id"]})),
        ("/api/v1/cards", json!({"user_id": program.user["id"]})),
        ("/api/v1/spending-limits", limit),
        ("/api/v1/spending-controls", deny),
        ("/api/v1/personal/users", json!({})),
        ("/api/v1/personal/wallets", json!({"user_id": "p-1", "currency": "EUR"})),
        ("/api/v1/personal/cards", json!({"user_id": "p-1", "wallet_id": wallet["id"]})),
        ("/api/v1/api-keys", json!({"name": "till", "scopes": ["read"]})),
    ] {
        let mut made = Vec::new();
        for _ in 0..3 {
            made.insert(0, text(&created(&app, path, body.clone()).await["id"]).to_owned());
        }
        for limit in [1, 2, 50] {
            let found = walk(&app, path, limit).await;
            assert_eq!(found[..3], made, "{path}");
        }
        let all = walk(&app, path, 50).await.len();
        let exact = page(&app, &format!("{path}?limit={all}")).await;
        assert_eq!(exact["next"], Value::Null, "{path}: nothing follows the last");
    }
    let accounts = walk(&app, "/api/v1/accounts", 1).await;
    assert_eq!(accounts.len(), 4, "those of companies: {accounts:?}");
    submissions(&app).await;
    history(&app, &wallet).await;
}

/// A person has one open submission.
async fn submissions(app: &TestApp) {
    let mut made = Vec::new();
    for _ in 0..3 {
        let person = created(app, "/api/v1/personal/users", json!({})).await;
        let body = json!({"user_id": person["id"], "tier": "basic"});
        let submitted = created(app, "/api/v1/personal/kyc", body).await;
        made.insert(0, text(&submitted["id"]).to_owned());
    }
    for limit in [1, 2, 50] {
        assert_eq!(walk(app, "/api/v1/personal/kyc", limit).await, made);
    }
}

/// What has moved on a wallet, latest first.
async fn history(app: &TestApp, wallet: &Value) {
    let path = format!("/api/v1/personal/wallets/{}", text(&wallet["id"]));
    for amount in [100, 200, 300] {
        let key = format!("top-up-{amount}");
        let body = json!({"amount": amount, "currency": "EUR"}).to_string();
        let headers = [("idempotency-key", key.as_str())];
        let funded = app.send("POST", &format!("{path}/fund"), &headers, Some(body)).await;
        assert_eq!(funded.0, 201, "{}", funded.1);
    }
    let (mut amounts, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = page(app, &format!("{path}/history?limit=1{cursor}")).await;
        assert_eq!(page["items"].as_array().map(Vec::len), Some(1), "{page}");
        amounts.push(page["items"][0]["amount"].clone());
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(amounts, [300, 200, 100]);
}

#[tokio::test]
async fn lists_are_narrowed_by_what_is_named() {
    let app = TestApp::start().await;
    let (mine, other) = (Program::start(&app, 1_000).await, Program::start(&app, 0).await);
    let company = text(&mine.company["id"]);
    let expect_only = async |path: String, id: &Value| {
        let page = page(&app, &path).await;
        let ids: Vec<&Value> =
            page["items"].as_array().unwrap().iter().map(|item| &item["id"]).collect();
        assert_eq!(ids, [id], "{path}");
    };
    let card = json!({"user_id": other.user["id"], "marqeta_token": "c-9"});
    let named = created(&app, "/api/v1/cards", card).await;
    expect_only(format!("/api/v1/users?company={company}"), &mine.user["id"]).await;
    expect_only(format!("/api/v1/cards?company={company}"), &mine.card["id"]).await;
    expect_only(format!("/api/v1/accounts?company={company}"), &mine.company["account_id"]).await;
    let user = text(&mine.user["id"]);
    expect_only(format!("/api/v1/cards?user={user}&status=ACTIVE"), &mine.card["id"]).await;
    expect_only("/api/v1/cards?status=UNACTIVATED".into(), &named["id"]).await;
    expect_only("/api/v1/cards?marqeta_token=c-9".into(), &named["id"]).await;
    for nothing in [
        "/api/v1/cards?user=nobody".to_owned(),
        "/api/v1/cards?marqeta_token=nothing".to_owned(),
        format!("/api/v1/cards?company={company}&marqeta_token=c-9"),
        "/api/v1/cards?status=TERMINATED".to_owned(),
        "/api/v1/personal/cards".to_owned(),
        "/api/v1/personal/users?marqeta_token=c-9".to_owned(),
        "/api/v1/spending-limits?scope=card&scope_id=nobody".to_owned(),
        "/api/v1/authorizations?card=nobody".to_owned(),
    ] {
        assert_eq!(page(&app, &nothing).await["items"], json!([]), "{nothing}");
    }
    let pool = json!({"scope": "company", "scope_id": company, "window": "day", "count": 9});
    let limit = created(&app, "/api/v1/spending-limits", pool).await;
    for query in [format!("company={company}"), format!("scope=company&scope_id={company}")] {
        expect_only(format!("/api/v1/spending-limits?{query}"), &limit["id"]).await;
    }
    expect_only("/api/v1/spending-limits?scope=company".into(), &limit["id"]).await;
}

#[tokio::test]
async fn decisions_and_movements_are_listed() {
    let app = TestApp::start().await;
    let program = Program::start(&app, 1_000).await;
    let bought = authorized(&app, program.purchase("t-1", 900)).await;
    let refused = authorized(&app, program.purchase("t-2", 900)).await;
    let card = text(&program.card["id"]);
    let found = walk(&app, &format!("/api/v1/authorizations?card={card}"), 1).await;
    assert_eq!(found, [text(&refused["id"]), text(&bought["id"])]);
    let declined = page(&app, "/api/v1/authorizations?decision=declined").await;
    assert_eq!(declined["items"], json!([refused]), "as it was answered");
    let later = "/api/v1/authorizations?from=2099-01-01T00:00:00Z";
    assert_eq!(page(&app, later).await["items"], json!([]));
    let earlier = "/api/v1/authorizations?to=2020-01-01T00:00:00Z";
    assert_eq!(page(&app, earlier).await["items"], json!([]));
    moved(&app, &bought, "clear", json!({"token": "c-1", "amount": 400})).await;
    moved(&app, &bought, "clear", json!({"token": "c-2", "amount": 500, "final": true})).await;
    let path = format!("{}/history", program.account_path());
    let history = page(&app, &format!("{path}?limit=1")).await;
    assert_eq!(history["items"][0]["amount"], 500, "{history}");
    let next = text(&history["next"]);
    let rest = page(&app, &format!("{path}?limit=1&cursor={next}")).await;
    assert_eq!((&rest["items"][0]["amount"], &rest["next"]), (&json!(400), &Value::Null));
    expect(app.get(&path.replace("acc_b0", "acc_b1")).await, 404, "not_found");
    let wallet = format!("/api/v1/personal/wallets/{}/history", text(&bought["account_id"]));
    expect(app.get(&wallet).await, 404, "not_found");
}

#[tokio::test]
async fn what_is_no_query_of_the_list_is_refused() {
    let app = TestApp::start().await;
    Program::start(&app, 0).await;
    created(&app, "/api/v1/companies", json!({"name": "Finch", "currency": "EUR"})).await;
    let first = page(&app, "/api/v1/companies?limit=1").await;
    let cursor = text(&first["next"]);
    let raw = text(&first["items"][0]["id"]);
    for query in [
        "limit=0".to_owned(),
        "limit=201".to_owned(),
        "limit=1&limit=1".to_owned(),
        "limit=%31%00".to_owned(),
        "offset=5".to_owned(),
        "cursor=".to_owned(),
        format!("cursor={raw}"),
        format!("cursor=A{cursor}"),
        format!("cursor={cursor}&cursor={cursor}"),
        "status=active".to_owned(),
        "$where=1".to_owned(),
    ] {
        let answer = app.get(&format!("/api/v1/companies?{query}")).await;
        expect(answer, 400, "invalid_parameter");
    }
    let foreign = app.get(&format!("/api/v1/users?cursor={cursor}")).await;
    expect(foreign, 400, "invalid_parameter");
    expect(app.get("/api/v1/companies?limit[$ne]=1").await, 400, "invalid_type");
    expect(app.get("/api/v1/users?company=wren").await, 400, "invalid_id");
    let (status, _) = app.get(&format!("/api/v1/companies?limit=1&cursor={cursor}")).await;
    assert_eq!(status, StatusCode::OK);
}
