//! Who is told of what: a company of its own, the program of everything.

use serde_json::{Value, json};

use super::listener::{self, Listener, listen};
use super::live::{buy, tokens_until};
use super::told::until_heard;
use crate::support::app::ADMIN_KEY;
use crate::support::client::Client;
use crate::support::program::{created, text};
use crate::support::{Program, TestApp};

async fn key(client: &mut Client, scope: &str, company: Option<&str>) -> String {
    let body = json!({"name": "feed", "scopes": [scope], "company_id": company});
    text(&created(client.post("/api/v1/api-keys", body).await)["key"])
}

async fn open(app: &TestApp, key: &str, query: &str) -> Listener {
    listener::open(app.addr, key, query, None).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_company_is_told_of_its_own_and_of_nobody_else() {
    let app = TestApp::start().await;
    let mut client = app.client();
    let one = Program::set_up(&mut client, 100_00, 1).await;
    let two = Program::set_up(&mut client, 100_00, 1).await;
    let person = Program::set_up_personal(&mut client, 100_00, 1).await;
    let of_one = key(&mut client, "operator", Some(&one.company)).await;
    let of_two = key(&mut client, "admin", Some(&two.company)).await;
    until_heard(&app).await;
    let mut first = open(&app, &of_one, "").await;
    let mut second = open(&app, &of_two, "").await;
    let mut everything = open(&app, ADMIN_KEY, "?types=authorization.*").await;
    let mut chosen = open(&app, ADMIN_KEY, &format!("?company={}", two.company)).await;
    let of_parties = "?types=user.created,card.issued";
    let mut parties = open(&app, &of_one, of_parties).await;
    let of_other = format!("?company={}", two.company);
    let (status, body) = listen(app.addr, &of_one, &of_other, None).await.err().unwrap();
    assert_eq!((status.as_u16(), &body["code"]), (404, &json!("not_found")));

    let user = json!({"company_id": one.company});
    let user = created(client.post("/api/v1/users", user).await);
    let card = created(client.post("/api/v1/cards", json!({"user_id": user["id"]})).await);
    buy(&mut client, &two, "two-1").await;
    buy(&mut client, &person, "person-1").await;
    let unknown = json!({"token": "nobody-1", "card": "nobodys", "amount": 1, "currency": "USD"});
    client.post("/api/v1/authorizations", unknown).await;
    buy(&mut client, &one, "one-1").await;
    buy(&mut client, &two, "two-2").await;

    assert_eq!(tokens_until(&mut first, "one-1").await, ["one-1"]);
    assert_eq!(tokens_until(&mut second, "two-2").await, ["two-1", "two-2"]);
    assert_eq!(tokens_until(&mut chosen, "two-2").await, ["two-1", "two-2"]);
    // Accounts are relayed side by side: only those of one keep their order.
    let mut all = Vec::new();
    while all.len() < 5 {
        let told = everything.next().await.expect("the feed goes on");
        all.push(text(&told.data["payload"]["token"]));
    }
    all.sort();
    assert_eq!(all, ["nobody-1", "one-1", "person-1", "two-1", "two-2"]);
    // Those of before may be told late.
    let mut issued_to_one = Vec::new();
    while !issued_to_one.contains(&card["id"]) {
        issued_to_one.push(parties.until("card.issued").await.data["payload"]["card"].clone());
    }
    let stranger = |id: &Value| *id != card["id"] && *id != json!(one.cards[0]);
    assert!(!issued_to_one.iter().any(stranger), "{issued_to_one:?}");
    drop((first, second, everything, chosen, parties));
    app.stop_and_verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_who_administers_or_operates_is_told() {
    let app = TestApp::start().await;
    let mut client = app.client();
    for scope in ["read", "processor", "simulate"] {
        let key = key(&mut client, scope, None).await;
        let (status, body) = listen(app.addr, &key, "", None).await.err().unwrap();
        assert_eq!((status.as_u16(), &body["code"]), (403, &json!("forbidden")), "{scope}");
    }
    let (status, body) = listen(app.addr, "nobodys", "", None).await.err().unwrap();
    assert_eq!((status.as_u16(), &body["code"]), (401, &Value::from("unauthorized")));
    app.stop_and_verify().await;
}
