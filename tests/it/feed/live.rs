//! What is decided is told at once, and to whoever comes back, what came meanwhile.

use std::time::Duration;

use serde_json::{Value, json};

use super::listener::{self, Listener, Told, listen};
use super::told::{event, until_heard};
use crate::support::app::ADMIN_KEY;
use crate::support::client::Client;
use crate::support::{Program, TestApp};

pub async fn buy(client: &mut Client, program: &Program, token: &str) -> Value {
    let body = json!({"token": token, "card": program.card(), "amount": 1_00, "currency": "USD"});
    let answer = client.post("/api/v1/authorizations", body).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.json()
}

/// The tokens of the decisions that are told, up to this one.
pub async fn tokens_until(listener: &mut Listener, last: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    while tokens.last().is_none_or(|token| token != last) {
        let told = listener.next().await.expect("the feed goes on");
        assert_ne!(told.event, "gap", "{told:?}");
        tokens.extend(told.data["payload"]["token"].as_str().map(str::to_owned));
    }
    tokens
}

async fn open(app: &TestApp, query: &str, last: Option<&str>) -> Listener {
    listener::open(app.addr, ADMIN_KEY, query, last).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_decided_is_told_with_its_whole_event() {
    let app = TestApp::start().await;
    let mut client = app.client();
    let program = Program::set_up(&mut client, 100_00, 1).await;
    until_heard(&app).await;
    let mut feed = open(&app, "?types=authorization.*", None).await;
    let bought = buy(&mut client, &program, "t-1").await;
    let Told { id, event, data } = feed.next().await.unwrap();
    assert_eq!((event.as_str(), &data["type"]), ("authorization.approved", &json!(event)));
    assert_eq!((data["id"].as_str(), &data["key"]), (Some(&*id), &json!(program.account)));
    assert_eq!(data["payload"]["authorization"], bought["id"]);
    assert_eq!((&data["payload"]["token"], &data["version"]), (&json!("t-1"), &json!(1)));
    drop(feed);
    app.stop_and_verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_reader_is_told_what_comes_and_of_no_gap() {
    let app = TestApp::start().await;
    let mut first = open(&app, "?types=test.asked", None).await;
    app.broker().publish(vec![event("test.asked", 1, 0)]).await.unwrap();
    assert_eq!(first.next().await.unwrap().event, "test.asked");
    drop(first);
    app.stop_and_verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_comes_back_with_an_id_is_told_what_came_after_it() {
    let app = TestApp::start().await;
    let mut client = app.client();
    let program = Program::set_up(&mut client, 100_00, 1).await;
    until_heard(&app).await;
    let mut feed = open(&app, "?types=authorization.*", None).await;
    buy(&mut client, &program, "t-0").await;
    let first = feed.until("authorization.approved").await;
    drop(feed);
    for number in 1..6 {
        buy(&mut client, &program, &format!("t-{number}")).await;
    }
    let expected: Vec<String> = (1..6).map(|number| format!("t-{number}")).collect();
    let mut again = open(&app, "?types=authorization.*", Some(&first.id)).await;
    assert_eq!(tokens_until(&mut again, "t-5").await, expected);
    let mut plain = open(&app, &format!("?after={}", first.id), None).await;
    assert_eq!(tokens_until(&mut plain, "t-5").await, expected);
    // A browser asks for the same place, and says where it has come to.
    let third = {
        let query = format!("?types=authorization.*&after={}", first.id);
        let mut feed = open(&app, &query, None).await;
        while feed.next().await.unwrap().data["payload"]["token"] != "t-2" {}
        feed.next().await.unwrap()
    };
    let query = format!("?after={}", first.id);
    let mut both = open(&app, &query, Some(&third.id)).await;
    assert_eq!(tokens_until(&mut both, "t-5").await, ["t-4", "t-5"]);
    drop((again, plain, both));
    app.stop_and_verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_kept_any_more_is_a_gap_and_then_it_goes_on() {
    let app = TestApp::start_with(|settings| {
        settings.feed.kept_max = 3;
        // No alert of a busy machine is among the three.
        let alerts = &mut settings.alerts;
        (alerts.total_warning_ms, alerts.total_critical_ms) = (60_000, 60_000);
        (alerts.user_lookup_ms, alerts.card_lookup_ms) = (60_000, 60_000);
        (alerts.spending_limits_ms, alerts.decision_ms) = (60_000, 60_000);
    });
    let app = app.await;
    let mut client = app.client();
    until_heard(&app).await;
    let mut parties = open(&app, "?types=card.issued,user.created", None).await;
    let program = Program::set_up(&mut client, 100_00, 1).await;
    // Nor is what was told of the program.
    for _ in 0..2 {
        parties.next().await.unwrap();
    }
    let mut feed = open(&app, "?types=authorization.*", None).await;
    buy(&mut client, &program, "t-0").await;
    let first = feed.until("authorization.approved").await;
    for number in 1..6 {
        let token = format!("t-{number}");
        buy(&mut client, &program, &token).await;
        tokens_until(&mut feed, &token).await;
    }
    let mut late = open(&app, "", Some(&first.id)).await;
    let gap = late.next().await.unwrap();
    let expected =
        Told { id: String::new(), event: "gap".to_owned(), data: json!({"reason": "not_kept"}) };
    assert_eq!(gap, expected);
    assert_eq!(tokens_until(&mut late, "t-5").await, ["t-3", "t-4", "t-5"]);
    buy(&mut client, &program, "t-6").await;
    assert_eq!(tokens_until(&mut late, "t-6").await, ["t-6"]);
    drop((parties, feed, late));
    app.stop_and_verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_was_told_nothing_comes_back_with_its_sign_of_life() {
    let app = TestApp::start().await;
    until_heard(&app).await;
    let mut quiet = open(&app, "?types=test.asked", None).await;
    assert!(quiet.for_a_while(Duration::from_millis(100)).await.is_empty());
    assert_eq!((quiet.beats, quiet.last.is_empty()), (1, false), "one, with an id");
    let last = quiet.last.clone();
    drop(quiet);
    let meanwhile = ["test.other", "test.asked"].map(|kind| event(kind, 1, 0));
    app.broker().publish(meanwhile.into()).await.unwrap();
    let mut again = open(&app, "?types=test.asked", Some(&last)).await;
    assert_eq!(again.next().await.unwrap().event, "test.asked", "no gap, and nothing missed");
    drop(again);
    app.stop_and_verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn types_and_a_card_are_asked_for() {
    let app = TestApp::start().await;
    let mut client = app.client();
    until_heard(&app).await;
    let mut issued = open(&app, "?types=card.issued,user.created", None).await;
    let program = Program::set_up(&mut client, 100_00, 2).await;
    let mut kinds = Vec::new();
    while kinds.len() < 3 {
        kinds.push(issued.next().await.unwrap().event);
    }
    kinds.sort();
    assert_eq!(kinds, ["card.issued", "card.issued", "user.created"]);
    let card = &program.cards[1];
    let mut of_card = open(&app, &format!("?card={card}"), None).await;
    buy(&mut client, &program, "t-0").await;
    let other = json!({"token": "t-1", "card": card, "amount": 1_00, "currency": "USD"});
    assert_eq!(client.post("/api/v1/authorizations", other).await.status, 201);
    assert_eq!(tokens_until(&mut of_card, "t-1").await, ["t-1"]);
    let others = issued.for_a_while(Duration::from_millis(500)).await;
    assert!(others.is_empty(), "{others:?}");
    for wrong in ["?types=", "?types=*", "?card=1", "?after=1", "?since=1", "?company=x"] {
        let refused = listen(app.addr, ADMIN_KEY, wrong, None).await.err().unwrap();
        assert_eq!(refused.0, 400, "{wrong}: {refused:?}");
    }
    let refused = listen(app.addr, ADMIN_KEY, "", Some("7")).await.err().unwrap();
    assert_eq!((refused.0.as_u16(), &refused.1["code"]), (400, &json!("invalid_id")));
    drop((of_card, issued));
    app.stop_and_verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_feed_lives_longer_than_a_connection_may_rest_or_a_body_take() {
    let app = TestApp::start_with(|settings| {
        settings.http.header_timeout_ms = 2_000;
        settings.http.body_timeout_ms = 2_000;
        settings.http.idle_timeout_ms = 2_000;
    });
    let app = app.await;
    let mut client = app.client();
    let program = Program::set_up(&mut client, 100_00, 1).await;
    until_heard(&app).await;
    let mut feed = open(&app, "?types=authorization.*", None).await;
    let told = feed.for_a_while(Duration::from_millis(16_500)).await;
    assert!(told.is_empty() && feed.beats >= 2, "{} signs of life and {told:?}", feed.beats);
    buy(&mut client, &program, "t-1").await;
    assert_eq!(tokens_until(&mut feed, "t-1").await, ["t-1"]);
    drop(feed);
    app.stop_and_verify().await;
}
