//! Messages that can never work, on each queue that is worked: dead at once, and their neighbours flow.

use std::collections::BTreeMap;
use std::sync::Arc;

use tollgate::broker::Message;
use tollgate::broker::headers::{ATTEMPTS, ORIGIN, REASON};
use tollgate::broker::topology::Queue;
use tollgate::broker::topology::Queue::{JitFunding, Transactions, Webhooks};

use super::jit::STATUS;
use super::world::{request, take, until};
use crate::broker::world as brokers;
use crate::endure::scene::report;
use crate::support::{Program, TestApp, marqeta, servers};
use crate::webhooks::events::{authorization, envelope};

const JSON: &str = "application/json";
const OWN: &str = "application/vnd.tollgate.authorization+json";

pub async fn what_can_not_be_read_is_dead_at_once_and_its_neighbours_flow(app: Arc<TestApp>) {
    let (mut client, broker) = (app.client(), app.broker());
    let program = Program::set_up(&mut client, 1_000_000, 1).await;
    let name = servers::unique();
    let mut answers = broker.replies(name.clone()).await.unwrap();
    let huge = format!("{{\"a\":\"{}\"}}", "x".repeat(2 * 1_024 * 1_024));
    let (huge, broken, schema) = (huge.as_str(), "{not json", r#"{"hello":1}"#);
    let twice = r#"{"gpa_order":{},"gpa_order":{}}"#;
    let poison = [
        (JitFunding, "not-json", JSON, broken, "malformed_json"),
        (JitFunding, "empty", JSON, "", "empty_body"),
        (JitFunding, "array", JSON, "[5]", "not_an_object"),
        (JitFunding, "schema", JSON, schema, "missing_field"),
        (JitFunding, "twice", JSON, twice, "duplicate_key"),
        (JitFunding, "huge", JSON, huge, "body_too_large"),
        (JitFunding, "type", "text/plain", "{}", "unsupported_media_type"),
        (JitFunding, "own", OWN, r#"{"token":"t"}"#, "missing_field"),
        (JitFunding, "own-2", OWN, r#"{"tokens":"t"}"#, "invalid_request"),
        (JitFunding, "", JSON, "{}", "missing_message_id"),
        (Transactions, "not-json", JSON, broken, "malformed_json"),
        (Transactions, "empty", JSON, "", "empty_body"),
        (Transactions, "schema", JSON, schema, "wrong_schema"),
        (Transactions, "twice", JSON, r#"{"amount":1,"amount":1}"#, "duplicate_key"),
        (Transactions, "field", JSON, "{}", "missing_field"),
        (Transactions, "huge", JSON, huge, "body_too_large"),
        (Transactions, "", JSON, "{}", "missing_message_id"),
        // Ids of what is kept elsewhere: what is none is not looked at any closer.
        (Webhooks, "not-json", JSON, broken, "wrong_schema"),
        (Webhooks, "empty", JSON, "", "wrong_schema"),
        (Webhooks, "schema", JSON, schema, "wrong_schema"),
        (Webhooks, "id", JSON, r#"{"id":"nonsense"}"#, "wrong_schema"),
        (Webhooks, "huge", JSON, huge, "wrong_schema"),
        (Webhooks, "", JSON, "{}", "missing_message_id"),
    ];
    for (n, (queue, id, content_type, body, _)) in poison.iter().enumerate() {
        let content_type = (*content_type).to_owned();
        let message = Message { content_type, ..request(id, (*body).to_owned(), Some(&name)) };
        brokers::publish(&broker, brokers::to(*queue, message)).await.unwrap();
        let (token, card) = (format!("good-{n}"), program.card());
        match queue {
            Transactions => brokers::publish(&broker, report(&token, card)).await.unwrap(),
            Webhooks => {
                let told = authorization(&token, card, "1.00", "PENDING");
                assert_eq!(client.notify(envelope("transactions", &[told])).await.status, 200);
            }
            _ => {
                let asked = request(&token, marqeta::purchase(&token, card, "1.00"), Some(&name));
                brokers::publish(&broker, brokers::to(JitFunding, asked)).await.unwrap();
            }
        }
    }
    let neighbours = |of: Queue| poison.iter().filter(|(queue, ..)| *queue == of).count();
    for _ in 0..neighbours(JitFunding) {
        assert_eq!(take(&mut answers).await.headers[STATUS], "200");
    }
    until("reports flow", async || {
        let reported = app.client().get("/api/v1/transactions?limit=200").await.json();
        reported["items"].as_array().unwrap().len() == neighbours(Transactions)
    })
    .await;
    let purchases = neighbours(JitFunding) + neighbours(Webhooks);
    until("notifications flow", async || {
        program.held(&mut app.client()).await == 100 * purchases as i64
    })
    .await;

    let expected: BTreeMap<_, _> =
        poison.iter().map(|(queue, id, .., reason)| ((queue.name(), *id), *reason)).collect();
    let mut dead = broker.consume(Queue::DeadLetters, 10).await.unwrap();
    for _ in &poison {
        let letter = take(&mut dead).await;
        let header = |name: &str| letter.headers[name].as_str();
        let (origin, id) = (header(ORIGIN), letter.id.as_str());
        assert_eq!(
            (header(REASON), header(ATTEMPTS)),
            (expected[&(origin, id)], "1"),
            "{id} of {origin}"
        );
    }
    brokers::nothing(&mut dead).await;
}
