//! The program's operator: makes the platform's users and cards known to the other side, as whoever
//! runs both would, and reads its books.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

use super::super::client::Ask;
use super::caller::Caller;
use crate::domain::id::Home;
use crate::domain::money::Currency;

/// How long one call may take.
const CALL_LIMIT: Duration = Duration::from_secs(30);

/// How often a call that could not be taken is made.
const TRIES: u32 = 20;
const AGAIN_AFTER: Duration = Duration::from_millis(250);

/// Why something is not known to the other side.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{call}: {what}")]
pub(super) struct OperatorError {
    call: String,
    what: String,
}

/// The operator, with its key.
pub(super) struct Operator {
    caller: Caller,
    key: String,
    currency: Currency,
    /// What each company may spend, and each person has, in minor units.
    money: i64,
    /// Accounts, by the platform's user token.
    accounts: Mutex<HashMap<String, Account>>,
    /// Where cards are read, by the platform's card token.
    cards: Mutex<HashMap<String, String>>,
}

/// The account that a user's cards draw on, as it was answered at its creation.
#[derive(Clone, Debug)]
pub(super) struct Account {
    /// A company's, or a person's own.
    pub(super) home: Home,
    /// The other side's id.
    pub(super) id: String,
}

impl Operator {
    pub(super) fn new(addr: SocketAddr, key: String, currency: Currency, money: i64) -> Self {
        let (accounts, cards) = (Mutex::default(), Mutex::default());
        Self { caller: Caller::new(addr), key, currency, money, accounts, cards }
    }

    /// A user with an account of their own.
    pub(super) async fn user(&self, token: &str, home: Home) -> Result<(), OperatorError> {
        let id = match home {
            Home::Business => self.employee(token).await?,
            Home::Personal => self.person(token).await?,
        };
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        accounts.insert(token.to_owned(), Account { home, id });
        Ok(())
    }

    /// The only user of a company, which has credit.
    async fn employee(&self, token: &str) -> Result<String, OperatorError> {
        let company = json!({"name": "Simulated", "currency": self.currency.code(),
            "credit_limit": self.money});
        let company = self.create("/api/v1/companies", &company).await?;
        let user = json!({"company_id": company["id"], "marqeta_token": token});
        self.create("/api/v1/users", &user).await?;
        Ok(text(&company["account_id"]))
    }

    /// A person with money in a wallet. Without a tier: nothing else limits what they spend.
    async fn person(&self, token: &str) -> Result<String, OperatorError> {
        let user = self.create("/api/v1/personal/users", &json!({"marqeta_token": token})).await?;
        let wallet = json!({"user_id": user["id"], "currency": self.currency.code()});
        let wallet = text(&self.create("/api/v1/personal/wallets", &wallet).await?["id"]);
        let path = format!("/api/v1/personal/wallets/{wallet}/fund");
        let money = json!({"amount": self.money, "currency": self.currency.code()});
        // Once, however often it is asked for.
        let fund = Ask::post(path, money.to_string()).with("idempotency-key", token);
        self.created(fund).await?;
        Ok(wallet)
    }

    /// An active card.
    pub(super) async fn card(&self, token: &str, user: &str) -> Result<(), OperatorError> {
        let card = json!({"user_id": user, "marqeta_token": token, "status": "ACTIVE",
            "last_four": "0042"});
        let path = match self.account_of(user).map(|account| account.home) {
            Some(Home::Personal) => "/api/v1/personal/cards",
            Some(Home::Business) | None => "/api/v1/cards",
        };
        let created = self.create(path, &card).await?;
        let path = format!("{path}/{}", text(&created["id"]));
        self.cards.lock().unwrap_or_else(PoisonError::into_inner).insert(token.to_owned(), path);
        Ok(())
    }

    /// Where a card is read.
    pub(super) fn path_of(&self, card: &str) -> Option<String> {
        self.cards.lock().unwrap_or_else(PoisonError::into_inner).get(card).cloned()
    }

    /// The account of a user.
    pub(super) fn account_of(&self, user: &str) -> Option<Account> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner).get(user).cloned()
    }

    /// Reads something; `None`: there is no such thing.
    pub(super) async fn read(&self, path: &str) -> Result<Option<Value>, OperatorError> {
        match self.call(Ask::get(path)).await? {
            (200, body) => Ok(Some(body)),
            (404, _) => Ok(None),
            (status, body) => Err(refused(path, status, &body)),
        }
    }

    async fn create(&self, path: &str, body: &Value) -> Result<Value, OperatorError> {
        self.created(Ask::post(path, body.to_string())).await
    }

    async fn created(&self, ask: Ask) -> Result<Value, OperatorError> {
        let path = ask.path.clone();
        match self.call(ask).await? {
            (201, body) => Ok(body),
            (status, body) => Err(refused(&path, status, &body)),
        }
    }

    async fn call(&self, ask: Ask) -> Result<(u16, Value), OperatorError> {
        let ask = ask.bearer(&self.key);
        let mut tries = 1;
        loop {
            let what = match self.caller.call(&ask, CALL_LIMIT).await {
                Ok(answer) if answer.status != 503 => return Ok((answer.status, answer.json())),
                Ok(answer) => format!("status {}", answer.status),
                Err(error) => error.to_string(),
            };
            if tries == TRIES {
                return Err(OperatorError { call: ask.path, what });
            }
            tries += 1;
            tokio::time::sleep(AGAIN_AFTER).await;
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn refused(call: &str, status: u16, body: &Value) -> OperatorError {
    let code = body["code"].as_str().unwrap_or_default();
    OperatorError { call: call.to_owned(), what: format!("status {status} {code}") }
}
