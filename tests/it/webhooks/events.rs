//! Notifications as the card platform sends them.

use serde_json::{Value, json};

use crate::support::marqeta;

/// A purchase's own message, approved or not; its transaction is `t-{token}`.
pub fn authorization(token: &str, card: &str, amount: &str, state: &str) -> Value {
    told(
        marqeta::message("authorization", "gpa_order", token, "pgfs.authorization", card, amount),
        state,
    )
}

pub fn incremental(token: &str, parent: &str, card: &str, amount: &str) -> Value {
    let method = "pgfs.authorization.incremental";
    let kind = "authorization.incremental";
    follows(
        told(marqeta::message(kind, "gpa_order", token, method, card, amount), "PENDING"),
        parent,
    )
}

/// `by` is what the purchase shrinks by.
pub fn advice(token: &str, parent: &str, card: &str, by: &str) -> Value {
    let method = "pgfs.authorization.reversal";
    let mut event = told(
        marqeta::message("authorization.advice", "gpa_order", token, method, card, by),
        "PENDING",
    );
    event["amount"] = json!("1.00"); // the new total: not what is to be looked at
    follows(event, parent)
}

pub fn reversal(token: &str, parent: &str, card: &str, amount: &str, state: &str) -> Value {
    let method = "pgfs.authorization.reversal";
    let kind = "authorization.reversal";
    follows(told(marqeta::message(kind, "gpa_order", token, method, card, amount), state), parent)
}

pub fn clearing(token: &str, parent: &str, card: &str, amount: &str, last: bool) -> Value {
    let method = "pgfs.authorization.capture";
    let kind = "authorization.clearing";
    let mut event =
        told(marqeta::message(kind, "gpa_order", token, method, card, amount), "COMPLETION");
    event["is_final_clearing"] = json!(last);
    follows(event, parent)
}

pub fn refund(token: &str, parent: &str, card: &str, amount: &str) -> Value {
    let event = marqeta::message("refund", "gpa_order_unload", token, "pgfs.refund", card, amount);
    follows(told(event, "COMPLETION"), parent)
}

/// What its type says has happened; its method is none that we know.
pub fn step(
    kind: &str,
    token: &str,
    parent: Option<&str>,
    card: &str,
    amount: &str,
    state: &str,
) -> Value {
    let method = format!("pgfs.{kind}");
    let event = marqeta::message(kind, "gpa_order_unload", token, &method, card, amount);
    let event = told(event, state);
    match parent {
        Some(parent) => follows(event, parent),
        None => event,
    }
}

/// Declined, because our answer did not come in time.
pub fn timed_out(token: &str, card: &str, amount: &str) -> Value {
    let mut event = authorization(token, card, amount, "DECLINED");
    event["response"] = json!({"code": "1016", "memo": "Not sufficient funds"});
    event["gpa_order"]["funding"] = json!({"gateway_log":
        {"transaction_id": token, "message": "Gateway timed out", "duration": 3002, "timed_out": true}});
    event
}

/// Approved in our name: no funding data, and who did it.
pub fn stand_in(token: &str, card: &str, amount: &str) -> Value {
    let mut event = authorization(token, card, amount, "PENDING");
    event["gpa_order"].as_object_mut().unwrap().remove("jit_funding");
    event["standin_approved_by"] = json!("COMMANDO_AUTO");
    event["subnetwork"] = json!("MANAGED_JIT");
    event
}

pub fn card_moved(token: &str, card: &str, user: &str, state: &str, at: &str) -> Value {
    json!({"token": token, "card_token": card, "user_token": user, "state": state,
        "type": format!("state.{}", state.to_lowercase()), "created_time": at, "last_four": "0042",
        "pan": "111111______0042", "expiration": "0329"})
}

pub fn user_moved(token: &str, user: &str, status: &str, at: &str) -> Value {
    json!({"token": token, "user_token": user, "status": status, "created_time": at})
}

pub fn company_moved(token: &str, company: &str, status: &str, at: &str) -> Value {
    json!({"token": token, "business_token": company, "status": status, "created_time": at})
}

/// One family.
pub fn envelope(family: &str, events: &[Value]) -> String {
    json!({ family: events }).to_string()
}

fn told(mut event: Value, state: &str) -> Value {
    let declined = state == "DECLINED";
    event["state"] = json!(state);
    event["response"] = json!({"code": if declined { "1885" } else { "0000" }, "memo": "…"});
    event["duration"] = json!(211);
    event["identifier"] = json!("900121");
    event
}

fn follows(mut event: Value, parent: &str) -> Value {
    event["preceding_related_transaction_token"] = json!(format!("t-{parent}"));
    event
}
