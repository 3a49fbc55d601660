//! Keys: shown once, kept as hashes, bound, expiring, revoked.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use tollgate::app::clock::SystemClock;
use tollgate::domain::clock::Clock;

use super::world::World;
use crate::support::TestApp;
use crate::support::client::{Answer, Client};
use crate::support::program::{created, text};

async fn call(client: &mut Client, key: &str, method: Method, path: &str, body: Value) -> Answer {
    let request = client.request(method, path).header("authorization", format!("Bearer {key}"));
    client.send(request, body.to_string().into()).await.expect("an answer")
}

async fn read(client: &mut Client, key: &str) -> u16 {
    let path = "/api/v1/cards/crd_01901234567878ab8def0123456789ab";
    call(client, key, Method::GET, path, json!({})).await.status.as_u16()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_shown_once_and_ends_at_once_when_it_is_revoked() {
    let folder = tempfile::tempdir().unwrap();
    let app = TestApp::start_in(folder.path(), |_| {}).await;
    let mut client = app.client();
    let body = json!({"name": "till 7", "scopes": ["read", "read"]});
    let issued = created(client.post("/api/v1/api-keys", body).await);
    let (key, id) = (text(&issued["key"]), text(&issued["id"]));
    assert!(key.starts_with(issued["prefix"].as_str().unwrap()) && key.len() == 59, "{key}");
    assert_eq!(issued["scopes"], json!(["read"]));
    assert_eq!(issued["created_by"], "admin");
    assert_eq!(read(&mut client, &key).await, 404, "the card is not there, the key is");

    let path = format!("/api/v1/api-keys/{id}");
    let known = client.get(&path).await.json();
    assert_eq!(known["key"], Value::Null, "not shown again");
    let listed = client.get("/api/v1/api-keys").await.json();
    assert_eq!(listed["items"][0]["id"], known["id"]);

    let revoke = format!("{path}/revoke");
    let revoked = client.post(&revoke, json!({})).await.json();
    assert!(revoked["revoked_at"].is_string());
    assert_eq!(read(&mut client, &key).await, 401);
    let again = client.post(&revoke, json!({})).await.json();
    assert_eq!(again["revoked_at"], revoked["revoked_at"]);
    let nobody = "/api/v1/api-keys/key_01901234567878ab8def0123456789ab/revoke";
    assert_eq!(client.post(nobody, json!({})).await.says(), (404, "not_found".into()));
    app.stop_and_verify().await;

    let secret = &key.as_bytes()[key.len() - 43..]; // there may be underlines in it
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap_or_default();
        assert!(!bytes.windows(secret.len()).any(|part| part == secret), "the secret was kept");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_expires_and_its_last_use_is_written_down() {
    let app = TestApp::start().await;
    let mut client = app.client();
    let soon = SystemClock::new().now().plus_micros(8_000_000).to_string();
    let body = json!({"name": "n", "scopes": ["read"], "expires_at": soon});
    let issued = created(client.post("/api/v1/api-keys", body).await);
    let (key, path) = (text(&issued["key"]), format!("/api/v1/api-keys/{}", text(&issued["id"])));
    assert_eq!(read(&mut client, &key).await, 404);
    let mut used = Value::Null;
    for _ in 0..60 {
        used = client.get(&path).await.json()["last_used_at"].clone();
        if used.is_string() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert!(used.is_string(), "not written down within 12 s");
    for _ in 0..60 {
        if read(&mut client, &key).await == 401 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    panic!("the key has not expired");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_requests_for_keys_are_refused() {
    let app = TestApp::start().await;
    let mut client = app.client();
    let past = "2020-01-01T00:00:00Z";
    let nobodys = "cmp_01901234567878ab8def0123456789ab";
    for (body, status, code) in [
        (json!({"name": "n"}), 400, "missing_field"),
        (json!({"name": "n", "scopes": []}), 400, "invalid_value"),
        (json!({"name": "n", "scopes": ["root"]}), 400, "invalid_value"),
        (json!({"name": "n", "scopes": ["read"], "key": "mine"}), 400, "unknown_field"),
        (json!({"name": "n", "scopes": ["read"], "expires_at": past}), 400, "invalid_timestamp"),
        (json!({"name": "n", "scopes": ["read"], "company_id": nobodys}), 404, "not_found"),
    ] {
        let said = client.post("/api/v1/api-keys", body.clone()).await.says();
        assert_eq!(said, (status, code.to_owned()), "{body}");
    }
    for query in ["limit=0", "limit=201", "limit=1&limit=2", "cursor=x", "sort=name"] {
        let said = client.get(&format!("/api/v1/api-keys?{query}")).await.says();
        assert_eq!(said, (400, "invalid_parameter".into()), "{query}");
    }
    assert_eq!(client.get("/api/v1/api-keys").await.json()["items"], json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_company_s_admin_issues_keys_of_its_own_with_no_more_than_it_has() {
    let app = TestApp::start().await;
    let mut world = World::of(&app).await;
    let (company, stranger) = (world.own.company.clone(), world.stranger().await);
    let admin = world.key(&["admin", "read"], Some(&company)).await;
    let mut client = app.client();
    let path = "/api/v1/api-keys";
    for (body, status, code) in [
        (json!({"name": "n", "scopes": ["processor"]}), 403, "forbidden"),
        (json!({"name": "n", "scopes": ["read", "operator"]}), 403, "forbidden"),
        (json!({"name": "n", "scopes": ["read"], "company_id": stranger}), 404, "not_found"),
    ] {
        let answer = call(&mut client, &admin, Method::POST, path, body.clone()).await;
        assert_eq!(answer.says(), (status, code.to_owned()), "{body}");
    }
    let body = json!({"name": "n", "scopes": ["read"]});
    let issued = created(call(&mut client, &admin, Method::POST, path, body).await);
    assert_eq!(issued["company_id"], json!(company), "bound, though it did not say so");
    let listed = call(&mut client, &admin, Method::GET, path, json!({})).await.json();
    let companies: Vec<_> =
        listed["items"].as_array().unwrap().iter().map(|key| &key["company_id"]).collect();
    assert!(companies.len() >= 3 && companies.iter().all(|id| **id == json!(company)), "{listed}");
    app.stop_and_verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_company_s_caller_can_not_reach_out_of_it() {
    let app = TestApp::start().await;
    let mut world = World::of(&app).await;
    let stranger = world.stranger().await;
    let all = super::world::SCOPES;
    let other = world.key(&all, Some(&stranger)).await;
    let own = world.own.company.clone();
    let bound = world.key(&all, Some(&own)).await;
    let (card, user) = (world.own.card.clone(), world.own.user.clone());
    let limit = |scope: &str, id: Value| json!({"scope": scope, "scope_id": id, "window": "day", "count": 5});
    let purchase = json!({"token": "x-1", "card": card, "amount": 100, "currency": "EUR"});
    for (path, body, status, pointer) in [
        ("/api/v1/spending-limits", limit("card", json!(card)), 404, "/scope_id"),
        ("/api/v1/spending-limits", limit("user", json!(user)), 404, "/scope_id"),
        ("/api/v1/spending-limits", limit("company", json!(own)), 404, "/scope_id"),
        ("/api/v1/users", json!({"company_id": own}), 404, "/company_id"),
        ("/api/v1/cards", json!({"user_id": user}), 404, "/user_id"),
        ("/api/v1/authorizations", purchase.clone(), 404, "/card"),
    ] {
        let answer = world.send(Some(&other), "POST", path, Some(body.clone())).await;
        assert_eq!(answer.status.as_u16(), status, "{path} {body}: {answer:?}");
        assert_eq!(answer.json()["pointer"], pointer, "{path} {body}");
    }
    let program = json!({"scope": "program", "window": "day", "count": 5});
    let answer = world.send(Some(&bound), "POST", "/api/v1/spending-limits", Some(program)).await;
    assert_eq!(answer.says(), (403, "forbidden".into()));

    let mut client = app.client();
    let program = json!({"scope": "program", "window": "day", "count": 5_000});
    let program = created(client.post("/api/v1/spending-limits", program).await);
    let path = format!("/api/v1/spending-limits/{}", text(&program["id"]));
    assert_eq!(world.send(Some(&bound), "GET", &path, None).await.status, 404, "the program's");
    assert_eq!(world.send(Some(&bound), "DELETE", &path, None).await.status, 404);
    assert_eq!(client.get(&path).await.status, 200);

    let decided = world.send(Some(&bound), "POST", "/api/v1/authorizations", Some(purchase)).await;
    assert_eq!(decided.json()["decision"], "approved", "{decided:?}");
    let listed = format!("/api/v1/transactions?company={own}");
    assert_eq!(world.send(Some(&other), "GET", &listed, None).await.json()["items"], json!([]));
    for status in ["accepted", "parked"] {
        let listed = format!("/api/v1/transactions?status={status}&card={card}");
        assert_eq!(world.send(Some(&other), "GET", &listed, None).await.json()["items"], json!([]));
        for whose in [String::new(), format!("&company={own}"), format!("&user={user}")] {
            let listed = format!("/api/v1/transactions?status={status}{whose}");
            let answer = world.send(Some(&other), "GET", &listed, None).await;
            assert_eq!(answer.json()["items"], json!([]), "{listed}");
        }
    }
    app.stop_and_verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_filter_that_names_another_company_s_objects_finds_nothing() {
    let app = TestApp::start().await;
    let mut world = World::of(&app).await;
    let (company, account) = (world.own.company.clone(), world.own.account.clone());
    let (user, card) = (world.own.user.clone(), world.own.card.clone());
    for (path, token) in [
        (format!("/api/v1/companies/{company}"), "cmp-9"),
        (format!("/api/v1/users/{user}"), "usr-9"),
        (format!("/api/v1/cards/{card}"), "crd-9"),
    ] {
        let seen = world.client.get(&path).await.json()["version"].as_i64().expect("a version");
        let named = world.client.patch(&path, seen, json!({"marqeta_token": token})).await;
        assert_eq!(named.status, 200, "{named:?}");
    }
    let stranger = world.stranger().await;
    let bound = world.key(&["read"], Some(&company)).await;
    let other = world.key(&["read"], Some(&stranger)).await;
    let mut list = async |key: &str, query: &str| {
        let answer = world.send(Some(key), "GET", &format!("/api/v1/{query}"), None).await;
        assert_eq!(answer.status, 200, "{query}: {answer:?}");
        answer.json()["items"].clone()
    };
    for query in [
        "companies?marqeta_token=cmp-9".to_owned(),
        format!("users?company={company}"),
        "users?marqeta_token=usr-9".to_owned(),
        format!("cards?company={company}"),
        format!("cards?account={account}"),
        format!("cards?user={user}"),
        "cards?user=usr-9".to_owned(),
        "cards?marqeta_token=crd-9".to_owned(),
        format!("accounts?company={company}"),
        format!("spending-limits?company={company}"),
        format!("spending-limits?scope=card&scope_id={card}"),
        "spending-limits?scope=card&scope_id=crd-9".to_owned(),
        format!("spending-controls?company={company}"),
        format!("spending-controls?scope=card&scope_id={card}"),
        "spending-controls?scope=card&scope_id=crd-9".to_owned(),
        format!("authorizations?company={company}"),
        format!("authorizations?account={account}"),
        format!("authorizations?card={card}"),
        "authorizations?card=crd-9".to_owned(),
    ] {
        assert_ne!(list(&bound, &query).await, json!([]), "{query}: there is what it names");
        assert_eq!(list(&other, &query).await, json!([]), "{query}");
    }
    app.stop_and_verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_program_s_admin_issues_keys_with_no_more_than_it_has() {
    let app = TestApp::start().await;
    let mut world = World::of(&app).await;
    let admin = world.key(&["admin", "read"], None).await;
    let mut client = app.client();
    let path = "/api/v1/api-keys";
    let own = json!(world.own.company);
    for scope in ["processor", "operator", "simulate"] {
        for company in [&Value::Null, &own] {
            let body = json!({"name": "n", "scopes": ["read", scope], "company_id": company});
            let answer = call(&mut client, &admin, Method::POST, path, body.clone()).await;
            assert_eq!(answer.says(), (403, "forbidden".into()), "{body}");
        }
    }
    for company in [&Value::Null, &own] {
        let body = json!({"name": "n", "scopes": ["admin", "read"], "company_id": company});
        let issued = created(call(&mut client, &admin, Method::POST, path, body).await);
        assert_eq!(&issued["company_id"], company);
    }
    app.stop_and_verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_company_s_caller_can_not_change_what_the_program_grants_it() {
    let app = TestApp::start().await;
    let mut world = World::of(&app).await;
    let (company, account) = (world.own.company.clone(), world.own.account.clone());
    let bound = world.key(&super::world::SCOPES, Some(&company)).await;
    let mut client = app.client();
    let company_path = format!("/api/v1/companies/{company}");
    let account_path = format!("/api/v1/accounts/{account}");
    let suspended = client.patch(&company_path, 1, json!({"status": "SUSPENDED"})).await;
    assert_eq!(suspended.status, 200, "{suspended:?}");
    let before = client.get(&account_path).await.json();

    let mut change = async |path: &str, seen: &Value, body: Value| {
        let request = client.request(Method::PATCH, path);
        let request = request.header("authorization", format!("Bearer {bound}"));
        let request = request.header("if-match", format!("\"{seen}\""));
        client.send(request, body.to_string().into()).await.expect("an answer")
    };
    for status in ["ACTIVE", "CLOSED"] {
        let answer = change(&company_path, &json!(2), json!({"status": status, "name": "W"})).await;
        assert_eq!(answer.says(), (403, "forbidden".into()), "{status}");
    }
    let more = json!({"limit": 900_000_00});
    let answer = change(&account_path, &before["version"], more).await;
    assert_eq!(answer.says(), (403, "forbidden".into()));
    // What is its own it may change, also where it repeats the status that there is.
    let own = json!({"name": "Renamed", "status": "SUSPENDED"});
    let renamed = change(&company_path, &json!(2), own).await;
    assert_eq!(renamed.status, 200, "{renamed:?}");
    assert_eq!(renamed.json()["name"], "Renamed");

    let after = client.get(&account_path).await.json();
    assert_eq!(after["limit"], before["limit"]);
    let purchase = json!({"token": "x-1", "card": world.own.card, "amount": 1, "currency": "EUR"});
    let refused = created(client.post("/api/v1/authorizations", purchase).await);
    assert_eq!(refused["code"], "company.suspended", "{refused}");
    let active = client.patch(&company_path, 3, json!({"status": "ACTIVE"})).await;
    assert_eq!(active.status, 200, "the program may: {active:?}");
    app.stop_and_verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_company_s_caller_lifts_no_suspension_but_its_own() {
    let app = TestApp::start().await;
    let mut world = World::of(&app).await;
    let bound = world.key(&["admin", "read"], Some(&world.own.company.clone())).await;
    let mut client = app.client();
    let mut set = async |key: Option<&str>, path: &str, body: Value| {
        let seen = client.get(path).await.json()["version"].clone();
        let request = match key {
            Some(key) => {
                client.request(Method::PATCH, path).header("authorization", format!("Bearer {key}"))
            }
            None => client.admin(Method::PATCH, path),
        };
        let request = request.header("if-match", format!("\"{seen}\""));
        client.send(request, body.to_string().into()).await.expect("an answer")
    };
    let (own, program) = (Some(bound.as_str()), None);
    let moved = json!({"marqeta_token": "moved-on"});
    let card = format!("/api/v1/cards/{}", world.own.card);
    let user = format!("/api/v1/users/{}", world.own.user);
    for (status, expected) in [("SUSPENDED", 403), ("ACTIVE", 200)] {
        assert_eq!(set(program, &user, json!({"status": status})).await.status, 200);
        let answer = set(own, &card, moved.clone()).await;
        assert_eq!(answer.status, expected, "a card of one who is {status}: {answer:?}");
    }
    let moved = json!({"marqeta_token": "moved-again"});
    for (path, usable, end) in [(card, "ACTIVE", "TERMINATED"), (user, "LIMITED", "CLOSED")] {
        for (key, status, expected) in [
            (program, "SUSPENDED", 200),
            (own, "ACTIVE", 403),
            (own, usable, 403),
            (own, "SUSPENDED", 200),
            (own, "ACTIVE", 403), // to repeat it has not made it its own
            (program, "ACTIVE", 200),
            (own, "SUSPENDED", 200),
            (own, "ACTIVE", 200),
            (own, "SUSPENDED", 200),
            (program, "SUSPENDED", 200),
            (own, "ACTIVE", 403), // the program has joined in
            (program, "ACTIVE", 200),
            (program, "SUSPENDED", 200),
            (own, end, 200),
        ] {
            let answer = set(key, &path, json!({"status": status})).await;
            assert_eq!(answer.status, expected, "{path} {status}: {answer:?}");
            if expected == 403 {
                assert_eq!(answer.says(), (403, "forbidden".into()));
                // Nor may it carry the platform's token to a new one.
                let answer = set(key, &path, moved.clone()).await;
                assert_eq!(answer.says(), (403, "forbidden".into()), "{path}");
            }
        }
        let answer = set(own, &path, moved.clone()).await;
        assert_eq!(answer.says(), (403, "forbidden".into()), "{path} has ended");
    }
    app.stop_and_verify().await;
}

/// What keys with `simulate` alone, and with `read` beside it, are answered.
async fn simulated(app: &TestApp, [alone, both]: &[String; 2]) -> Vec<u16> {
    let mut client = app.client();
    let mut found = Vec::new();
    for (key, method, path) in [
        (alone, Method::GET, "/api/v1/cards"),
        (alone, Method::POST, "/api/v1/companies"),
        (alone, Method::POST, "/api/v1/authorizations"),
        (both, Method::GET, "/api/v1/cards"),
        (both, Method::POST, "/api/v1/companies"),
    ] {
        found.push(call(&mut client, key, method, path, json!({})).await.status.as_u16());
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_scope_simulate_gives_nothing_where_settings_say_so() {
    let folder = tempfile::tempdir().unwrap();
    let app = TestApp::start_in(folder.path(), |settings| settings.access.simulate = true).await;
    let mut world = World::of(&app).await;
    let keys = [world.key(&["simulate"], None).await, world.key(&["simulate", "read"], None).await];
    let expected = [200, 400, 400, 200, 400];
    assert_eq!(simulated(&app, &keys).await, expected, "it may, and says too little");
    app.stop().await;

    let app = TestApp::start_in(folder.path(), |settings| settings.access.simulate = false).await;
    assert_eq!(simulated(&app, &keys).await, [403, 403, 403, 200, 403]);
    let body = json!({"name": "n", "scopes": ["simulate"]});
    let issued = app.client().post("/api/v1/api-keys", body).await;
    assert_eq!(issued.says(), (403, "forbidden".into()), "nor can it be given on");
    app.stop().await;
}
