//! The JIT door: answers, repeats, tokens used twice.

use std::collections::HashSet;

use serde_json::json;

use crate::support::{Program, TestApp, marqeta};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_purchase_is_held_before_it_is_answered_and_explained() {
    let app = TestApp::start().await;
    let mut client = app.client();
    let program = Program::set_up(&mut client, 10_000, 1).await;
    let answer = client.jit(marqeta::purchase("a", program.card(), "48.35")).await;
    assert_eq!(answer.status.as_u16(), 200);
    let funding = &answer.json()["jit_funding"];
    assert_eq!(
        (&funding["token"], &funding["method"]),
        (&json!("a"), &json!("pgfs.authorization"))
    );
    assert!(String::from_utf8_lossy(&answer.body).contains("\"amount\":48.35"));
    assert_eq!(program.held(&mut client).await, 4_835);

    let id = funding["tags"].as_str().expect("our id");
    let explained = client.get(&format!("/api/v1/authorizations/{id}")).await.json();
    assert_eq!(explained["decision"], "approved");
    assert!(explained["checks"].as_array().is_some_and(|checks| checks.len() >= 8));

    let over = client.jit(marqeta::purchase("b", program.card(), "51.66")).await;
    assert_eq!(over.says(), (402, "INSUFFICIENT_FUNDS".into()));
    app.stop_and_verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_token_one_after_another_or_at_once_gets_identical_bytes_and_one_hold() {
    let app = TestApp::start().await;
    let mut client = app.client();
    let program = Program::set_up(&mut client, 1_000_000, 1).await;
    let mut held = 0;
    for round in 0..100 {
        let body = marqeta::purchase(&format!("same-{round}"), program.card(), "1.00");
        let callers = (0..32).map(|_| {
            let (mut client, body) = (client.another(), body.clone());
            tokio::spawn(async move { client.jit(body).await })
        });
        let callers: Vec<_> = callers.collect();
        let mut answers = HashSet::new();
        for caller in callers {
            let answer = caller.await.expect("an answer");
            answers.insert((answer.status.as_u16(), answer.body));
        }
        let again = client.jit(body).await;
        answers.insert((again.status.as_u16(), again.body));
        assert_eq!(answers.len(), 1, "round {round}: {answers:?}");
        held += 100;
        assert_eq!(program.held(&mut client).await, held);
    }
    app.stop_and_verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_used_for_something_else_changes_nothing() {
    let app = TestApp::start().await;
    let mut client = app.client();
    let program = Program::set_up(&mut client, 10_000, 2).await;
    client.jit(marqeta::purchase("a", &program.cards[0], "10.00")).await;
    for body in [
        marqeta::purchase("a", &program.cards[0], "10.01"),
        marqeta::purchase("a", &program.cards[1], "10.00"),
    ] {
        assert_eq!(client.jit(body).await.says(), (402, "DUPLICATE_TRANSACTION".into()));
    }
    let body = json!({"token": "a", "card": program.cards[0], "amount": 1_001, "currency": "USD"});
    assert_eq!(
        client.post("/api/v1/authorizations", body).await.says(),
        (409, "token_reused".into())
    );
    assert_eq!(program.held(&mut client).await, 1_000);
    // Another spelling of the same amount is the same request.
    for amount in ["10", "10.0"] {
        assert_eq!(client.jit(marqeta::purchase("a", &program.cards[0], amount)).await.status, 200);
    }
    app.stop_and_verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_credit_in_the_unload_order_is_answered_and_moves_nothing_yet() {
    let app = TestApp::start().await;
    let mut client = app.client();
    let program = Program::set_up(&mut client, 10_000, 1).await;
    let body = marqeta::message(
        "refund.authorization",
        "gpa_order_unload",
        "r",
        "pgfs.refund.authorization",
        program.card(),
        "12.00",
    );
    let answer = client.jit(body.to_string()).await;
    assert_eq!(answer.status.as_u16(), 200, "{answer:?}");
    let account = program.account(&mut client).await;
    assert_eq!((&account["held"], &account["posted"]), (&json!(0), &json!(0)));
    app.stop_and_verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn single_messages_inquiries_and_informative_methods() {
    let app = TestApp::start().await;
    let mut client = app.client();
    let program = Program::set_up(&mut client, 10_000, 1).await;
    let ask = |token: &str, method: &str, amount: &str| {
        marqeta::message("x", "gpa_order", token, method, program.card(), amount).to_string()
    };
    assert_eq!(client.jit(ask("d", "pgfs.auth_plus_capture", "25.00")).await.status, 200);
    let account = program.account(&mut client).await;
    assert_eq!((&account["held"], &account["posted"]), (&json!(0), &json!(2_500)));
    let inquiry = client.jit(ask("q", "pgfs.balanceinquiry", "0")).await.json();
    assert_eq!(inquiry["jit_funding"]["balances"]["USD"]["available_balance"], json!(75.0));
    let verify = ask("v", "pgfs.authorization.account_verification", "0.00");
    assert_eq!(client.jit(verify).await.status, 200);
    assert_eq!(client.jit(ask("i", "pgfs.authorization.reversal", "5.00")).await.status, 200);
    assert_eq!(client.jit(ask("n", "pgfs.something.new", "5.00")).await.status, 200);
    assert_eq!(program.held(&mut client).await, 500);
    app.stop_and_verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_card_is_declined_until_it_exists() {
    let app = TestApp::start().await;
    let mut client = app.client();
    let program = Program::set_up(&mut client, 10_000, 0).await;
    let body = marqeta::purchase("a", "card-0042", "1.00");
    assert_eq!(client.jit(body.clone()).await.says(), (402, "INVALID_CARD".into()));
    let card = json!({"user_id": program.user, "status": "ACTIVE", "marqeta_token": "card-0042"});
    assert_eq!(client.post("/api/v1/cards", card).await.status, 201);
    assert_eq!(client.jit(body.clone()).await.status, 200, "judged anew");
    assert_eq!(client.jit(body).await.status, 200);
    assert_eq!(program.held(&mut client).await, 100);
    app.stop_and_verify().await;
}
