//! A company and a person with everything they can have, and keys for callers of every kind.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};
use tollgate::broker::Broker;

use crate::support::TestApp;
use crate::support::client::{Answer, Client};
use crate::support::program::{created, text};

/// One company and what is its own.
pub struct Party {
    pub company: String,
    pub account: String,
    pub user: String,
    pub card: String,
    pub control: String,
    pub limit: String,
    pub authorization: String,
    pub transaction: String,
    pub key: String,
}

pub struct World {
    pub client: Client,
    pub broker: Arc<dyn Broker>,
    next: AtomicU64,
    /// The company that is asked about.
    pub own: Party,
    /// A person's objects: the wallet, the user, the card.
    pub personal: [String; 3],
}

pub const SCOPES: [&str; 5] = ["processor", "admin", "operator", "read", "simulate"];

impl World {
    pub async fn of(app: &TestApp) -> Self {
        let mut client = app.client();
        let own = party(&mut client, "own").await;
        let user = created(client.post("/api/v1/personal/users", json!({})).await);
        let wallet = json!({"user_id": user["id"], "currency": "EUR"});
        let wallet = created(client.post("/api/v1/personal/wallets", wallet).await);
        let card = json!({"user_id": user["id"], "status": "ACTIVE"});
        let card = created(client.post("/api/v1/personal/cards", card).await);
        let personal = [text(&wallet["id"]), text(&user["id"]), text(&card["id"])];
        Self { client, broker: app.broker(), next: AtomicU64::new(0), own, personal }
    }

    /// A key with these scopes, bound to the company, if one is named.
    pub async fn key(&mut self, scopes: &[&str], company: Option<&str>) -> String {
        let body = json!({"name": "test", "scopes": scopes, "company_id": company});
        text(&created(self.client.post("/api/v1/api-keys", body).await)["key"])
    }

    /// A company of its own kind, for another caller.
    pub async fn stranger(&mut self) -> String {
        let body = json!({"name": "Stranger", "currency": "EUR"});
        text(&created(self.client.post("/api/v1/companies", body).await)["id"])
    }

    pub fn fresh(&self) -> String {
        format!("t-{}", self.next.fetch_add(1, Ordering::Relaxed))
    }

    pub async fn send(
        &mut self,
        key: Option<&str>,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> Answer {
        let mut request = self.client.request(Method::from_bytes(method.as_bytes()).unwrap(), path);
        request = request.header("if-match", "\"999\"").header("idempotency-key", self.fresh());
        if let Some(key) = key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        self.client.send(request, Bytes::from(body)).await.expect("an answer")
    }
}

async fn party(client: &mut Client, name: &str) -> Party {
    let body = json!({"name": name, "currency": "EUR", "credit_limit": 100_000_00});
    let company = created(client.post("/api/v1/companies", body).await);
    let id = text(&company["id"]);
    let user = created(client.post("/api/v1/users", json!({"company_id": id})).await);
    let card = json!({"user_id": user["id"], "status": "ACTIVE"});
    let card = text(&created(client.post("/api/v1/cards", card).await)["id"]);
    let bought = created(client.post("/api/v1/authorizations", purchase("first", &card)).await);
    let reported = client.post("/api/v1/transactions", reported("first", &card)).await;
    assert_eq!(reported.status, 202, "{reported:?}");
    let key = json!({"name": "k", "scopes": ["read"], "company_id": id});
    let key = created(client.post("/api/v1/api-keys", key).await);
    Party {
        account: text(&company["account_id"]),
        user: text(&user["id"]),
        control: control(client, &card).await,
        limit: limit(client, &card).await,
        authorization: text(&bought["id"]),
        transaction: text(&reported.json()["id"]),
        key: text(&key["id"]),
        company: id,
        card,
    }
}

pub fn purchase(token: &str, card: &str) -> Value {
    json!({"token": token, "card": card, "amount": 100, "currency": "EUR"})
}

pub fn reported(id: &str, card: &str) -> Value {
    json!({
        "transaction_id": id, "card": card, "amount": 100, "currency": "EUR", "type": "purchase",
        "occurred_at": "2026-11-01T10:00:00Z",
    })
}

pub fn limit_of(card: &str) -> Value {
    json!({"scope": "card", "scope_id": card, "window": "day", "count": 10_000})
}

pub fn control_of(card: &str) -> Value {
    json!({"scope": "card", "scope_id": card, "effect": "deny", "mccs": ["7995"]})
}

pub async fn limit(client: &mut Client, card: &str) -> String {
    text(&created(client.post("/api/v1/spending-limits", limit_of(card)).await)["id"])
}

pub async fn control(client: &mut Client, card: &str) -> String {
    text(&created(client.post("/api/v1/spending-controls", control_of(card)).await)["id"])
}
