//! Purchases are decided, explained and followed to their end.

use serde_json::json;

use super::{Program, authorized, created, expect, moved, text};
use crate::support::TestApp;

#[tokio::test]
async fn an_authorization_is_answered_with_its_explanation_and_again_by_the_same_bytes() {
    let app = TestApp::start().await;
    let program = Program::start(&app, 1_000).await;
    let first = authorized(&app, program.purchase("t-1", 600)).await;
    assert_eq!((&first["decision"], &first["hold"]["amount"]), (&json!("approved"), &json!(600)));
    assert!(!first["checks"].as_array().unwrap().is_empty());
    let clear = json!({"token": "t-2", "amount": 600, "final": true});
    moved(&app, &first, "clear", clear).await;
    let again = authorized(&app, program.purchase("t-1", 600)).await;
    assert_eq!(again, first, "whatever has happened since");
    let reused = app.post("/api/v1/authorizations", program.purchase("t-1", 601)).await;
    expect(reused, 409, "token_reused");
    assert_eq!(program.account(&app).await["posted"], 600);
}

#[tokio::test]
async fn a_decline_names_the_reason_the_code_and_the_numbers() {
    let app = TestApp::start().await;
    let program = Program::start(&app, 1_000).await;
    let declined = authorized(&app, program.purchase("t-1", 1_001)).await;
    assert_eq!(declined["decision"], "declined");
    assert_eq!(declined["reason"], "INSUFFICIENT_FUNDS");
    assert_eq!(
        (&declined["code"], &declined["hold"]),
        (&json!("funds.insufficient"), &json!(null))
    );
    let checks = declined["checks"].as_array().unwrap();
    let funds = checks.iter().find(|check| check["check"] == "funds.available").unwrap();
    assert_eq!((&funds["asked"], &funds["max"]), (&json!(1_001), &json!(1_000)));
    let path = format!("/api/v1/authorizations/{}", text(&declined["id"]));
    let (status, read) = app.get(&path).await;
    assert_eq!((status.as_u16(), &read["checks"]), (200, &declined["checks"]));
    assert_eq!((&read["state"], &read["postings"]), (&json!(null), &json!([])));
}

#[tokio::test]
async fn a_purchase_grows_shrinks_and_is_cleared_in_parts() {
    let app = TestApp::start().await;
    let program = Program::start(&app, 10_000).await;
    let purchase = authorized(&app, program.purchase("t-1", 1_000)).await;
    let path = format!("/api/v1/authorizations/{}", text(&purchase["id"]));
    let more = json!({"token": "t-2", "amount": 500});
    let more = created(&app, &format!("{path}/increment"), more).await;
    assert_eq!((&more["decision"], &more["chain_id"]), (&json!("approved"), &purchase["id"]));
    let part = moved(&app, &purchase, "reverse", json!({"token": "t-3", "amount": 200})).await;
    assert_eq!((&part["hold"]["amount"], &part["held_change"]), (&json!(1_300), &json!(-200)));
    let advised = moved(&app, &purchase, "advise", json!({"token": "t-4", "amount": 1_200})).await;
    assert_eq!(advised["hold"]["amount"], 1_200);
    let raised = json!({"token": "t-5", "amount": 1_201});
    expect(app.post(&format!("{path}/advise"), raised).await, 422, "advice_raises");
    let first = moved(&app, &more, "clear", json!({"token": "t-6", "amount": 700})).await;
    assert_eq!((&first["hold"]["amount"], &first["posted_change"]), (&json!(500), &json!(700)));
    let last = json!({"token": "t-7", "amount": 600, "final": true, "currency": "EUR"});
    let last = moved(&app, &purchase, "clear", last).await;
    assert_eq!(
        (&last["hold"]["state"], &last["flags"]),
        (&json!("cleared"), &json!(["over_clearing"]))
    );
    moved(&app, &purchase, "refund", json!({"token": "t-8", "amount": 100})).await;
    let read = app.get(&path).await.1;
    assert_eq!((&read["state"], &read["totals"]["cleared"]), (&json!("cleared"), &json!(1_300)));
    assert_eq!(read["postings"].as_array().unwrap().len(), 3);
    let account = program.account(&app).await;
    assert_eq!((&account["held"], &account["posted"]), (&json!(0), &json!(1_200)));
}

#[tokio::test]
async fn a_step_is_taken_once_for_its_token() {
    let app = TestApp::start().await;
    let program = Program::start(&app, 1_000).await;
    let purchase = authorized(&app, program.purchase("t-1", 600)).await;
    let clear = json!({"token": "t-2", "amount": 100});
    let first = moved(&app, &purchase, "clear", clear.clone()).await;
    assert_eq!(moved(&app, &purchase, "clear", clear).await, first);
    assert_eq!(program.account(&app).await["posted"], 100);
    let path = format!("/api/v1/authorizations/{}", text(&purchase["id"]));
    for (verb, body) in [
        ("clear", json!({"token": "t-2", "amount": 101})),
        ("clear", json!({"token": "t-2", "amount": 100, "final": true})),
        ("refund", json!({"token": "t-2", "amount": 100})),
    ] {
        let answer = app.post(&format!("{path}/{verb}"), body).await;
        expect(answer, 409, "token_reused");
    }
    assert_eq!(program.account(&app).await["posted"], 100);
}

#[tokio::test]
async fn a_token_of_another_purchase_does_not_join_the_two() {
    let app = TestApp::start().await;
    let program = Program::start(&app, 1_000).await;
    let one = authorized(&app, program.purchase("t-1", 100)).await;
    let other = authorized(&app, program.purchase("t-2", 200)).await;
    let cleared = moved(&app, &other, "clear", json!({"token": "t-1", "amount": 50})).await;
    assert_eq!(cleared["hold"]["amount"], 150);
    let path = format!("/api/v1/authorizations/{}", text(&one["id"]));
    assert_eq!(app.get(&path).await.1["hold"]["amount"], 100);
}

#[tokio::test]
async fn a_hold_is_given_back_whole_by_reversal_and_by_expiry() {
    let app = TestApp::start().await;
    let program = Program::start(&app, 1_000).await;
    for (token, verb, state) in [("t-1", "reverse", "reversed"), ("t-2", "expire", "expired")] {
        let purchase = authorized(&app, program.purchase(token, 600)).await;
        let body = json!({"token": format!("{token}-{verb}")});
        let given_back = moved(&app, &purchase, verb, body).await;
        assert_eq!(given_back["hold"], json!({"amount": 0, "state": state}));
        assert_eq!(program.account(&app).await["available"], 1_000);
    }
}

#[tokio::test]
async fn what_has_no_authorization_is_posted_or_judged() {
    let app = TestApp::start().await;
    let program = Program::start(&app, 1_000).await;
    let posting = |kind: &str, token: &str, amount: i64| {
        json!({"kind": kind, "card": program.card["id"], "amount": amount, "currency": "EUR",
            "token": token})
    };
    let path = "/api/v1/postings";
    let forced = created(&app, path, posting("force_post", "t-1", 1_500)).await;
    assert_eq!(forced["flags"], json!(["no_authorization", "overdrawn"]));
    assert_eq!(created(&app, path, posting("force_post", "t-1", 1_500)).await, forced);
    let declined = created(&app, path, posting("debit", "t-2", 10)).await;
    assert_eq!(declined["reason"], "INSUFFICIENT_FUNDS");
    created(&app, path, posting("refund", "t-3", 1_500)).await;
    let debit = created(&app, path, posting("debit", "t-4", 10)).await;
    assert_eq!((&debit["decision"], &debit["hold"]), (&json!("approved"), &json!(null)));
    assert_eq!(program.account(&app).await["posted"], 10);
    let stood_in = created(&app, path, posting("standin", "t-5", 2_000)).await;
    assert_eq!(stood_in["flags"], json!(["stand_in", "overdrawn"]));
    assert_eq!(created(&app, path, posting("standin", "t-5", 2_000)).await, stood_in);
    expect(app.post(path, posting("standin", "t-5", 1)).await, 409, "token_reused");
    assert_eq!(program.account(&app).await["held"], 2_000);
    let mut nobody = posting("refund", "t-6", 10);
    nobody["card"] = json!("nobody");
    expect(app.post(path, nobody).await, 404, "not_found");
    let mut dollars = posting("force_post", "t-7", 10);
    dollars["currency"] = json!("USD");
    expect(app.post(path, dollars).await, 422, "currency_mismatch");
}

#[tokio::test]
async fn a_clearing_of_a_declined_purchase_is_posted_and_flagged() {
    let app = TestApp::start().await;
    let program = Program::start(&app, 100).await;
    let declined = authorized(&app, program.purchase("t-1", 500)).await;
    assert_eq!(declined["decision"], "declined");
    let cleared = moved(&app, &declined, "clear", json!({"token": "t-2", "amount": 500})).await;
    assert_eq!(cleared["flags"], json!(["no_authorization", "overdrawn"]));
    let path = format!("/api/v1/authorizations/{}", text(&declined["id"]));
    assert_eq!(app.get(&path).await.1["totals"]["cleared"], 500);
}

#[tokio::test]
async fn an_unknown_card_is_declined_and_nothing_can_follow() {
    let app = TestApp::start().await;
    let body = json!({"token": "t-1", "card": "nobody", "amount": 5, "currency": "EUR"});
    let declined = authorized(&app, body).await;
    assert_eq!((&declined["reason"], &declined["card"]), (&json!("INVALID_CARD"), &json!(null)));
    let path = format!("/api/v1/authorizations/{}/clear", text(&declined["id"]));
    let clear = app.post(&path, json!({"token": "t-2", "amount": 5})).await;
    expect(clear, 422, "not_supported");
}
