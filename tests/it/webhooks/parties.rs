//! Cards, cardholders and companies: transitions in any order, and those that nobody knows.

use std::path::Path;
use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::events::{authorization, card_moved, company_moved, envelope, user_moved};
use super::{all_applied, parked_for};
use crate::support::program::{created, text};
use crate::support::{Client, Program, TestApp, marqeta};

async fn becomes(client: &mut Client, path: &str, status: &str) -> Value {
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        let answer = client.get(path).await;
        if answer.status == StatusCode::OK && answer.json()["status"] == status {
            return answer.json();
        }
        assert!(Instant::now() < until, "{path} is {answer:?}, not {status}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A service that creates cards that nobody knows, under the program's company.
async fn with_unknown_company(folder: &Path) -> (TestApp, Program) {
    let first = TestApp::start_in(folder, |_| {}).await;
    let program = Program::set_up(&mut first.client(), 100_00, 1).await;
    first.stop().await;
    let company = program.company.parse().unwrap();
    let app = TestApp::start_in(folder, |settings| {
        settings.webhooks.unknown_company = Some(company);
        settings.webhooks.workers = 4;
    });
    (app.await, program)
}

/// A user and a card with tokens of the platform's.
async fn named(client: &mut Client, program: &Program) -> (String, String) {
    let body = json!({"company_id": program.company, "marqeta_token": "mq-user"});
    let user = created(client.post("/api/v1/users", body).await);
    let body = json!({"user_id": user["id"], "marqeta_token": "mq-card", "status": "ACTIVE"});
    let card = created(client.post("/api/v1/cards", body).await);
    (format!("/api/v1/users/{}", text(&user["id"])), format!("/api/v1/cards/{}", text(&card["id"])))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_newest_transition_counts_whenever_it_comes() {
    let app = TestApp::start().await;
    let mut client = app.client();
    let program = Program::set_up(&mut client, 100_00, 1).await;
    let (user, card) = named(&mut client, &program).await;
    let moved = |token, state, at| card_moved(token, "mq-card", "mq-user", state, at);
    let suspended = moved("ct-2", "SUSPENDED", "2026-03-16T08:00:00Z");
    let late = moved("ct-1", "ACTIVE", "2026-03-16T07:00:00Z");
    client.notify(envelope("cardtransitions", std::slice::from_ref(&suspended))).await;
    let found = becomes(&mut client, &card, "SUSPENDED").await;
    assert_eq!((&found["last_four"], &found["expires"]), (&json!("0042"), &json!("2029-03")));
    client.notify(envelope("cardtransitions", &[late, suspended])).await;
    all_applied(&mut client).await;
    assert_eq!(client.get(&card).await.json()["status"], "SUSPENDED", "it was newer");
    let user_closed = user_moved("ut-2", "mq-user", "SUSPENDED", "2026-03-16T08:00:00Z");
    let user_late = user_moved("ut-1", "mq-user", "LIMITED", "2026-03-16T07:00:00Z");
    client.notify(envelope("usertransitions", &[user_closed])).await;
    becomes(&mut client, &user, "SUSPENDED").await;
    client.notify(envelope("usertransitions", &[user_late])).await;
    all_applied(&mut client).await;
    let newest = moved("ct-3", "LIMITED", "2026-03-16T09:00:00Z");
    client.notify(envelope("cardtransitions", &[newest])).await;
    becomes(&mut client, &card, "LIMITED").await;
    assert_eq!(client.get(&user).await.json()["status"], "SUSPENDED");
    let gone = moved("ct-4", "TERMINATED", "2026-03-16T10:00:00Z");
    let back = moved("ct-5", "ACTIVE", "2026-03-16T11:00:00Z");
    client.notify(envelope("cardtransitions", &[gone])).await;
    becomes(&mut client, &card, "TERMINATED").await;
    client.notify(envelope("cardtransitions", &[back])).await;
    all_applied(&mut client).await;
    assert_eq!(client.get(&card).await.json()["status"], "TERMINATED", "for good");
    app.stop_and_verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transition_does_not_override_what_was_set_here_since() {
    let app = TestApp::start().await;
    let mut client = app.client();
    let program = Program::set_up(&mut client, 100_00, 1).await;
    let (user, card) = named(&mut client, &program).await;
    let company = format!("/api/v1/companies/{}", program.company);
    let body = json!({"marqeta_token": "mq-company", "status": "SUSPENDED"});
    let suspended = json!({"status": "SUSPENDED"});
    for (path, body) in [(&user, &suspended), (&card, &suspended), (&company, &body)] {
        let set = client.patch(path, 1, body.clone()).await;
        assert_eq!(set.status, 200, "{set:?}");
    }
    let tell = async |client: &mut Client, round: &str, at: &str| {
        let name = |what: &str| format!("{what}-{round}");
        let card = card_moved(&name("ct"), "mq-card", "mq-user", "ACTIVE", at);
        for (family, event) in [
            ("usertransitions", user_moved(&name("ut"), "mq-user", "ACTIVE", at)),
            ("cardtransitions", card),
            ("businesstransitions", company_moved(&name("bt"), "mq-company", "ACTIVE", at)),
        ] {
            assert_eq!(client.notify(envelope(family, &[event])).await.status, 200);
        }
        all_applied(client).await;
    };
    tell(&mut client, "1", "2001-03-16T08:00:00Z").await;
    for path in [&user, &card, &company] {
        assert_eq!(client.get(path).await.json()["status"], "SUSPENDED", "{path}");
    }
    tell(&mut client, "2", "2999-03-16T08:00:00Z").await;
    for path in [&user, &card, &company] {
        assert_eq!(client.get(path).await.json()["status"], "ACTIVE", "{path}");
    }
    app.stop_and_verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_platform_restricts_no_company_s_caller_escapes() {
    let app = TestApp::start().await;
    let mut client = app.client();
    let program = Program::set_up(&mut client, 100_00, 1).await;
    let (user, card) = named(&mut client, &program).await;
    let body = json!({"name": "own", "scopes": ["admin"], "company_id": program.company});
    let key = text(&created(client.post("/api/v1/api-keys", body).await)["key"]);
    let own = format!("Bearer {key}");
    let all = client.bearer().to_owned();
    let set = async |client: &mut Client, who: &str, path: &str, status: &str| {
        let seen = client.get(path).await.json()["version"].clone();
        let request = client.request(Method::PATCH, path).header("authorization", who);
        let request = request.header("if-match", format!("\"{seen}\""));
        let body = json!({"status": status}).to_string();
        client.send(request, body.into()).await.expect("an answer").status.as_u16()
    };
    let tell = async |client: &mut Client, path: &str, status: &str, at: &str| {
        let year = &at[..4];
        let (family, event) = if path == user {
            let event = user_moved(&format!("ut-{year}"), "mq-user", status, at);
            ("usertransitions", event)
        } else {
            let event = card_moved(&format!("ct-{year}"), "mq-card", "mq-user", status, at);
            ("cardtransitions", event)
        };
        assert_eq!(client.notify(envelope(family, &[event])).await.status, 200);
        all_applied(client).await;
    };
    for path in [&card, &user] {
        // To say what is so already does not make it newer than what the platform tells late.
        assert_eq!(set(&mut client, &own, path, "ACTIVE").await, 200, "{path}");
        tell(&mut client, path, "SUSPENDED", "2001-03-16T08:00:00Z").await;
        assert_eq!(client.get(path).await.json()["status"], "SUSPENDED", "{path}");
        assert_eq!(set(&mut client, &own, path, "ACTIVE").await, 403, "{path}");
        assert_eq!(set(&mut client, &all, path, "ACTIVE").await, 200, "{path}");
        // The platform joins in.
        assert_eq!(set(&mut client, &own, path, "SUSPENDED").await, 200, "{path}");
        tell(&mut client, path, "SUSPENDED", "2002-03-16T08:00:00Z").await;
        assert_eq!(set(&mut client, &own, path, "ACTIVE").await, 403, "{path}");
        assert_eq!(set(&mut client, &all, path, "ACTIVE").await, 200, "{path}");
        tell(&mut client, path, "SUSPENDED", "2003-03-16T08:00:00Z").await;
        assert_eq!(client.get(path).await.json()["status"], "ACTIVE", "the program knew: {path}");
    }
    tell(&mut client, &card, "LIMITED", "2999-03-16T08:00:00Z").await;
    for (who, status, expected) in [
        (&own, "ACTIVE", 403),
        (&own, "SUSPENDED", 200),
        (&own, "ACTIVE", 403),
        (&all, "ACTIVE", 200),
    ] {
        assert_eq!(set(&mut client, who, &card, status).await, expected, "{status}");
    }
    app.stop_and_verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_at_the_platform_is_the_end_whatever_was_set_here_since() {
    let app = TestApp::start().await;
    let mut client = app.client();
    let program = Program::set_up(&mut client, 100_00, 1).await;
    let (_, card) = named(&mut client, &program).await;
    let set = client.patch(&card, 1, json!({"status": "SUSPENDED"})).await;
    assert_eq!(set.status, 200, "{set:?}");
    let ended = card_moved("ct-1", "mq-card", "mq-user", "TERMINATED", "2001-03-16T08:00:00Z");
    assert_eq!(client.notify(envelope("cardtransitions", &[ended])).await.status, 200);
    all_applied(&mut client).await;
    assert_eq!(client.get(&card).await.json()["status"], "TERMINATED");
    app.stop_and_verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_was_closed_or_erased_is_not_made_active_again() {
    let app = TestApp::start().await;
    let mut client = app.client();
    let program = Program::set_up(&mut client, 100_00, 1).await;
    let (user, _) = named(&mut client, &program).await;
    let closed = client.patch(&user, 1, json!({"status": "CLOSED"})).await;
    assert_eq!(closed.status, 200, "{closed:?}");
    let person = json!({"marqeta_token": "mq-person", "first_name": "Ada"});
    let person = created(client.post("/api/v1/personal/users", person).await);
    let person = format!("/api/v1/personal/users/{}", text(&person["id"]));
    let erased = client.post(&format!("{person}/erase"), json!({})).await;
    assert_eq!(erased.status, 200, "{erased:?}");
    let back = [
        user_moved("ut-1", "mq-user", "ACTIVE", "2999-03-16T08:00:00Z"),
        user_moved("ut-2", "mq-person", "ACTIVE", "2999-03-16T08:00:00Z"),
    ];
    client.notify(envelope("usertransitions", &back)).await;
    all_applied(&mut client).await;
    for (path, version) in [(&user, closed.json()), (&person, erased.json())] {
        let found = client.get(path).await.json();
        assert_eq!((&found["status"], &found["version"]), (&json!("CLOSED"), &version["version"]));
    }
    let ignored = client.get("/api/v1/webhook-events?state=ignored").await.json();
    let reasons: Vec<&Value> =
        ignored["items"].as_array().unwrap().iter().map(|event| &event["reason"]).collect();
    assert_eq!(reasons, ["closed", "closed"], "{ignored}");
    app.stop_and_verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_company_that_the_platform_stops_is_not_approved_until_it_is_back() {
    let app = TestApp::start().await;
    let mut client = app.client();
    let program = Program::set_up(&mut client, 100_00, 1).await;
    let company = format!("/api/v1/companies/{}", program.company);
    let named = client.patch(&company, 1, json!({"marqeta_token": "mq-company"})).await;
    assert_eq!(named.status, 200, "{named:?}");
    let buys = async |client: &mut Client, token: &str| {
        client.jit(marqeta::purchase(token, program.card(), "1.00")).await.says()
    };
    assert_eq!(buys(&mut client, "b1").await.0, 200);
    let told = async |client: &mut Client, token: &str, status: &str, at: &str| {
        let event = company_moved(token, "mq-company", status, at);
        let answer = client.notify(envelope("businesstransitions", &[event])).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["accepted"]), (200, &json!(1)));
        all_applied(client).await;
        client.get(&company).await.json()["status"].clone()
    };
    assert_eq!(told(&mut client, "bt-2", "SUSPENDED", "2026-03-16T08:00:00Z").await, "SUSPENDED");
    assert_eq!(buys(&mut client, "b2").await, (402, "TRANSACTION_NOT_PERMITTED".into()));
    let late = told(&mut client, "bt-1", "ACTIVE", "2026-03-16T07:00:00Z").await;
    assert_eq!(late, "SUSPENDED", "it was newer");
    assert_eq!(told(&mut client, "bt-3", "ACTIVE", "2026-03-16T09:00:00Z").await, "ACTIVE");
    assert_eq!(buys(&mut client, "b3").await.0, 200);
    assert_eq!(told(&mut client, "bt-4", "CLOSED", "2026-03-16T10:00:00Z").await, "CLOSED");
    let reopened = told(&mut client, "bt-5", "ACTIVE", "2026-03-16T11:00:00Z").await;
    assert_eq!(reopened, "CLOSED", "for good, as for whoever asks for it by REST");
    assert_eq!(buys(&mut client, "b4").await, (402, "CLOSED_ACCOUNT".into()));
    app.stop_and_verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_told_of_an_unknown_company_waits_until_it_is_known() {
    let app = TestApp::start().await;
    let mut client = app.client();
    let program = Program::set_up(&mut client, 100_00, 1).await;
    let event = company_moved("bt-1", "mq-company", "SUSPENDED", "2026-03-16T08:00:00Z");
    client.notify(envelope("businesstransitions", &[event])).await;
    parked_for(&mut client, "company_unknown").await;
    let company = format!("/api/v1/companies/{}", program.company);
    client.patch(&company, 1, json!({"marqeta_token": "mq-company"})).await;
    becomes(&mut client, &company, "SUSPENDED").await;
    app.stop_and_verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_told_of_an_unknown_card_waits_until_it_is_known() {
    let app = TestApp::start().await;
    let mut client = app.client();
    let program = Program::set_up(&mut client, 100_00, 1).await;
    let told = authorization("u1", "mq-card", "25.00", "PENDING");
    let answer = client.notify(envelope("transactions", &[told])).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["accepted"]), (200, &json!(1)));
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(program.held(&mut client).await, 0);
    named(&mut client, &program).await;
    let until = Instant::now() + Duration::from_secs(20);
    while program.held(&mut client).await != 25_00 {
        assert!(Instant::now() < until, "never applied");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    app.stop_and_verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_card_is_created_unactivated_if_the_settings_say_so() {
    let folder = tempfile::tempdir().unwrap();
    let (app, program) = with_unknown_company(folder.path()).await;
    let mut client = app.client();
    // Several of the same unknown card at once create it once.
    let told = |name: &str| {
        let mut event = authorization(name, "mq-new", "2.00", "PENDING");
        event["user_token"] = json!("mq-holder");
        event
    };
    let events: Vec<Value> = (0..8).map(|at| told(&format!("n{at}"))).collect();
    client.notify(envelope("transactions", &events)).await;
    let until = Instant::now() + Duration::from_secs(20);
    while program.held(&mut client).await != 16_00 {
        assert!(Instant::now() < until, "held {}", program.held(&mut client).await);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    becomes(&mut client, "/api/v1/cards/mq-new", "UNACTIVATED").await;
    becomes(&mut client, "/api/v1/users/mq-holder", "UNVERIFIED").await;
    let moved = card_moved("ct-1", "mq-other", "mq-else", "ACTIVE", "2026-03-16T07:00:00Z");
    client.notify(envelope("cardtransitions", &[moved])).await;
    becomes(&mut client, "/api/v1/cards/mq-other", "UNACTIVATED").await;
    let moved = card_moved("ct-2", "mq-other", "mq-else", "ACTIVE", "2026-03-16T08:00:00Z");
    client.notify(envelope("cardtransitions", &[moved])).await;
    becomes(&mut client, "/api/v1/cards/mq-other", "ACTIVE").await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_knew_ends_the_same_whichever_transition_comes_first() {
    let folder = tempfile::tempdir().unwrap();
    let (app, _) = with_unknown_company(folder.path()).await;
    let mut client = app.client();
    let (before, after) = ("2026-03-16T07:00:00Z", "2026-03-16T08:00:00Z");
    // One after the other in both orders, and both at once.
    for (name, order) in [("old", vec![vec![0], vec![1]]), ("new", vec![vec![1], vec![0]])]
        .into_iter()
        .chain([("both", vec![vec![0, 1]])])
    {
        for (family, last) in [
            ("cardtransitions", "TERMINATED"),
            ("cardtransitions", "SUSPENDED"),
            ("cardtransitions", "LIMITED"),
            ("usertransitions", "CLOSED"),
            ("usertransitions", "SUSPENDED"),
        ] {
            let is_card = family == "cardtransitions";
            let token = format!("{}-{last}-{name}", &family[..4]);
            let moved = |at: &str, status: &str| {
                let event = format!("{token}-{status}");
                if is_card {
                    card_moved(&event, &token, "mq-holder", status, at)
                } else {
                    user_moved(&event, &token, status, at)
                }
            };
            let events = [moved(before, "ACTIVE"), moved(after, last)];
            for body in &order {
                let body: Vec<Value> = body.iter().map(|at: &usize| events[*at].clone()).collect();
                assert_eq!(client.notify(envelope(family, &body)).await.status, 200);
                all_applied(&mut client).await;
            }
            let path = format!("/api/v1/{}/{token}", if is_card { "cards" } else { "users" });
            assert_eq!(client.get(&path).await.json()["status"], last, "{token}");
        }
    }
    app.stop_and_verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_card_of_a_person_waits_until_it_is_known() {
    let folder = tempfile::tempdir().unwrap();
    let (app, _) = with_unknown_company(folder.path()).await;
    let mut client = app.client();
    let person = json!({"marqeta_token": "mq-person"});
    let person = created(client.post("/api/v1/personal/users", person).await);
    let moved = card_moved("ct-1", "mq-card", "mq-person", "ACTIVE", "2026-03-16T07:00:00Z");
    client.notify(envelope("cardtransitions", &[moved])).await;
    parked_for(&mut client, "card_of_a_personal_user").await;
    let wallet = json!({"user_id": person["id"], "currency": "USD"});
    created(client.post("/api/v1/personal/wallets", wallet).await);
    let card = json!({"user_id": person["id"], "marqeta_token": "mq-card"});
    let card = created(client.post("/api/v1/personal/cards", card).await);
    becomes(&mut client, &format!("/api/v1/personal/cards/{}", text(&card["id"])), "ACTIVE").await;
    app.stop_and_verify().await;
}
