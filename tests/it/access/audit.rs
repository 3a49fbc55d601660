//! The audit log: what was done is there, what was not is not.

use http::Method;
use serde_json::{Value, json};

use super::world::World;
use crate::store::postgres_database::Database;
use crate::support::TestApp;
use crate::support::client::Client;

async fn entries(client: &mut Client) -> Vec<Value> {
    let (mut all, mut path) = (Vec::new(), "/api/v1/audit?limit=7".to_owned());
    loop {
        let page = client.get(&path).await.json();
        all.extend(page["items"].as_array().expect("a list").iter().cloned());
        let Some(next) = page["next"].as_i64() else { break };
        path = format!("/api/v1/audit?limit=7&cursor={next}");
    }
    all.reverse();
    all
}

async fn acts_are_written_down(app: TestApp) {
    let mut world = World::of(&app).await;
    let mut client = app.client();
    let own = world.own.company.clone();
    let key = world.key(&["admin", "read", "processor"], Some(&own)).await;
    let before = entries(&mut client).await;
    let numbers: Vec<_> = before.iter().map(|entry| entry["number"].as_i64()).collect();
    assert_eq!(numbers, (1..=numbers.len() as i64).map(Some).collect::<Vec<_>>(), "no gaps");

    // Acts, and what leaves nothing: reads, purchases, refusals.
    let user = json!({"company_id": own});
    let user = world.send(Some(&key), "POST", "/api/v1/users", Some(user)).await.json();
    let card_path = format!("/api/v1/cards/{}", world.own.card);
    let request = client.admin(Method::PATCH, &card_path).header("if-match", "\"1\"");
    let request = request.header("x-request-id", "my-request.1");
    let body = json!({"status": "SUSPENDED"}).to_string();
    assert_eq!(client.send(request, body.into()).await.unwrap().status, 200);
    let account_path = format!("/api/v1/accounts/{}", world.own.account);
    let fund = format!("{account_path}/fund");
    let money = json!({"amount": 1, "currency": "EUR"});
    assert_eq!(world.send(None, "POST", &fund, Some(money.clone())).await.status, 401);
    assert_eq!(world.send(Some(&key), "POST", &fund, Some(money)).await.status, 201);
    assert_eq!(world.send(Some(&key), "GET", &card_path, None).await.status, 200);
    let stale = json!({"last_four": "1234"});
    assert_eq!(world.send(Some(&key), "PATCH", &card_path, Some(stale)).await.status, 412);
    let purchase = json!({"token": "p", "card": world.own.card, "amount": 1, "currency": "EUR"});
    let decided = world.send(Some(&key), "POST", "/api/v1/authorizations", Some(purchase)).await;
    assert_eq!(decided.status, 201);
    let personal = world.send(None, "POST", "/api/v1/personal/users", Some(json!({}))).await;
    assert_eq!(personal.status, 401);
    let person = client.post("/api/v1/personal/users", json!({})).await.json();

    let all = entries(&mut client).await;
    let told: Vec<[Value; 4]> = all[before.len()..]
        .iter()
        .filter(|entry| entry["outcome"] == "done")
        .map(|entry| ["who", "reach", "what", "object"].map(|name| entry[name].clone()))
        .collect();
    let id = {
        let listed = client.get("/api/v1/api-keys?limit=1").await.json();
        listed["items"][0]["id"].clone()
    };
    let expected = [
        [id.clone(), json!(own), json!("POST /api/v1/users"), user["id"].clone()],
        [
            json!("admin"),
            json!("program"),
            json!("PATCH /api/v1/cards/{id}"),
            json!(world.own.card),
        ],
        [id, json!(own), json!("POST /api/v1/accounts/{id}/fund"), json!(world.own.account)],
        [
            json!("admin"),
            json!("program"),
            json!("POST /api/v1/personal/users"),
            person["id"].clone(),
        ],
    ];
    assert_eq!(told, expected);
    assert_eq!(all[before.len() + 1]["request_id"], "my-request.1");
    // Money moves through a lane: that it was about to is told before.
    let funding: Vec<&Value> = all
        .iter()
        .filter(|entry| entry["what"] == "POST /api/v1/accounts/{id}/fund")
        .skip_while(|entry| entry["number"].as_i64() <= before.last().unwrap()["number"].as_i64())
        .collect();
    let outcomes: Vec<_> = funding.iter().map(|entry| entry["outcome"].clone()).collect();
    assert_eq!(outcomes, ["begun", "done"]);
    assert_eq!(funding[0]["request_id"], funding[1]["request_id"]);
    assert_eq!(funding[0]["object"], funding[1]["object"]);
    let foreign = json!({"amount": 1, "currency": "USD"});
    let foreign = world.send(Some(&key), "POST", &fund, Some(foreign)).await;
    assert_eq!(foreign.status, 422);
    let all = entries(&mut client).await;
    let outcomes: Vec<_> = all[all.len() - 2..].iter().map(|entry| &entry["outcome"]).collect();
    assert_eq!(outcomes, ["begun", "failed"]);
    // What is not there, out of reach or has changed is refused before anything is begun.
    let unknown = format!("{}abcdef", &world.own.account[..world.own.account.len() - 6]);
    let stranger = world.stranger().await;
    let stranger = client.get(&format!("/api/v1/companies/{stranger}")).await.json();
    let foreign = stranger["account_id"].as_str().expect("an id");
    let before = entries(&mut client).await.len();
    for account in [unknown.as_str(), foreign] {
        let fund = format!("/api/v1/accounts/{account}/fund");
        let money = json!({"amount": 1, "currency": "EUR"});
        assert_eq!(world.send(Some(&key), "POST", &fund, Some(money)).await.status, 404);
    }
    let request = client.admin(Method::PATCH, &account_path).header("if-match", "\"99\"");
    let body = json!({"limit": 1}).to_string();
    assert_eq!(client.send(request, body.into()).await.unwrap().status, 412);
    let letter = format!("/api/v1/dead-letters/dlq_{}/discard", uuid::Uuid::nil().simple());
    let reason = json!({"reason": "none"});
    assert_eq!(client.post(&letter, reason).await.status, 404);
    assert_eq!(entries(&mut client).await.len(), before);
    for pair in all.windows(2) {
        assert_eq!(pair[1]["previous"], pair[0]["hash"]);
    }
    for query in ["limit=0", "cursor=x", "who=admin"] {
        let said = client.get(&format!("/api/v1/audit?{query}")).await.says();
        assert_eq!(said, (400, "invalid_parameter".into()), "{query}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acts_are_written_down_on_the_embedded_store() {
    let folder = tempfile::tempdir().unwrap();
    let app = TestApp::start_in(folder.path(), |_| {}).await;
    acts_are_written_down(app).await;
    // The service has been dropped, not stopped: what was acknowledged is there.
    crate::support::verify::books(folder.path()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn acts_are_written_down_on_postgres() {
    let database = Database::migrated().await;
    let url = database.service_url().to_owned();
    let app = TestApp::start_with(|settings| settings.store.postgres.url = Some(url.into()));
    acts_are_written_down(app.await).await;
}
