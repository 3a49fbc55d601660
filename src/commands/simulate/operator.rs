//! The program's operator: makes the platform's users and cards known to the other side, as whoever
//! runs both would, and reads its books.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

use super::super::client::Ask;
use super::caller::Caller;
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
    /// What each company may spend, in minor units.
    credit: i64,
    /// Accounts, by the platform's user token.
    accounts: Mutex<HashMap<String, String>>,
}

impl Operator {
    pub(super) fn new(addr: SocketAddr, key: String, currency: Currency, credit: i64) -> Self {
        let accounts = Mutex::default();
        Self { caller: Caller::new(addr), key, currency, credit, accounts }
    }

    /// A company of one user, so that each user has an account of their own.
    pub(super) async fn user(&self, token: &str) -> Result<(), OperatorError> {
        let company = json!({"name": "Simulated", "currency": self.currency.code(),
            "credit_limit": self.credit});
        let company = self.create("/api/v1/companies", &company).await?;
        let user = json!({"company_id": company["id"], "marqeta_token": token});
        self.create("/api/v1/users", &user).await?;
        let account = company["account_id"].as_str().unwrap_or_default().to_owned();
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        accounts.insert(token.to_owned(), account);
        Ok(())
    }

    /// An active card.
    pub(super) async fn card(&self, token: &str, user: &str) -> Result<(), OperatorError> {
        let card = json!({"user_id": user, "marqeta_token": token, "status": "ACTIVE",
            "last_four": "0042"});
        self.create("/api/v1/cards", &card).await.map(drop)
    }

    /// The account of a user, as it was answered at its creation.
    pub(super) fn account_of(&self, user: &str) -> Option<String> {
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
        match self.call(Ask::post(path, body.to_string())).await? {
            (201, body) => Ok(body),
            (status, body) => Err(refused(path, status, &body)),
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

fn refused(call: &str, status: u16, body: &Value) -> OperatorError {
    let code = body["code"].as_str().unwrap_or_default();
    OperatorError { call: call.to_owned(), what: format!("status {status} {code}") }
}
