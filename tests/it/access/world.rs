//! Two companies with everything they can have, and a key for every kind of caller.

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};

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
    client: Client,
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
        Self { client, next: AtomicU64::new(0), own, personal }
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

    /// The path with the company's object in it. What a call uses up is made anew.
    pub async fn path(&mut self, method: &str, route: &str) -> String {
        let own = &self.own;
        let mut id = match route {
            _ if !route.contains("{id}") => String::new(),
            _ if route.starts_with("/api/v1/companies/") => own.company.clone(),
            _ if route.starts_with("/api/v1/users/") => own.user.clone(),
            _ if route.starts_with("/api/v1/cards/") => own.card.clone(),
            _ if route.starts_with("/api/v1/accounts/") => own.account.clone(),
            _ if route.starts_with("/api/v1/spending-limits/") => own.limit.clone(),
            _ if route.starts_with("/api/v1/spending-controls/") => own.control.clone(),
            _ if route.starts_with("/api/v1/authorizations/") => own.authorization.clone(),
            _ if route.starts_with("/api/v1/transactions/") => own.transaction.clone(),
            _ if route.starts_with("/api/v1/api-keys/") => own.key.clone(),
            _ if route.starts_with("/api/v1/personal/wallets/") => self.personal[0].clone(),
            _ if route.starts_with("/api/v1/personal/kyc/") => {
                "kyc_01901234567878ab8def0123456789ab".to_owned()
            }
            _ if route.starts_with("/api/v1/personal/users/") => self.personal[1].clone(),
            _ if route.starts_with("/api/v1/personal/cards/") => self.personal[2].clone(),
            _ if route.starts_with("/api/v1/dead-letters/") => {
                "dlq_01901234567878ab8def0123456789ab".to_owned()
            }
            _ if route.starts_with("/api/v1/webhook-events/") => {
                "evt_01901234567878ab8def0123456789ab".to_owned()
            }
            _ => panic!("teach this test which object {route} is about"),
        };
        if method == "DELETE" {
            let (card, client) = (self.own.card.clone(), &mut self.client);
            id = if route.contains("limits") {
                limit(client, &card).await
            } else {
                control(client, &card).await
            };
        }
        route.replace("{id}", &id)
    }

    /// A body that names the company's objects where the route's body names any.
    pub fn body(&self, method: &str, route: &str) -> Option<Value> {
        let own = &self.own;
        let money = json!({"amount": 1, "currency": "EUR"});
        let step = json!({"token": self.fresh(), "amount": 1});
        Some(match (method, route) {
            ("GET" | "DELETE", _) => return None,
            ("POST", "/api/v1/companies") => json!({"name": "New", "currency": "EUR"}),
            ("POST", "/api/v1/users") => json!({"company_id": own.company}),
            ("POST", "/api/v1/cards") => json!({"user_id": own.user}),
            ("POST", "/api/v1/spending-limits") => limit_of(&own.card),
            ("POST", "/api/v1/spending-controls") => control_of(&own.card),
            ("POST", "/api/v1/personal/wallets") => {
                json!({"user_id": self.personal[1], "currency": "EUR"})
            }
            ("POST", "/api/v1/personal/cards") => {
                json!({"user_id": self.personal[1], "wallet_id": self.personal[0]})
            }
            ("POST", "/api/v1/authorizations") => purchase(&self.fresh(), &own.card),
            ("POST", "/api/v1/postings") => {
                let mut body = purchase(&self.fresh(), &own.card);
                body["kind"] = "force_post".into();
                body
            }
            ("POST", "/api/v1/transactions") => reported(&self.fresh(), &own.card),
            ("POST", "/api/v1/api-keys") => {
                json!({"name": "n", "scopes": ["admin"], "company_id": own.company})
            }
            ("POST", "/api/v1/authorizations/{id}/expire") => json!({"token": self.fresh()}),
            ("POST", _) if route.ends_with("/fund") => money,
            ("POST", _) if route.starts_with("/api/v1/authorizations/") => step,
            ("PATCH", "/api/v1/accounts/{id}") => json!({"limit": 1_000}),
            ("PATCH", _) if route.starts_with("/api/v1/spending-limits/") => {
                json!({"amount": 9_999})
            }
            ("PATCH", _) if route.starts_with("/api/v1/spending-controls/") => {
                json!({"mccs": ["7995", "7800-7802"]})
            }
            ("PATCH", "/api/v1/companies/{id}") => json!({"name": "Renamed"}),
            ("PATCH", _) if route.contains("wallets") => json!({"time_zone": "Europe/Rome"}),
            ("PATCH", _) if route.contains("users") => json!({"role": "clerk"}),
            ("PATCH", _) => json!({"last_four": "1234"}),
            _ => json!({}),
        })
    }

    /// Calls a route with this key, or none.
    pub async fn call(&mut self, key: Option<&str>, method: &str, route: &str) -> Answer {
        let path = self.path(method, route).await;
        let body = self.body(method, route);
        self.send(key, method, &path, body).await
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

fn purchase(token: &str, card: &str) -> Value {
    json!({"token": token, "card": card, "amount": 100, "currency": "EUR"})
}

fn reported(id: &str, card: &str) -> Value {
    json!({
        "transaction_id": id, "card": card, "amount": 100, "currency": "EUR", "type": "purchase",
        "occurred_at": "2026-11-01T10:00:00Z",
    })
}

fn limit_of(card: &str) -> Value {
    json!({"scope": "card", "scope_id": card, "window": "day", "count": 10_000})
}

fn control_of(card: &str) -> Value {
    json!({"scope": "card", "scope_id": card, "effect": "deny", "mccs": ["7995"]})
}

async fn limit(client: &mut Client, card: &str) -> String {
    text(&created(client.post("/api/v1/spending-limits", limit_of(card)).await)["id"])
}

async fn control(client: &mut Client, card: &str) -> String {
    text(&created(client.post("/api/v1/spending-controls", control_of(card)).await)["id"])
}
