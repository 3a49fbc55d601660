//! A program set up over REST: a company, a user, cards.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::client::{Answer, Client};

pub struct Program {
    pub company: String,
    pub account: String,
    pub user: String,
    pub cards: Vec<String>,
}

impl Program {
    /// A company with this credit, one user, and so many active cards.
    pub async fn set_up(client: &mut Client, credit_limit: i64, cards: usize) -> Self {
        let body = json!({"name": "Wren", "currency": "USD", "credit_limit": credit_limit});
        let company = created(client.post("/api/v1/companies", body).await);
        let user =
            created(client.post("/api/v1/users", json!({"company_id": company["id"]})).await);
        Self {
            company: text(&company["id"]),
            account: text(&company["account_id"]),
            user: text(&user["id"]),
            cards: issued(client, "/api/v1/cards", &user["id"], cards).await,
        }
    }

    /// A person with a funded wallet, and so many active cards. The company is empty.
    pub async fn set_up_personal(client: &mut Client, funded: i64, cards: usize) -> Self {
        let user = created(client.post("/api/v1/personal/users", json!({})).await);
        let body = json!({"user_id": user["id"], "currency": "USD"});
        let wallet = created(client.post("/api/v1/personal/wallets", body).await);
        let program = Self {
            company: String::new(),
            account: text(&wallet["id"]),
            user: text(&user["id"]),
            cards: issued(client, "/api/v1/personal/cards", &user["id"], cards).await,
        };
        program.fund(client, &program.account, funded).await;
        program
    }

    /// Puts money into the account.
    pub async fn fund(&self, client: &mut Client, key: &str, amount: i64) {
        let path = format!("/api/v1/accounts/{}/fund", self.account);
        let body = json!({"amount": amount, "currency": "USD"}).to_string();
        let request = client.admin(http::Method::POST, &path);
        let request = request.header("idempotency-key", key);
        let answer = client.send(request, body.into()).await.expect("an answer");
        assert!(answer.status.is_success(), "{answer:?}");
    }

    pub fn card(&self) -> &str {
        &self.cards[0]
    }

    pub async fn limit(&self, client: &mut Client, body: Value) -> String {
        text(&created(client.post("/api/v1/spending-limits", body).await)["id"])
    }

    pub async fn account(&self, client: &mut Client) -> Value {
        client.get(&format!("/api/v1/accounts/{}", self.account)).await.json()
    }

    pub async fn held(&self, client: &mut Client) -> i64 {
        self.account(client).await["held"].as_i64().expect("a number")
    }

    /// Waits until so much is held, and nothing else: what was decided and not delivered is taken back.
    pub async fn held_becomes(&self, client: &mut Client, expected: i64) {
        let until = Instant::now() + TAKEN_BACK_WITHIN;
        while self.held(client).await != expected && Instant::now() < until {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(self.held(client).await, expected);
    }
}

const TAKEN_BACK_WITHIN: Duration = Duration::from_secs(5);

/// How many connections issue cards.
const ISSUERS: usize = 8;

/// So many active cards of a user.
async fn issued(client: &Client, path: &'static str, user: &Value, cards: usize) -> Vec<String> {
    let body = json!({"user_id": user, "status": "ACTIVE"});
    let issuers = (0..ISSUERS).map(|issuer| {
        let (mut client, body) = (client.another(), body.clone());
        let share = (issuer..cards).step_by(ISSUERS);
        tokio::spawn(async move {
            let mut ids = Vec::new();
            for _ in share {
                let mut answer = client.post(path, body.clone()).await;
                // A busy machine may be slow to connect to a server.
                while answer.status == 503 {
                    answer = client.post(path, body.clone()).await;
                }
                ids.push(text(&created(answer)["id"]));
            }
            ids
        })
    });
    let mut ids = Vec::new();
    for issuer in issuers.collect::<Vec<_>>() {
        ids.extend(issuer.await.expect("an issuer"));
    }
    ids
}

#[track_caller]
pub fn created(answer: Answer) -> Value {
    assert_eq!(answer.status.as_u16(), 201, "{}", String::from_utf8_lossy(&answer.body));
    answer.json()
}

#[track_caller]
pub fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}
