//! Bulk load: lines are loaded once, however often they are sent, and each faulty one is told of.

use std::fmt::Write;
use std::time::Duration;

use http::StatusCode;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{Program, created, text};
use crate::store::mongodb::Corner;
use crate::store::postgres_database::Database;
use crate::support::{Client, TestApp};

/// What a load was answered with: the status, the faults, the summary.
pub type Loaded = (StatusCode, Vec<Value>, Value);

async fn load(app: &TestApp, body: String) -> Loaded {
    send(&mut app.client(), body).await
}

pub async fn send(client: &mut Client, body: String) -> Loaded {
    let mut request = client.admin(http::Method::POST, "/api/v1/imports");
    let ndjson = http::HeaderValue::from_static("application/x-ndjson");
    request.headers_mut().expect("they are good").insert("content-type", ndjson);
    let answer = client.send(request, body.into()).await.expect("an answer");
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    let mut lines: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let summary = lines.pop().unwrap()["summary"].clone();
    let faults = lines.into_iter().map(|line| line["fault"].clone()).collect();
    (answer.status, faults, summary)
}

/// Users, each with a card, and a limit for each card.
pub fn lines(company: &Value, users: usize) -> String {
    let mut body = String::new();
    for n in 0..users {
        let user = json!({"user": {"company_id": company, "marqeta_token": format!("u-{n}")}});
        let card = json!({"user_id": format!("u-{n}"), "marqeta_token": format!("c-{n}")});
        let card = json!({"card": card});
        let limit = json!({
            "scope": "card", "scope_id": format!("c-{n}"), "window": "day", "amount": 500
        });
        writeln!(body, "{user}\n{card}\n{}", json!({"limit": limit})).unwrap();
    }
    body
}

#[tokio::test]
async fn the_same_lines_are_loaded_once() {
    let app = TestApp::start().await;
    let program = Program::start(&app, 1_000).await;
    let body = lines(&program.company["id"], 250); // more than a chunk of lines
    let (status, faults, summary) = load(&app, body.clone()).await;
    assert_eq!((status.as_u16(), &faults[..]), (200, &[][..]), "{summary}");
    let all = json!({"users": 250, "cards": 250, "limits": 250});
    assert_eq!((&summary["complete"], &summary["created"]), (&json!(true), &all), "{summary}");
    assert_eq!(summary["lines"], 750);
    let (_, _, again) = load(&app, body.trim_end().to_owned()).await;
    assert_eq!((&again["existing"], &again["created"]["cards"]), (&all, &json!(0)), "{again}");
    let (status, card) = app.get("/api/v1/cards/c-249").await;
    assert_eq!((status.as_u16(), &card["account_id"]), (200, &program.company["account_id"]));
    let activated = app.patch("/api/v1/cards/c-249", 1, json!({"status": "ACTIVE"})).await;
    assert_eq!(activated.0, 200);
    let purchase = json!({"token": "t-1", "card": "c-249", "amount": 501, "currency": "EUR"});
    let refused = created(&app, "/api/v1/authorizations", purchase).await;
    assert_eq!(refused["code"], "limit.day.amount", "{refused}");
    app.stop_and_verify().await;
}

#[tokio::test]
async fn faulty_lines_are_told_of_and_the_others_are_loaded() {
    let app = TestApp::start().await;
    let program = Program::start(&app, 0).await;
    let person = json!({"marqeta_token": "p-1"});
    created(&app, "/api/v1/personal/users", person).await;
    created(&app, "/api/v1/personal/wallets", json!({"user_id": "p-1", "currency": "EUR"})).await;
    let company = text(&program.company["id"]);
    let body = [
        "not json".to_owned(),
        r#"{"user":{"marqeta_token":"p-2"}}"#.to_owned(),
        String::new(),
        format!(r#"{{"user":{{"company_id":"{company}","marqeta_token":"p-1"}}}}"#),
        r#"{"card":{"user_id":"p-1","marqeta_token":"pc-1"}}"#.to_owned(),
        r#"{"card":{"user_id":"p-2","marqeta_token":"pc-2"}}"#.to_owned(),
        r#"{"card":{"user_id":"nobody","marqeta_token":"pc-3"}}"#.to_owned(),
        r#"{"card":{"user_id":"p-1","user_id":"p-2","marqeta_token":"pc-4"}}"#.to_owned(),
        r#"{"limit":{"scope":"card","scope_id":"pc-1","window":"day"}}"#.to_owned(),
        r#"{"limit":{"scope":"card","scope_id":"nothing","window":"day","count":1}}"#.to_owned(),
        r#"{"user":{"marqeta_token":"p-3","balance":1}}"#.to_owned(),
        r#"{"user":{"marqeta_token":"p-4","first_name":"4111 1111 1111 1111"}}"#.to_owned(),
    ];
    let (status, mut faults, summary) = load(&app, body.join("\n")).await;
    assert_eq!(status, 200, "{summary}");
    faults.sort_by_key(|fault| fault["line"].as_u64());
    let told: Vec<_> = faults
        .iter()
        .map(|fault| {
            (fault["line"].as_u64().unwrap(), text(&fault["code"]), text(&fault["pointer"]))
        })
        .collect();
    let expected = [
        (1, "not_an_object", ""),
        (4, "token_taken", "/user/marqeta_token"),
        (6, "wallet_required", "/card/wallet_id"),
        (7, "not_found", "/card/user_id"),
        (8, "duplicate_key", ""),
        (9, "missing_field", "/limit/amount"),
        (10, "not_found", "/limit/scope_id"),
        (11, "unknown_field", "/user"),
        (12, "card_number_found", "/user/first_name"),
    ];
    assert_eq!(told, expected);
    assert_eq!(summary["created"], json!({"users": 1, "cards": 1, "limits": 0}), "{summary}");
    assert_eq!((&summary["faulty"], &summary["lines"]), (&json!(9), &json!(12)));
    assert_eq!(app.get("/api/v1/personal/cards/pc-1").await.0, 200);
}

#[tokio::test]
async fn only_what_is_the_same_counts_as_there_already() {
    let app = TestApp::start().await;
    let program = Program::start(&app, 0).await;
    let other = json!({"name": "Other", "currency": "EUR", "time_zone": "UTC", "credit_limit": 0});
    let other = created(&app, "/api/v1/companies", other).await;
    let user = |company: &Value, token: &str| {
        json!({"user": {"company_id": company["id"], "marqeta_token": token}}).to_string()
    };
    let card = |user: &str, token: &str| {
        json!({"card": {"user_id": user, "marqeta_token": token}}).to_string()
    };
    let first = [
        user(&program.company, "u-1"),
        user(&other, "u-2"),
        user(&other, "u-1"),
        card("u-1", "c-1"),
        card("u-2", "c-1"),
        card("u-2", "c-2"),
    ];
    let taken =
        |line: u64, kind: &str| (line, "token_taken".to_owned(), format!("/{kind}/marqeta_token"));
    let (_, faults, summary) = load(&app, first.join("\n")).await;
    assert_eq!(told(&faults), [taken(3, "user"), taken(5, "card")], "{summary}");
    assert_eq!(summary["created"], json!({"users": 2, "cards": 2, "limits": 0}), "{summary}");

    // A closed company keeps what it has, and gets nothing new.
    let path = format!("/api/v1/companies/{}", text(&other["id"]));
    assert_eq!(app.patch(&path, 1, json!({"status": "CLOSED"})).await.0, 200);
    let again = [first.join("\n"), user(&other, "u-3"), card("u-2", "c-3")].join("\n");
    let (_, faults, summary) = load(&app, again).await;
    let closed =
        |line: u64, pointer: &str| (line, "invalid_transition".to_owned(), pointer.to_owned());
    let expected = [
        taken(3, "user"),
        taken(5, "card"),
        closed(7, "/user/company_id"),
        closed(8, "/card/user_id"),
    ];
    assert_eq!(told(&faults), expected, "{summary}");
    assert_eq!(summary["existing"], json!({"users": 2, "cards": 2, "limits": 0}), "{summary}");
    assert_eq!(summary["created"], json!({"users": 0, "cards": 0, "limits": 0}), "{summary}");
}

#[tokio::test]
async fn limits_of_a_load_are_compared_with_each_other_and_with_what_there_is() {
    let app = TestApp::start().await;
    let program = Program::start(&app, 0).await;
    let limit = |window: &str, amount: i64| {
        let card = &program.card["id"];
        let limit = json!({"scope": "card", "scope_id": card, "window": window, "amount": amount});
        json!({ "limit": limit }).to_string()
    };
    let body = [limit("day", 500), limit("week", 499), limit("month", 900), limit("week", 500)];
    let refused = |faults: &[Value]| -> Vec<_> {
        faults
            .iter()
            .map(|fault| (fault["line"].as_u64().unwrap(), text(&fault["code"]).to_owned()))
            .collect()
    };
    let (_, faults, summary) = load(&app, body.join("\n")).await;
    assert_eq!(refused(&faults), [(2, "limit_conflict".to_owned())], "{summary}");
    assert_eq!(faults[0]["pointer"], "/limit/amount");
    assert_eq!(summary["created"]["limits"], 3, "{summary}");
    // Whatever has become of the others since, what is there stays, and is not refused.
    let page = app.get("/api/v1/spending-limits?scope=card").await.1;
    let items = page["items"].as_array().unwrap();
    let week = items.iter().find(|limit| limit["window"] == "week").unwrap();
    let path = format!("/api/v1/spending-limits/{}", text(&week["id"]));
    assert_eq!(app.patch(&path, 1, json!({"amount": 700})).await.0, 200);
    let (_, faults, summary) = load(&app, body.join("\n")).await;
    assert_eq!(refused(&faults), [], "{summary}");
    assert_eq!(summary["existing"]["limits"], 4, "{summary}");
    let (_, faults, _) = load(&app, limit("lifetime", 899)).await;
    assert_eq!(refused(&faults), [(1, "limit_conflict".to_owned())]);
}

/// Where faults are: the line, the code, the field.
fn told(faults: &[Value]) -> Vec<(u64, String, String)> {
    let told = |fault: &Value| {
        let line = fault["line"].as_u64().unwrap();
        (line, text(&fault["code"]).to_owned(), text(&fault["pointer"]).to_owned())
    };
    let mut told: Vec<_> = faults.iter().map(told).collect();
    told.sort();
    told
}

#[tokio::test]
async fn limits_of_all_kinds_of_owners_are_loaded_together() {
    let app = TestApp::start().await;
    let program = Program::start(&app, 0).await;
    let limit = |scope: &str, id: &Value, mode: &str| {
        let mut limit = json!({"scope": scope, "window": "day", "amount": 500, "mode": mode});
        if !id.is_null() {
            limit["scope_id"] = id.clone();
        }
        json!({ "limit": limit }).to_string()
    };
    let nobody = json!("cmp_01901234567878ab8def0123456789ab");
    let body = [
        limit("program", &Value::Null, "cap"),
        limit("company", &program.company["id"], "cap"),
        limit("user", &program.user["id"], "pool"),
        limit("card", &program.card["id"], "cap"),
        limit("card", &program.card["id"], "cap"),
        limit("company", &nobody, "cap"),
        limit("user", &json!("nobody"), "cap"),
        limit("card", &json!("nothing"), "cap"),
        limit("program", &Value::Null, "pool"),
    ]
    .join("\n");
    let not_found = |line: u64| (line, "not_found".to_owned(), "/limit/scope_id".to_owned());
    let pool = (9, "limit_conflict".to_owned(), "/limit/mode".to_owned());
    let refused = [not_found(6), not_found(7), not_found(8), pool];
    let (_, faults, summary) = load(&app, body.clone()).await;
    assert_eq!(told(&faults), refused, "{summary}");
    assert_eq!(
        (&summary["created"]["limits"], &summary["existing"]["limits"]),
        (&json!(4), &json!(1))
    );
    let (_, faults, summary) = load(&app, body).await;
    assert_eq!(told(&faults), refused, "{summary}");
    assert_eq!(
        (&summary["created"]["limits"], &summary["existing"]["limits"]),
        (&json!(0), &json!(5))
    );
}

#[tokio::test]
async fn cards_of_people_draw_on_the_wallets_that_they_name() {
    let app = TestApp::start().await;
    let mut wallets = Vec::new();
    for (person, currency) in [("p-1", "EUR"), ("p-1", "USD"), ("p-2", "EUR")] {
        if app.get(&format!("/api/v1/personal/users/{person}")).await.0 == 404 {
            created(&app, "/api/v1/personal/users", json!({"marqeta_token": person})).await;
        }
        let wallet = json!({"user_id": person, "currency": currency});
        wallets.push(created(&app, "/api/v1/personal/wallets", wallet).await["id"].clone());
    }
    let card = |token: &str, person: &str, wallet: Option<&Value>| {
        let mut card = json!({"user_id": person, "marqeta_token": token});
        if let Some(wallet) = wallet {
            card["wallet_id"] = wallet.clone();
        }
        json!({ "card": card }).to_string()
    };
    let body = [
        card("c-1", "p-1", Some(&wallets[1])),
        card("c-2", "p-1", None),
        card("c-3", "p-1", Some(&wallets[2])),
        card("c-4", "p-2", None),
    ];
    let (_, faults, summary) = load(&app, body.join("\n")).await;
    let expected = [
        (2, "wallet_required".to_owned(), "/card/wallet_id".to_owned()),
        (3, "not_found".to_owned(), "/card/wallet_id".to_owned()),
    ];
    assert_eq!(told(&faults), expected, "{summary}");
    for (card, wallet) in [("c-1", &wallets[1]), ("c-4", &wallets[2])] {
        let (_, card) = app.get(&format!("/api/v1/personal/cards/{card}")).await;
        assert_eq!(&card["account_id"], wallet, "{card}");
    }
}

#[tokio::test]
async fn a_load_has_its_own_bounds() {
    let app = TestApp::start_with(|settings| settings.http.import_bytes_max = 65_536).await;
    let program = Program::start(&app, 0).await;
    let (status, _, summary) = load(&app, lines(&program.company["id"], 350)).await;
    assert_eq!((status.as_u16(), &summary["code"]), (413, &json!("body_too_large")), "{summary}");
    assert_eq!(summary["complete"], false);
    let plain = app.post("/api/v1/imports", json!({})).await;
    super::expect(plain, 415, "unsupported_media_type");
    let (status, _, summary) = load(&app, String::new()).await;
    assert_eq!((status.as_u16(), &summary["lines"]), (200, &json!(0)), "nothing is a load, too");
}

/// 100,000 cards in a release build, for which the bar is; a debug build has fewer, and the same time.
const MANY: usize = if cfg!(debug_assertions) { 3_000 } else { 100_000 };

/// Lines of a request.
const PART: usize = 10_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn a_hundred_thousand_cards_are_loaded_within_a_minute_on_servers() {
    let (database, corner) = (Database::migrated().await, Corner::new());
    let (postgres, mongodb) = (database.service_url().to_owned(), corner.url().to_owned());
    let app = TestApp::start_with(|settings| {
        settings.store.postgres.url = Some(postgres.into());
        settings.store.mongodb.url = Some(mongodb.into());
    })
    .await;
    while app.get("/ready").await.0 != 200 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let program = Program::start(&app, 0).await;
    let user = &program.user["id"];
    let began = Instant::now();
    for part in (0..MANY).step_by(PART) {
        let mut body = String::new();
        for n in part..(part + PART).min(MANY) {
            let token = format!("c-{n}");
            let card = json!({"user_id": user, "marqeta_token": token, "last_four": "4242"});
            writeln!(body, "{}", json!({"card": card})).unwrap();
        }
        let (status, faults, summary) = load(&app, body).await;
        assert_eq!((status.as_u16(), &faults[..]), (200, &[][..]), "{summary}");
        assert_eq!(summary["created"]["cards"], summary["lines"], "{summary}");
    }
    let took = began.elapsed();
    println!("{MANY} cards in {took:?}");
    assert!(took < Duration::from_secs(60), "{took:?}");
    let began = Instant::now();
    for part in (0..MANY).step_by(PART) {
        let mut body = String::new();
        for n in part..(part + PART).min(MANY) {
            let card = format!("c-{n}");
            let limit = json!({"scope": "card", "scope_id": card, "window": "day", "amount": 500});
            writeln!(body, "{}", json!({"limit": limit})).unwrap();
        }
        let (status, faults, summary) = load(&app, body).await;
        assert_eq!((status.as_u16(), &faults[..]), (200, &[][..]), "{summary}");
        assert_eq!(summary["created"]["limits"], summary["lines"], "{summary}");
    }
    let took = began.elapsed();
    println!("a limit for each in {took:?}");
    assert!(took < Duration::from_secs(60), "{took:?}");
    let last = app.get(&format!("/api/v1/cards/c-{}", MANY - 1)).await;
    assert_eq!(last.0, 200);
}
