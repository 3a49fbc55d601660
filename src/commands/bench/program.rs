//! Sets up a card program over REST: companies, each with a user, cards and limits.

use std::net::SocketAddr;

use futures_util::future::try_join_all;
use serde_json::{Value, json};

use super::super::client::{Ask, Client, ClientError};

/// How many companies are set up at a time.
const AT_ONCE: usize = 16;

/// More than any run spends, in minor units.
const PLENTY: u64 = 1_000_000_000_000;

/// Why the program could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// No answer.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// An answer that is not a creation.
    #[error("{path} answered {status}: {body}")]
    Refused {
        /// The route.
        path: &'static str,
        /// The HTTP status.
        status: u16,
        /// The body.
        body: String,
    },
}

/// How large the program is.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Companies.
    pub companies: usize,
    /// Cards of each.
    pub cards_each: usize,
}

/// One card, by the platform's tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Card {
    /// Its holder.
    pub user: String,
    /// The card.
    pub card: String,
}

/// Creates everything, and gives back the cards. Every purchase then meets four limits (one of the
/// program, one pool, one of the user, one count of the card) and a control.
pub async fn set_up(addr: SocketAddr, key: &str, size: Size) -> Result<Vec<Card>, SetupError> {
    let mut rest = Rest { client: Client::new(addr), key };
    let limit = json!({"scope": "program", "window": "transaction", "amount": 1_000_000});
    rest.create("/api/v1/spending-limits", &limit).await?;
    let control = json!({"scope": "program", "effect": "deny", "mccs": ["7995"]});
    rest.create("/api/v1/spending-controls", &control).await?;
    let workers = (0..AT_ONCE).map(|worker| async move {
        let mut rest = Rest { client: Client::new(addr), key };
        let mut cards = Vec::new();
        for number in (worker..size.companies).step_by(AT_ONCE) {
            cards.extend(rest.company(number, size.cards_each).await?);
        }
        Ok::<_, SetupError>(cards)
    });
    Ok(try_join_all(workers).await?.into_iter().flatten().collect())
}

struct Rest<'a> {
    client: Client,
    key: &'a str,
}

impl Rest<'_> {
    async fn company(&mut self, number: usize, cards: usize) -> Result<Vec<Card>, SetupError> {
        let company =
            json!({"name": format!("Bench {number}"), "currency": "EUR", "credit_limit": PLENTY});
        let company = self.create("/api/v1/companies", &company).await?;
        let pool = json!({"scope": "company", "scope_id": company["id"], "window": "day", "amount": PLENTY, "mode": "pool"});
        self.create("/api/v1/spending-limits", &pool).await?;
        let user = format!("bench-u{number}");
        let body = json!({"company_id": company["id"], "marqeta_token": user});
        let user_id = self.create("/api/v1/users", &body).await?["id"].take();
        let week =
            json!({"scope": "user", "scope_id": user_id, "window": "week", "amount": PLENTY});
        self.create("/api/v1/spending-limits", &week).await?;
        let mut created = Vec::with_capacity(cards);
        for card in 0..cards {
            created.push(self.card(&user, &user_id, format!("bench-c{number}-{card}")).await?);
        }
        Ok(created)
    }

    async fn card(
        &mut self,
        user: &str,
        user_id: &Value,
        card: String,
    ) -> Result<Card, SetupError> {
        let body = json!({"user_id": user_id, "marqeta_token": card, "status": "ACTIVE"});
        let id = self.create("/api/v1/cards", &body).await?["id"].take();
        let count =
            json!({"scope": "card", "scope_id": id, "window": "month", "count": 1_000_000_000});
        self.create("/api/v1/spending-limits", &count).await?;
        Ok(Card { user: user.to_owned(), card })
    }

    async fn create(&mut self, path: &'static str, body: &Value) -> Result<Value, SetupError> {
        let ask = Ask::post(path, body.to_string()).bearer(self.key);
        let answer = self.client.send(&ask).await?;
        if answer.status == 201 {
            return Ok(answer.json());
        }
        let body = String::from_utf8_lossy(&answer.body).into_owned();
        Err(SetupError::Refused { path, status: answer.status, body })
    }
}
