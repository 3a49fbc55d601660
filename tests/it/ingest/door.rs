//! Reported transactions over HTTP, on the embedded store.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::program::{Program, text};
use crate::support::{Client, TestApp};

async fn start() -> TestApp {
    TestApp::start_with(|settings| {
        settings.ingest.retry_ms = 1;
        settings.ingest.poll_ms = 10;
    })
    .await
}

pub fn report(name: &str, card: &str, amount: i64) -> Value {
    json!({
        "transaction_id": name, "card": card, "amount": amount, "currency": "USD",
        "type": "purchase", "occurred_at": "2026-11-20T12:00:00Z",
        "merchant": {"mid": "m-1", "mcc": "5411", "name": "Fern Street Grocer", "country": "BEL"},
        "metadata": {"invoice": "2026-7", "lines": [1, 2.50]},
    })
}

/// Reads until it has left `accepted`, and the attempt that it left it with is logged.
pub async fn settled(client: &mut Client, id: &str) -> Value {
    for _ in 0..500 {
        let answer = client.get(&format!("/api/v1/transactions/{id}")).await;
        assert_eq!(answer.status, 200);
        let found = answer.json();
        let logged = found["log"].as_array().and_then(|log| log.last());
        if found["status"] != "accepted"
            && logged.is_some_and(|last| last["outcome"] == found["status"])
        {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{id} is still not processed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_is_accepted_once_processed_and_read_back_with_what_it_belongs_to() {
    let app = start().await;
    let mut client = app.client();
    let program = Program::set_up(&mut client, 1_000_00, 1).await;
    let purchase = json!({"token": "buy-1", "card": program.card(), "amount": 5_00,
        "currency": "USD"});
    let authorization = client.post("/api/v1/authorizations", purchase).await.json();
    let before = program.account(&mut client).await;

    for (name, named) in [("by-token", "buy-1"), ("by-id", &text(&authorization["id"]))] {
        let mut body = report(name, program.card(), 5_00);
        body["authorization"] = named.into();
        let first = client.post("/api/v1/transactions", body.clone()).await;
        assert_eq!(first.status, 202, "{first:?}");
        let again = client.post("/api/v1/transactions", body.clone()).await;
        assert_eq!(again.status, 200, "{again:?}");
        assert_eq!(again.json()["id"], first.json()["id"]);
        body["amount"] = 6_00.into();
        let other = client.post("/api/v1/transactions", body).await;
        assert_eq!(other.says(), (409, "transaction_id_reused".to_owned()));

        let found = settled(&mut client, &text(&first.json()["id"])).await;
        assert_eq!(found["status"], "processed", "{found}");
        assert_eq!(found["transaction_id"], name);
        assert_eq!(found["card_id"], program.card());
        assert_eq!(found["user_id"], program.user.as_str());
        assert_eq!(found["company_id"], program.company.as_str());
        assert_eq!(found["account_id"], program.account.as_str());
        assert_eq!(found["authorization_id"], authorization["id"]);
        assert_eq!(found["merchant"]["mcc"], "5411");
        assert_eq!(found["metadata"], json!({"invoice": "2026-7", "lines": [1, 2.50]}));
        assert_eq!(found["log"].as_array().map(Vec::len), Some(1), "{found}");
        assert_eq!(found["log"][0]["outcome"], "processed");
    }
    let after = program.account(&mut client).await;
    assert_eq!(after, before, "no money moves with a report");
    app.stop_and_verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thirty_two_racers_report_one_transaction() {
    let app = start().await;
    let mut client = app.client();
    let program = Program::set_up(&mut client, 0, 1).await;
    let body = report("race", program.card(), 5_00);
    let racer = |mut client: Client, body: Value| async move {
        let answer = client.post("/api/v1/transactions", body).await;
        (answer.status.as_u16(), text(&answer.json()["id"]))
    };
    let racers = (0..32).map(|_| tokio::spawn(racer(client.another(), body.clone())));
    let answers: Vec<_> = futures_util::future::join_all(racers).await;
    let answers: Vec<_> = answers.into_iter().map(Result::unwrap).collect();
    assert!(answers.iter().all(|(_, id)| *id == answers[0].1), "{answers:?}");
    assert_eq!(answers.iter().filter(|(status, _)| *status == 202).count(), 1);
    assert!(answers.iter().all(|(status, _)| [200, 202].contains(status)));
    settled(&mut client, &answers[0].1).await;
    let list = client.get("/api/v1/transactions").await.json();
    assert_eq!(list["items"].as_array().map(Vec::len), Some(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_can_not_be_processed_is_parked_where_it_is_seen_and_can_be_put_back() {
    let app = start().await;
    let mut client = app.client();
    let program = Program::set_up(&mut client, 0, 0).await;
    let body = report("early", "card-to-come", 5_00);
    let id = text(&client.post("/api/v1/transactions", body).await.json()["id"]);
    let parked = settled(&mut client, &id).await;
    assert_eq!((&parked["status"], &parked["reason"]), (&json!("parked"), &json!("card_unknown")));
    assert_eq!((&parked["attempts"], parked["log"].as_array().map(Vec::len)), (&json!(4), Some(4)));
    let list = client.get("/api/v1/transactions?status=parked&card=card-to-come").await.json();
    assert_eq!(list["items"][0]["id"], id.as_str());
    assert_eq!(list["items"][0]["reason"], "card_unknown");

    let card = json!({"user_id": program.user, "status": "ACTIVE",
        "marqeta_token": "card-to-come"});
    assert_eq!(client.post("/api/v1/cards", card).await.status, 201);
    let retry = format!("/api/v1/transactions/{id}/retry");
    assert_eq!(client.post(&retry, json!({})).await.status, 202);
    assert_eq!(settled(&mut client, &id).await["status"], "processed");
    let again = client.post(&retry, json!({})).await;
    assert_eq!(again.says(), (409, "invalid_transition".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_are_filtered_and_paged() {
    let app = start().await;
    let mut client = app.client();
    let program = Program::set_up(&mut client, 0, 2).await;
    let mut last = String::new();
    for number in 0..12 {
        let mut body = report(&format!("t-{number}"), &program.cards[number % 2], 100);
        body["amount"] = (100 + number).into();
        body["occurred_at"] = format!("2026-11-{:02}T12:00:00Z", number + 1).into();
        last = text(&client.post("/api/v1/transactions", body).await.json()["id"]);
    }
    settled(&mut client, &last).await;
    let numbers = async |client: &mut Client, query: &str| {
        let (mut found, mut cursor) = (Vec::new(), String::new());
        loop {
            let path = format!("/api/v1/transactions?limit=5{query}{cursor}");
            let answer = client.get(&path).await;
            assert_eq!(answer.status, 200, "{answer:?}");
            let page = answer.json();
            let items = page["items"].as_array().unwrap();
            found.extend(items.iter().map(|item| item["amount"].as_i64().unwrap() - 100));
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return found,
            }
        }
    };
    for _ in 0..500 {
        if numbers(&mut client, "").await.len() == 12 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let all: Vec<i64> = (0..12).rev().collect();
    assert_eq!(numbers(&mut client, "").await, all);
    let even: Vec<i64> = all.iter().copied().filter(|number| number % 2 == 0).collect();
    let card = format!("&card={}", program.cards[0]);
    assert_eq!(numbers(&mut client, &card).await, even);
    assert_eq!(numbers(&mut client, &format!("&user={}", program.user)).await, all);
    assert_eq!(numbers(&mut client, &format!("&company={}", program.company)).await, all);
    assert_eq!(numbers(&mut client, "&amount_min=103&amount_max=105").await, [5, 4, 3]);
    let time = "&from=2026-11-02T12:00:00Z&to=2026-11-04T12:00:00Z";
    assert_eq!(numbers(&mut client, time).await, [2, 1]);
    assert_eq!(numbers(&mut client, "&card=nobody").await, [0; 0]);
    assert_eq!(numbers(&mut client, "&status=parked").await, [0; 0]);
    for (query, code) in [
        ("limit=0", "invalid_parameter"),
        ("limit=1&limit=2", "invalid_parameter"),
        ("cursor=forged", "invalid_parameter"),
        ("card[$ne]=1", "invalid_type"),
        ("sort=__proto__", "invalid_parameter"),
    ] {
        let answer = client.get(&format!("/api/v1/transactions?{query}")).await;
        assert_eq!(answer.says(), (400, code.to_owned()), "{query}");
    }
    let bad = client.get("/api/v1/transactions/abc").await;
    assert_eq!(bad.says(), (400, "invalid_id".to_owned()));
    let absent = "/api/v1/transactions/txn_01901234567878ab8def0123456789ab";
    assert_eq!(client.get(absent).await.says(), (404, "not_found".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_parked_is_listed_by_its_holder_its_time_and_its_amount() {
    let app = start().await;
    let mut client = app.client();
    let program = Program::set_up(&mut client, 0, 2).await;
    let person = Program::set_up_personal(&mut client, 1_00, 1).await;
    let card = json!({"user_id": program.user, "marqeta_token": "mq-1"});
    assert_eq!(client.post("/api/v1/cards", card).await.status, 201);
    // All of them in a currency that the card's account does not hold, or of a card that nobody knows.
    let cards = [&program.cards[0], "mq-1", &program.cards[1], person.card(), "card-to-come"];
    for (number, card) in cards.into_iter().enumerate() {
        let mut body = report(&format!("t-{number}"), card, 100 + number as i64);
        body["currency"] = "GBP".into();
        body["occurred_at"] = format!("2026-11-{:02}T12:00:00Z", number + 1).into();
        let id = text(&client.post("/api/v1/transactions", body).await.json()["id"]);
        assert_eq!(settled(&mut client, &id).await["status"], "parked");
    }
    let numbers = async |client: &mut Client, query: &str| {
        let path = format!("/api/v1/transactions?status=parked{query}");
        let answer = client.get(&path).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        let page = answer.json();
        let items = page["items"].as_array().unwrap().iter();
        items.map(|item| item["amount"].as_i64().unwrap() - 100).collect::<Vec<_>>()
    };
    let (company, user) = (&program.company, &program.user);
    let card = |at: usize| format!("&card={}", program.cards[at]);
    let empty = json!({"name": "Finch", "currency": "USD"});
    let empty = text(&client.post("/api/v1/companies", empty).await.json()["id"]);
    for (query, expected) in [
        (String::new(), &[4, 3, 2, 1, 0][..]),
        (format!("&company={company}"), &[2, 1, 0]),
        (format!("&user={user}"), &[2, 1, 0]),
        (format!("&user={user}&company={company}"), &[2, 1, 0]),
        (format!("&user={}", person.user), &[3]),
        (format!("&user={}&company={company}", person.user), &[]),
        (format!("&company={empty}"), &[]),
        (format!("&user={user}&company={empty}"), &[]),
        ("&user=nobody".to_owned(), &[]),
        (format!("{}&user={user}&company={company}", card(1)), &[2]),
        (format!("{}&user={}", card(1), person.user), &[]),
        (format!("{}&company={empty}", card(1)), &[]),
        (format!("&card=card-to-come&company={company}"), &[]),
        ("&card=card-to-come".to_owned(), &[4]),
        (format!("&company={company}&amount_min=101&amount_max=103"), &[2, 1]),
        ("&amount_max=101".to_owned(), &[1, 0]),
        ("&from=2026-11-02T12:00:00Z&to=2026-11-04T12:00:00Z".to_owned(), &[2, 1]),
        (format!("&user={user}&from=2026-11-03T12:00:00Z"), &[2]),
    ] {
        assert_eq!(numbers(&mut client, &query).await, expected, "{query}");
    }
    let accepted = format!("/api/v1/transactions?status=accepted&company={company}");
    assert_eq!(client.get(&accepted).await.json()["items"], json!([]));
}

#[tokio::test]
async fn a_report_with_faults_is_refused_and_nothing_is_kept() {
    let app = start().await;
    let mut client = app.client();
    for (field, value, code) in [
        ("amount", json!(0), "invalid_amount"),
        ("amount", json!(1.5), "invalid_amount"),
        ("currency", json!("usd"), "invalid_currency"),
        ("card", json!("a b"), "invalid_id"),
        ("transaction_id", json!(""), "invalid_token"),
        ("occurred_at", json!("yesterday"), "invalid_timestamp"),
        ("merchant", json!({"mcc": "0000"}), "invalid_mcc"),
        ("metadata", json!([1]), "invalid_type"),
        ("metadata", json!({"note": "4111 1111 1111 1111"}), "card_number_found"),
        ("balance", json!(1), "unknown_field"),
    ] {
        let mut body = report("t-1", "card-1", 100);
        body[field] = value;
        let answer = client.post("/api/v1/transactions", body).await;
        assert_eq!(answer.says(), (400, code.to_owned()), "{field}");
    }
    let list = client.get("/api/v1/transactions?status=accepted").await.json();
    assert_eq!(list["items"], json!([]));
}
