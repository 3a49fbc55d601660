//! Requests through the queue, on any broker.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::{Value, json};
use tollgate::broker::headers::REASON;
use tollgate::broker::topology::Queue;
use tollgate::broker::{Broker, Message};

use super::world::{ask, request, take};
use crate::support::{Client, Program, TestApp, marqeta, servers};

pub const STATUS: &str = "x-tollgate-status";

fn json(message: &Message) -> Value {
    serde_json::from_slice(&message.body).expect("an answer is JSON")
}

pub async fn a_request_is_decided_and_answered_to_whoever_asked(app: Arc<TestApp>) {
    let (mut client, broker) = (app.client(), app.broker());
    let program = Program::set_up(&mut client, 10_000, 1).await;
    let name = servers::unique();
    let mut answers = broker.replies(name.clone()).await.unwrap();

    let body = marqeta::purchase("a", program.card(), "48.35");
    ask(&broker, request("a", body.clone(), Some(&name))).await;
    let answer = take(&mut answers).await;
    assert_eq!(answer.correlation_id.as_deref(), Some("c-a"));
    assert_eq!(answer.headers[STATUS], "200");
    assert_eq!(program.held(&mut client).await, 4_835);
    let by_http = client.jit(body.clone()).await;
    assert_eq!((by_http.status.as_u16(), &by_http.body), (200, &answer.body), "the same bytes");

    ask(&broker, request("b", marqeta::purchase("b", program.card(), "51.66"), Some(&name))).await;
    let answer = take(&mut answers).await;
    assert_eq!(answer.headers[STATUS], "402");
    assert_eq!(json(&answer)["jit_funding"]["decline_reason"], "INSUFFICIENT_FUNDS");

    // Nobody, a queue of ours, an asker who has gone: everyone who reads decisions.
    let mut decisions = broker.consume(Queue::JitResponses, 10).await.unwrap();
    for reply_to in [None, Some("transaction-processing-queue"), Some("nobody-0042")] {
        ask(&broker, request("a", body.clone(), reply_to)).await;
        assert_eq!(take(&mut decisions).await.body, by_http.body);
    }
    assert_eq!(program.held(&mut client).await, 4_835);
}

pub async fn the_same_token_by_http_and_queue_at_once_is_one_decision(app: Arc<TestApp>) {
    let program = Program::set_up(&mut app.client(), 1_000_000, 1).await;
    one_decision_each(&[app.client()], &app.broker(), &program, "both").await;
}

/// Each token by HTTP, of these clients in turn, and by the queue, all at once.
pub async fn one_decision_each(
    clients: &[Client],
    broker: &Arc<dyn Broker>,
    program: &Program,
    prefix: &str,
) {
    let name = servers::unique();
    let mut answers = broker.replies(name.clone()).await.unwrap();
    for round in 1..=10 {
        let token = format!("{prefix}-{round}");
        let body = marqeta::purchase(&token, program.card(), "1.00");
        let mut asking = tokio::task::JoinSet::new();
        for n in 0..16 {
            if n % 2 == 0 {
                let client = &clients[n / 2 % clients.len()];
                let (mut client, body) = (client.another(), body.clone());
                asking.spawn(async move { Some(client.jit(body).await.body) });
            } else {
                let message = request(&token, body.clone(), Some(&name));
                let broker = Arc::clone(broker);
                asking.spawn(async move {
                    ask(&broker, message).await;
                    None
                });
            }
        }
        let mut seen: HashSet<_> = asking.join_all().await.into_iter().flatten().collect();
        for _ in 0..8 {
            seen.insert(take(&mut answers).await.body);
        }
        assert_eq!(seen.len(), 1, "{token}: {seen:?}");
        for client in clients {
            assert_eq!(program.held(&mut client.another()).await, round * 100, "{token}");
        }
    }
}

pub async fn what_is_too_late_is_answered_and_not_judged(app: Arc<TestApp>) {
    let (mut client, broker) = (app.client(), app.broker());
    let program = Program::set_up(&mut client, 10_000, 1).await;
    let name = servers::unique();
    let mut answers = broker.replies(name.clone()).await.unwrap();
    let old = |id: &str, body: &str| Message {
        published_ms: Some(1_700_000_000_000),
        ..request(id, body.to_owned(), Some(&name))
    };
    let body = marqeta::purchase("late", program.card(), "10.00");
    ask(&broker, old("late", &body)).await;
    let answer = take(&mut answers).await;
    assert_eq!(answer.headers[STATUS], "402");
    assert_eq!(json(&answer)["jit_funding"]["memo"], "unavailable");
    assert_eq!(program.held(&mut client).await, 0);
    // That was no decision: a repeat is judged.
    let decided = client.jit(body.clone()).await;
    assert_eq!(decided.status, 200);
    // What was decided is what it is answered with, however late.
    ask(&broker, old("late", &body)).await;
    assert_eq!(take(&mut answers).await.body, decided.body);
    let other = marqeta::purchase("late", program.card(), "11.00");
    ask(&broker, old("late", &other)).await;
    assert_eq!(
        json(&take(&mut answers).await)["jit_funding"]["decline_reason"],
        "DUPLICATE_TRANSACTION"
    );
    assert_eq!(program.held(&mut client).await, 1_000);
}

pub async fn a_token_used_for_something_else_is_answered_and_dead(app: Arc<TestApp>) {
    let (mut client, broker) = (app.client(), app.broker());
    let program = Program::set_up(&mut client, 10_000, 1).await;
    let name = servers::unique();
    let mut answers = broker.replies(name.clone()).await.unwrap();
    client.jit(marqeta::purchase("a", program.card(), "10.00")).await;
    ask(&broker, request("a", marqeta::purchase("a", program.card(), "10.01"), Some(&name))).await;
    let answer = json(&take(&mut answers).await);
    assert_eq!(answer["jit_funding"]["decline_reason"], "DUPLICATE_TRANSACTION");
    let letter = take(&mut broker.consume(Queue::DeadLetters, 1).await.unwrap()).await;
    assert_eq!(letter.headers[REASON], "id_conflict");
    // An unknown card is a decline like others.
    ask(&broker, request("b", marqeta::purchase("b", "card-0042", "1.00"), Some(&name))).await;
    let answer = json(&take(&mut answers).await);
    assert_eq!(answer["jit_funding"]["decline_reason"], "INVALID_CARD");
    assert_eq!(program.held(&mut client).await, 1_000);
}

pub async fn whoever_would_rather_not_wait_finds_the_decision_in_the_queue(app: Arc<TestApp>) {
    let (mut client, broker) = (app.client(), app.broker());
    let program = Program::set_up(&mut client, 10_000, 1).await;
    let mut decisions = broker.consume(Queue::JitResponses, 10).await.unwrap();
    let body = json!({"token": "later", "card": program.card(), "amount": 700, "currency": "USD"});
    let path = "/api/v1/authorizations";
    let prefer = [("prefer", "respond-async"), ("content-type", "application/json")];
    let (status, accepted) = app.send("POST", path, &prefer[..1], Some(body.to_string())).await;
    assert_eq!(status, 202, "{accepted}");
    assert_eq!(accepted["token"], "later");
    let decision = take(&mut decisions).await;
    assert_eq!((decision.id.as_str(), decision.headers[STATUS].as_str()), ("later", "201"));
    let decision = json(&decision);
    assert_eq!((&decision["decision"], &decision["amount"]), (&json!("approved"), &json!(700)));
    assert_eq!(program.held(&mut client).await, 700);
    // Later, the same request is answered as it was decided.
    let (status, again) = app.post(path, body).await;
    assert_eq!((status.as_u16(), &again["id"]), (201, &decision["id"]));
    // What is not valid is told at once.
    let bad = json!({"token": "later", "amount": 700}).to_string();
    let (status, problem) = app.send("POST", path, &prefer[..1], Some(bad)).await;
    assert_eq!((status.as_u16(), &problem["code"]), (400, &json!("missing_field")));
}
