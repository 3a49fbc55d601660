//! Our own API over HTTP, on the embedded store: resources, money, the life cycle, bad input.

mod bad_input;
mod console;
mod documented;
mod dry_run;
mod filters;
mod idempotency;
mod imports;
mod imports_interrupted;
mod kyc;
mod life_cycle;
mod lists;
mod money;
mod resources;
mod statuses;

use serde_json::{Value, json};

use crate::support::TestApp;

/// A company with one user and one active card.
struct Program {
    company: Value,
    user: Value,
    card: Value,
}

impl Program {
    /// A company in EUR with this credit.
    async fn start(app: &TestApp, credit_limit: i64) -> Self {
        let company = json!({"name": "Wren", "currency": "EUR", "credit_limit": credit_limit});
        let company = created(app, "/api/v1/companies", company).await;
        let user = created(app, "/api/v1/users", json!({"company_id": company["id"]})).await;
        let card = json!({"user_id": user["id"], "status": "ACTIVE"});
        let card = created(app, "/api/v1/cards", card).await;
        Self { company, user, card }
    }

    async fn account(&self, app: &TestApp) -> Value {
        let (status, account) = app.get(&self.account_path()).await;
        assert_eq!(status, 200, "{account}");
        account
    }

    fn account_path(&self) -> String {
        format!("/api/v1/accounts/{}", text(&self.company["account_id"]))
    }

    /// A purchase on the card.
    fn purchase(&self, token: &str, amount: i64) -> Value {
        json!({"token": token, "card": self.card["id"], "amount": amount, "currency": "EUR"})
    }
}

async fn created(app: &TestApp, path: &str, body: Value) -> Value {
    let (status, object) = app.post(path, body).await;
    assert_eq!(status, 201, "{path}: {object}");
    object
}

async fn authorized(app: &TestApp, body: Value) -> Value {
    created(app, "/api/v1/authorizations", body).await
}

/// A life-cycle call on an authorization that must be taken.
async fn moved(app: &TestApp, authorization: &Value, verb: &str, body: Value) -> Value {
    let path = format!("/api/v1/authorizations/{}/{verb}", text(&authorization["id"]));
    let (status, movement) = app.post(&path, body).await;
    assert_eq!(status, 200, "{verb}: {movement}");
    movement
}

/// The status and code of an answer that is a problem.
fn problem(answer: (http::StatusCode, Value)) -> (u16, String) {
    (answer.0.as_u16(), text(&answer.1["code"]).to_owned())
}

fn expect(answer: (http::StatusCode, Value), status: u16, code: &str) {
    let body = answer.1.clone();
    assert_eq!(problem(answer), (status, code.to_owned()), "{body}");
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
