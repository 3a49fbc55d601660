//! Partial approval at the doors: the answer carries what was approved, and the hold is that amount.

use serde_json::{Value, json};

use crate::support::{Program, TestApp, marqeta};

/// A message of a terminal that can, or can not, do with less.
fn asked(token: &str, method: &str, card: &str, amount: &str, capable: Value) -> String {
    let mut message = marqeta::message("authorization", "gpa_order", token, method, card, amount);
    message["pos"]["partial_approval_capable"] = capable;
    message.to_string()
}

fn purchase(token: &str, card: &str, amount: &str) -> String {
    asked(token, "pgfs.authorization", card, amount, json!(true))
}

async fn offered() -> TestApp {
    TestApp::start_with(|settings| settings.policy.partial_approval = true).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_purchase_above_the_balance_gets_what_is_left_and_a_repeat_the_same() {
    let app = offered().await;
    let mut client = app.client();
    let program = Program::set_up(&mut client, 100_00, 1).await;
    let card = program.card();
    let whole = client.jit(purchase("a", card, "60.00")).await.json();
    assert_eq!(whole["jit_funding"]["amount"], json!(60.0), "there is enough");

    let first = client.jit(purchase("b", card, "51.66")).await;
    assert_eq!(first.status, 200, "{first:?}");
    assert!(String::from_utf8_lossy(&first.body).contains(r#""amount":40.00"#), "{first:?}");
    let funding = first.json()["jit_funding"].clone();
    assert_eq!(funding["decline_reason"], Value::Null);
    assert_eq!(program.held(&mut client).await, 100_00);

    assert_eq!(client.jit(purchase("b", card, "51.66")).await, first, "the same bytes");
    let other = client.jit(purchase("b", card, "40.00")).await;
    assert_eq!(other.says(), (402, "DUPLICATE_TRANSACTION".into()), "that was not asked");
    let more = client.jit(purchase("c", card, "1.00")).await;
    assert_eq!(more.says(), (402, "INSUFFICIENT_FUNDS".into()), "nothing is left");
    assert_eq!(program.held(&mut client).await, 100_00);

    let id = funding["tags"].as_str().expect("our id");
    let explained = client.get(&format!("/api/v1/authorizations/{id}")).await.json();
    assert_eq!((&explained["decision"], &explained["amount"]), (&json!("approved"), &json!(40_00)));
    assert_eq!(explained["hold"]["amount"], 40_00);
    let checks = explained["checks"].as_array().expect("a list");
    let told = checks.iter().find(|check| check["check"] == "amount.partial").expect("a check");
    assert_eq!((&told["asked"], &told["max"]), (&json!(51_66), &json!(40_00)));
    app.stop_and_verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_single_message_is_given_less_too() {
    let app = offered().await;
    let mut client = app.client();
    let program = Program::set_up(&mut client, 100_00, 1).await;
    let body = asked("d", "pgfs.auth_plus_capture", program.card(), "120.00", json!(true));
    let first = client.jit(body.clone()).await;
    assert_eq!(first.status, 200, "{first:?}");
    assert_eq!(first.json()["jit_funding"]["amount"], json!(100.0));
    let account = program.account(&mut client).await;
    assert_eq!((&account["held"], &account["posted"]), (&json!(0), &json!(100_00)));
    assert_eq!(client.jit(body).await, first);
    app.stop_and_verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_can_not_do_with_less_is_declined() {
    let app = offered().await;
    let mut client = app.client();
    let program = Program::set_up(&mut client, 100_00, 1).await;
    let card = program.card();
    let unsaid = marqeta::purchase("unsaid", card, "120.00");
    let no = asked("no", "pgfs.authorization", card, "120.00", json!(false));
    let cash = asked("cash", "pgfs.authorization.cashback", card, "120.00", json!(true));
    for body in [unsaid, no, cash] {
        let answer = client.jit(body.clone()).await;
        assert_eq!(answer.says(), (402, "INSUFFICIENT_FUNDS".into()), "{body}");
        assert_eq!(answer.json()["jit_funding"]["amount"], json!(120.0), "{body}");
    }
    // At our own door nobody can say so.
    let body = json!({"token": "rest", "card": card, "amount": 120_00, "currency": "USD"});
    let answer = client.post("/api/v1/authorizations", body).await.json();
    assert_eq!(
        (&answer["decision"], &answer["code"], &answer["hold"]),
        (&json!("declined"), &json!("funds.insufficient"), &Value::Null)
    );
    assert_eq!(program.held(&mut client).await, 0);
    app.stop_and_verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_it_is_not_offered_the_whole_purchase_is_declined() {
    let app = TestApp::start().await;
    let mut client = app.client();
    let program = Program::set_up(&mut client, 100_00, 1).await;
    let first = client.jit(purchase("a", program.card(), "100.01")).await;
    assert_eq!(first.says(), (402, "INSUFFICIENT_FUNDS".into()));
    assert_eq!(first.json()["jit_funding"]["amount"], json!(100.01));
    assert_eq!(client.jit(purchase("a", program.card(), "100.01")).await, first);
    assert_eq!(program.held(&mut client).await, 0);
    app.stop_and_verify().await;
}
