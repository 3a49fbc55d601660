//! What the operations of the document are called with, so that the right caller succeeds: objects that are
//! there, bodies that can be taken, versions that are current. A new operation is to be taught here.

use std::time::Duration;

use http::{Method, Request, header};
use serde_json::{Value, json};

use super::world::{World, control, control_of, limit, limit_of, purchase, reported};
use crate::queue::world::{ask, request};
use crate::support::client::Answer;
use crate::support::marqeta;
use crate::support::program::{created, text};
use crate::webhooks::events::{authorization, envelope};

/// Its query names whose events are asked for.
const FEED: &str = "/api/v1/events";

/// An operation as the document has it.
#[derive(Clone, Copy)]
pub struct Operation<'a> {
    pub method: &'a str,
    pub route: &'a str,
    pub told: &'a Value,
}

impl Operation<'_> {
    pub fn name(&self) -> String {
        format!("{} {}", self.method, self.route)
    }
}

/// One call of an operation.
#[derive(Clone)]
pub struct Call {
    method: Method,
    pub path: String,
    /// What the path names; empty: nothing.
    pub id: String,
    content_type: Option<String>,
    version: i64,
    pub body: String,
}

impl World {
    /// All that a call needs to succeed. What it uses up is made anew each time.
    pub async fn prepare(&mut self, operation: Operation<'_>) -> Call {
        let Operation { method, route, told } = operation;
        let names_object = route.contains('{') || route == FEED;
        let id = if names_object { self.object(method, route).await } else { String::new() };
        let template =
            if route == FEED { format!("{FEED}?company={{id}}") } else { route.to_owned() };
        let path = template.replace("{id}", &id).replace("{code}", &id).replace("{script}", &id);
        let version = match method {
            "PATCH" => self.client.get(&path).await.json()["version"].as_i64().expect("a version"),
            _ => 1,
        };
        let content = told["requestBody"]["content"].as_object();
        let content_type = content.and_then(|content| content.keys().next().cloned());
        let body = match &content_type {
            Some(_) => self.body(method, route).await,
            None => String::new(),
        };
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        Call { method, path, id, content_type, version, body }
    }

    /// Sends it with these credentials, or none.
    pub async fn call(&mut self, credentials: Option<&str>, call: &Call) -> Answer {
        let mut request = Request::builder()
            .method(call.method.clone())
            .uri(call.path.as_str())
            .header(header::HOST, "tollgate.test")
            .header(header::IF_MATCH, format!("\"{}\"", call.version))
            .header("idempotency-key", self.fresh());
        if let Some(content_type) = &call.content_type {
            request = request.header(header::CONTENT_TYPE, content_type.as_str());
        }
        if let Some(credentials) = credentials {
            request = request.header(header::AUTHORIZATION, credentials);
        }
        self.client.send(request, call.body.clone().into()).await.expect("an answer")
    }

    /// What the path names.
    async fn object(&mut self, method: &str, route: &str) -> String {
        match (method, route) {
            ("DELETE", "/api/v1/spending-limits/{id}") => {
                return limit(&mut self.client, &self.own.card).await;
            }
            ("DELETE", "/api/v1/spending-controls/{id}") => {
                return control(&mut self.client, &self.own.card).await;
            }
            ("POST", "/api/v1/api-keys/{id}/revoke") => return self.issued().await,
            ("POST", "/api/v1/personal/users/{id}/erase") => return self.person().await,
            ("POST", "/api/v1/transactions/{id}/retry") => return self.parked_report().await,
            ("POST", _) if route.starts_with("/api/v1/authorizations/{id}/") => {
                return self.bought().await;
            }
            _ if route.starts_with("/api/v1/personal/kyc/{id}") => {
                return self.submitted().await;
            }
            _ if route.starts_with("/api/v1/dead-letters/{id}") => return self.letter().await,
            _ if route.starts_with("/api/v1/webhook-events/{id}") => {
                return self.notice().await;
            }
            _ => {}
        }
        let own = &self.own;
        let [wallet, user, card] = &self.personal;
        let standing: &str = match route {
            "/api/v1/companies/{id}" | FEED => &own.company,
            "/api/v1/users/{id}" => &own.user,
            "/api/v1/cards/{id}" => &own.card,
            "/api/v1/accounts/{id}"
            | "/api/v1/accounts/{id}/fund"
            | "/api/v1/accounts/{id}/history" => &own.account,
            "/api/v1/spending-limits/{id}" => &own.limit,
            "/api/v1/spending-controls/{id}" => &own.control,
            "/api/v1/authorizations/{id}" => &own.authorization,
            "/api/v1/transactions/{id}" => &own.transaction,
            "/api/v1/api-keys/{id}" => &own.key,
            "/api/v1/personal/users/{id}" | "/api/v1/personal/users/{id}/kyc" => user,
            "/api/v1/personal/cards/{id}" => card,
            "/api/v1/personal/wallets/{id}"
            | "/api/v1/personal/wallets/{id}/fund"
            | "/api/v1/personal/wallets/{id}/history" => wallet,
            "/docs/errors/{code}" => "not_found",
            "/console/{script}" => "main.js",
            _ => panic!("teach this test which object {method} {route} is about"),
        };
        standing.to_owned()
    }

    /// A body that names the company's objects where it names any.
    async fn body(&mut self, method: &str, route: &str) -> String {
        let token = self.fresh();
        let own = &self.own;
        let [wallet, user, _] = &self.personal;
        let body = match (method, route) {
            ("POST", "/api/v1/companies") => json!({"name": "New", "currency": "EUR"}),
            ("PATCH", "/api/v1/companies/{id}") => json!({"name": "Renamed"}),
            ("POST", "/api/v1/users") => json!({"company_id": own.company}),
            ("PATCH", "/api/v1/users/{id}" | "/api/v1/personal/users/{id}") => {
                json!({"role": "clerk"})
            }
            ("POST", "/api/v1/cards") => json!({"user_id": own.user}),
            ("PATCH", "/api/v1/cards/{id}" | "/api/v1/personal/cards/{id}") => {
                json!({"last_four": "1234"})
            }
            ("PATCH", "/api/v1/accounts/{id}") => json!({"limit": 100_000_00}),
            ("POST", "/api/v1/accounts/{id}/fund" | "/api/v1/personal/wallets/{id}/fund") => {
                json!({"amount": 1, "currency": "EUR"})
            }
            ("POST", "/api/v1/spending-limits") => limit_of(&own.card),
            ("PATCH", "/api/v1/spending-limits/{id}") => json!({"count": 10_001}),
            ("POST", "/api/v1/spending-controls") => control_of(&own.card),
            ("PATCH", "/api/v1/spending-controls/{id}") => json!({"mccs": ["7995", "7800-7802"]}),
            ("POST", "/api/v1/personal/users") => json!({}),
            ("POST", "/api/v1/personal/wallets") => json!({"user_id": user, "currency": "EUR"}),
            ("PATCH", "/api/v1/personal/wallets/{id}") => json!({"time_zone": "Europe/Rome"}),
            ("POST", "/api/v1/personal/cards") => json!({"user_id": user, "wallet_id": wallet}),
            ("POST", "/api/v1/personal/kyc") => {
                json!({"user_id": self.person().await, "tier": "basic"})
            }
            ("POST", "/api/v1/personal/kyc/{id}/approve") => json!({}),
            ("POST", "/api/v1/personal/kyc/{id}/reject") => json!({"reason": "unreadable"}),
            ("POST", "/api/v1/authorizations") => purchase(&token, &own.card),
            ("POST", "/api/v1/authorizations/{id}/expire") => json!({"token": token}),
            ("POST", _) if route.starts_with("/api/v1/authorizations/{id}/") => {
                json!({"token": token, "amount": 1})
            }
            ("POST", "/api/v1/postings") => {
                let mut body = purchase(&token, &own.card);
                body["kind"] = "force_post".into();
                body
            }
            ("POST", "/api/v1/transactions") => reported(&token, &own.card),
            // A line of its own.
            ("POST", "/api/v1/imports") => json!({"user": {"marqeta_token": token}}),
            ("POST", "/api/v1/dead-letters/redrive") => json!({"dry_run": true}),
            ("POST", "/api/v1/dead-letters/{id}/redrive") => json!({}),
            ("POST", "/api/v1/dead-letters/{id}/discard") => json!({"reason": "noise"}),
            ("POST", "/api/v1/api-keys") => {
                json!({"name": "n", "scopes": ["admin"], "company_id": own.company})
            }
            ("POST", "/api/v1/marqeta/jit") => {
                return marqeta::purchase(&token, &own.card, "1.00").replace("USD", "EUR");
            }
            ("POST", "/api/v1/marqeta/webhooks") => {
                let told = authorization(&token, &own.card, "1.00", "PENDING");
                return envelope("transactions", &[told]).replace("USD", "EUR");
            }
            _ => panic!("teach this test what {method} {route} takes"),
        };
        body.to_string()
    }

    async fn issued(&mut self) -> String {
        let body = json!({"name": "k", "scopes": ["read"], "company_id": self.own.company});
        text(&created(self.client.post("/api/v1/api-keys", body).await)["id"])
    }

    async fn person(&mut self) -> String {
        text(&created(self.client.post("/api/v1/personal/users", json!({})).await)["id"])
    }

    async fn submitted(&mut self) -> String {
        let body = json!({"user_id": self.person().await, "tier": "basic"});
        text(&created(self.client.post("/api/v1/personal/kyc", body).await)["id"])
    }

    async fn bought(&mut self) -> String {
        let body = purchase(&self.fresh(), &self.own.card);
        text(&created(self.client.post("/api/v1/authorizations", body).await)["id"])
    }

    /// A report on a card that nobody has.
    async fn parked_report(&mut self) -> String {
        let card = format!("nobodys.{}.", self.fresh());
        let reported = self.client.post("/api/v1/transactions", reported(&card, &card)).await;
        assert_eq!(reported.status, 202, "{reported:?}");
        self.appears(&format!("/api/v1/transactions?status=parked&card={card}")).await
    }

    /// A message that nobody can read.
    async fn letter(&mut self) -> String {
        let message = format!("letter.{}.", self.fresh());
        ask(&self.broker, request(&message, "{\"token\":".to_owned(), None)).await;
        self.appears(&format!("/api/v1/dead-letters?state=waiting&text={message}")).await
    }

    /// A notification of a card that nobody has.
    async fn notice(&mut self) -> String {
        let told = authorization(&self.fresh(), "nobodys", "1.00", "PENDING");
        let taken = self.client.notify(envelope("transactions", &[told])).await;
        assert_eq!(taken.status, 200, "{taken:?}");
        self.appears("/api/v1/webhook-events?state=parked").await
    }

    /// The first of a list, once there is one.
    async fn appears(&mut self, list: &str) -> String {
        for _ in 0..1_000 {
            let found = self.client.get(list).await.json();
            if let Some(id) = found["items"][0]["id"].as_str() {
                return id.to_owned();
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("nothing appears at {list}");
    }
}
