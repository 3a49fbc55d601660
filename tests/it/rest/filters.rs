//! Filters of lists, each by its effect: what it names is there, and nothing else.

use serde_json::{Value, json};

use super::lists::{page, walk};
use super::{Program, authorized, created, text};
use crate::support::TestApp;

/// The list has exactly these, in this order, whether it comes in one page or in many.
async fn expect_only(app: &TestApp, path: &str, objects: &[&Value]) {
    let expected: Vec<&str> = objects.iter().map(|object| text(&object["id"])).collect();
    for limit in [1, 50] {
        assert_eq!(walk(app, path, limit).await, expected, "{path}, {limit} a page");
    }
}

#[tokio::test]
async fn companies_and_users_are_found_by_their_status() {
    let app = TestApp::start().await;
    let (mine, other) = (Program::start(&app, 0).await, Program::start(&app, 0).await);
    let path = format!("/api/v1/companies/{}", text(&other.company["id"]));
    assert_eq!(app.patch(&path, 1, json!({"status": "SUSPENDED"})).await.0, 200);
    expect_only(&app, "/api/v1/companies?status=SUSPENDED", &[&other.company]).await;
    expect_only(&app, "/api/v1/companies?status=ACTIVE", &[&mine.company]).await;
    expect_only(&app, "/api/v1/companies?status=CLOSED", &[]).await;
    let company = text(&mine.company["id"]);
    let limited = json!({"company_id": company, "status": "LIMITED"});
    let limited = created(&app, "/api/v1/users", limited).await;
    let users = "/api/v1/users?status";
    expect_only(&app, &format!("{users}=LIMITED"), &[&limited]).await;
    expect_only(&app, &format!("{users}=ACTIVE"), &[&other.user, &mine.user]).await;
    expect_only(&app, &format!("{users}=ACTIVE&company={company}"), &[&mine.user]).await;
    expect_only(&app, &format!("{users}=CLOSED&company={company}"), &[]).await;
}

#[tokio::test]
async fn people_their_wallets_and_their_cards_are_found() {
    let app = TestApp::start().await;
    let person = async |token: &str, status: &str| {
        let body = json!({"marqeta_token": token, "status": status});
        created(&app, "/api/v1/personal/users", body).await
    };
    let (ada, ben) = (person("ada", "ACTIVE").await, person("ben", "ACTIVE").await);
    let cara = person("cara", "UNVERIFIED").await;
    let people = "/api/v1/personal/users?status";
    expect_only(&app, &format!("{people}=UNVERIFIED"), &[&cara]).await;
    expect_only(&app, &format!("{people}=ACTIVE"), &[&ben, &ada]).await;
    expect_only(&app, &format!("{people}=SUSPENDED"), &[]).await;

    let wallet = async |user: &str, currency: &str| {
        let body = json!({"user_id": user, "currency": currency});
        created(&app, "/api/v1/personal/wallets", body).await
    };
    let (first, bens) = (wallet("ada", "EUR").await, wallet("ben", "EUR").await);
    let (second, third) = (wallet("ada", "USD").await, wallet("ada", "JPY").await);
    let wallets = "/api/v1/personal/wallets?user";
    for name in ["ada", text(&ada["id"])] {
        expect_only(&app, &format!("{wallets}={name}"), &[&third, &second, &first]).await;
    }
    expect_only(&app, &format!("{wallets}=ben"), &[&bens]).await;
    expect_only(&app, &format!("{wallets}=nobody"), &[]).await;
    let shown = page(&app, &format!("{wallets}=ada&limit=2")).await;
    assert_eq!(shown["items"], json!([third, second]), "with what is on them");

    let card = async |user: &str, wallet: &Value| {
        let body = json!({"user_id": user, "wallet_id": wallet["id"], "status": "ACTIVE"});
        created(&app, "/api/v1/personal/cards", body).await
    };
    let (euro, bens_card) = (card("ada", &first).await, card("ben", &bens).await);
    let (dollar, another) = (card("ada", &second).await, card("ada", &first).await);
    let cards = "/api/v1/personal/cards";
    let of = |wallet: &Value| format!("{cards}?wallet={}", text(&wallet["id"]));
    expect_only(&app, &of(&first), &[&another, &euro]).await;
    expect_only(&app, &of(&second), &[&dollar]).await;
    expect_only(&app, &of(&third), &[]).await;
    expect_only(&app, &format!("{cards}?user=ada"), &[&another, &dollar, &euro]).await;
    expect_only(&app, &format!("{}&user=ben", of(&first)), &[]).await;
    expect_only(&app, &format!("{cards}?status=ACTIVE&user=ben"), &[&bens_card]).await;
}

#[tokio::test]
async fn controls_are_found_by_whom_they_bind() {
    let app = TestApp::start().await;
    let (mine, other) = (Program::start(&app, 0).await, Program::start(&app, 0).await);
    let control = async |scope: &str, whom: &Value| {
        let body = json!({"scope": scope, "scope_id": whom, "effect": "deny", "mccs": ["7995"]});
        created(&app, "/api/v1/spending-controls", body).await
    };
    let program = control("program", &Value::Null).await;
    let company = control("company", &mine.company["id"]).await;
    let user = control("user", &mine.user["id"]).await;
    let card = control("card", &mine.card["id"]).await;
    let others = control("card", &other.card["id"]).await;
    let controls = "/api/v1/spending-controls";
    let of = |name: &str, whom: &Value| format!("{controls}?{name}={}", text(whom));
    expect_only(&app, &of("company", &mine.company["id"]), &[&card, &user, &company]).await;
    expect_only(&app, &of("company", &other.company["id"]), &[&others]).await;
    expect_only(&app, &format!("{controls}?scope=program"), &[&program]).await;
    expect_only(&app, &format!("{controls}?scope=card"), &[&others, &card]).await;
    for (scope, whom, found) in [
        ("company", &mine.company["id"], &company),
        ("user", &mine.user["id"], &user),
        ("card", &mine.card["id"], &card),
    ] {
        let path = format!("{}&scope={scope}", of("scope_id", whom));
        expect_only(&app, &path, &[found]).await;
    }
    let nobodys = format!("{}&scope=user", of("scope_id", &other.user["id"]));
    expect_only(&app, &nobodys, &[]).await;
}

#[tokio::test]
async fn decisions_are_found_by_company_and_by_account() {
    let app = TestApp::start().await;
    let (mine, other) = (Program::start(&app, 1_000).await, Program::start(&app, 0).await);
    let person = created(&app, "/api/v1/personal/users", json!({})).await;
    let wallet = json!({"user_id": person["id"], "currency": "EUR"});
    let wallet = created(&app, "/api/v1/personal/wallets", wallet).await;
    let card = json!({"user_id": person["id"], "status": "ACTIVE"});
    let card = created(&app, "/api/v1/personal/cards", card).await;
    let first = authorized(&app, mine.purchase("t-1", 100)).await;
    let others = authorized(&app, other.purchase("t-2", 100)).await;
    let bought = json!({"token": "t-3", "card": card["id"], "amount": 1, "currency": "EUR"});
    let bought = authorized(&app, bought).await;
    let second = authorized(&app, mine.purchase("t-4", 5_000)).await;
    let list = "/api/v1/authorizations";
    let of = |name: &str, whom: &Value| format!("{list}?{name}={}", text(whom));
    let company = &mine.company["id"];
    for path in [of("company", company), of("account", &mine.company["account_id"])] {
        expect_only(&app, &path, &[&second, &first]).await;
        expect_only(&app, &format!("{path}&decision=approved"), &[&first]).await;
    }
    expect_only(&app, &of("company", &other.company["id"]), &[&others]).await;
    expect_only(&app, &of("account", &wallet["id"]), &[&bought]).await;
}
