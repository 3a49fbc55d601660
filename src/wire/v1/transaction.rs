//! Transactions that a program reports, and what has become of them.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::field::{Field, Invalid, Read};
use super::merchant::merchant;
use super::{read, terms, text};
use crate::domain::id::{AccountId, AuthorizationId, CardId, CompanyId, TransactionId, UserId};
use crate::domain::merchant::Merchant;
use crate::domain::money::{Currency, Money};
use crate::domain::token::Token;
use crate::domain::transaction::{self, Ending, Obstacle, Progress, Purchase, Record, Status};
use crate::wire::card_data::number;

/// How long metadata may be, in bytes.
pub const METADATA_BYTES_MAX: usize = 4_096;

/// The body that reports a transaction.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CreateTransaction {
    /// The program's own id: a repeat is answered as the first was.
    #[schema(value_type = terms::Token, required)]
    transaction_id: Field,
    #[schema(value_type = terms::Reference, required)]
    card: Field,
    #[schema(value_type = terms::Amount, required)]
    amount: Field,
    #[schema(value_type = terms::Currency, required)]
    currency: Field,
    /// What it is, in the program's words.
    #[schema(value_type = terms::Line, required)]
    r#type: Field,
    #[schema(value_type = terms::Timestamp, required)]
    occurred_at: Field,
    #[schema(value_type = Option<super::merchant::Merchant>)]
    merchant: Field,
    #[schema(value_type = Option<terms::PurchaseReference>)]
    authorization: Field,
    /// Anything else, in at most 4096 bytes, without card numbers.
    #[schema(value_type = Option<Object>)]
    metadata: Field,
}

impl CreateTransaction {
    /// Reads the fields. What they name is looked up later.
    pub fn parse(&self) -> Read<Record> {
        let transaction_id = self.transaction_id.required("transaction_id", text::token)?;
        let card = self.card.required("card", text::reference)?;
        let amount = self.amount.required("amount", read::amount)?;
        let currency = self.currency.required("currency", text::currency)?;
        let merchant = self.merchant.optional("merchant", merchant)?.unwrap_or_default();
        let named = [("mid", &merchant.mid), ("name", &merchant.name)];
        for (name, text) in named {
            refuse_card_number(text.as_deref().unwrap_or_default())
                .map_err(|fault| fault.under(name).under("merchant"))?;
        }
        Ok(Record {
            transaction_id,
            card,
            amount: Money::new(amount, currency),
            kind: self.r#type.required("type", text::line)?,
            occurred_at: self.occurred_at.required("occurred_at", text::timestamp)?,
            merchant,
            authorization: self.authorization.optional("authorization", purchase)?,
            metadata: self.metadata.optional("metadata", metadata)?,
        })
    }
}

/// An authorization by our id or its token; anything else is `invalid_token`.
fn purchase(raw: &RawValue) -> Read<Purchase> {
    text::parsed(raw, "invalid_token", "expected an authorization's id, or its token")
}

/// One JSON object of at most [`METADATA_BYTES_MAX`] bytes, without card numbers.
fn metadata(raw: &RawValue) -> Read<Arc<str>> {
    let text = raw.get();
    if !text.starts_with('{') {
        return Err(Invalid::new("invalid_type", "expected an object"));
    }
    if text.len() > METADATA_BYTES_MAX {
        return Err(Invalid::new("too_long", "metadata has at most 4096 bytes"));
    }
    let value: serde_json::Value = serde_json::from_str(text)
        .map_err(|_| Invalid::new("invalid_type", "expected an object of ordinary numbers"))?;
    refuse_card_number(text)?;
    refuse_card_number(&value.to_string())?; // written with escapes, it is still one
    Ok(text.into())
}

fn refuse_card_number(text: &str) -> Read<()> {
    if number::is_in(text) { Err(text::card_number()) } else { Ok(()) }
}

/// What is answered at acceptance.
#[derive(Serialize, ToSchema)]
pub struct Accepted {
    /// Our id.
    #[schema(value_type = terms::TransactionId)]
    pub id: TransactionId,
    /// The program's.
    #[schema(value_type = terms::Token)]
    pub transaction_id: Token,
    /// How far it has come.
    #[schema(value_type = terms::TransactionStatus)]
    pub status: Status,
}

/// A transaction, processed or not.
#[derive(Serialize, ToSchema)]
pub struct Transaction {
    #[schema(value_type = terms::TransactionId)]
    id: TransactionId,
    #[schema(value_type = terms::Token)]
    transaction_id: Token,
    #[schema(value_type = terms::TransactionStatus)]
    status: Status,
    #[schema(value_type = String)]
    r#type: Arc<str>,
    /// As it was sent.
    #[schema(value_type = terms::Reference)]
    card: Token,
    #[schema(value_type = terms::Amount)]
    amount: i64,
    #[schema(value_type = terms::Currency)]
    currency: Currency,
    #[schema(value_type = terms::Timestamp)]
    occurred_at: String,
    #[schema(value_type = super::merchant::Merchant)]
    merchant: Merchant,
    /// As it was sent.
    #[schema(value_type = Option<terms::PurchaseReference>, required)]
    authorization: Option<Purchase>,
    #[schema(value_type = Option<Object>, required)]
    metadata: Option<Box<RawValue>>,
    #[schema(value_type = Option<terms::CardId>, required)]
    card_id: Option<CardId>,
    #[schema(value_type = Option<terms::UserId>, required)]
    user_id: Option<UserId>,
    #[schema(value_type = Option<terms::CompanyId>, required)]
    company_id: Option<CompanyId>,
    #[schema(value_type = Option<terms::AccountId>, required)]
    account_id: Option<AccountId>,
    #[schema(value_type = Option<terms::AuthorizationId>, required)]
    authorization_id: Option<AuthorizationId>,
    #[schema(value_type = terms::Timestamp)]
    received_at: String,
    #[schema(value_type = Option<terms::Timestamp>, required)]
    processed_at: Option<String>,
    /// Attempts that were begun; absent once it is processed.
    #[serde(skip_serializing_if = "Option::is_none")]
    attempts: Option<u32>,
    #[schema(value_type = Option<terms::Obstacle>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    /// Every attempt; only where one transaction is read.
    #[serde(skip_serializing_if = "Option::is_none")]
    log: Option<Vec<Attempt>>,
}

/// One attempt to process a transaction.
#[derive(Serialize, ToSchema)]
#[schema(as = TransactionAttempt)]
struct Attempt {
    /// Its number.
    attempt: u32,
    #[schema(value_type = terms::AttemptOutcome)]
    outcome: Ending,
    #[schema(value_type = Option<terms::Obstacle>, required)]
    reason: Option<&'static str>,
    #[schema(value_type = String)]
    worker: Arc<str>,
    #[schema(value_type = terms::Timestamp)]
    at: String,
    took_us: u64,
}

impl Transaction {
    fn of(id: TransactionId, record: Record, received_at: String) -> Self {
        let metadata = record.metadata.as_deref();
        Self {
            id,
            transaction_id: record.transaction_id,
            status: Status::Accepted,
            r#type: record.kind,
            card: record.card,
            amount: record.amount.minor(),
            currency: record.amount.currency(),
            occurred_at: record.occurred_at.to_string(),
            merchant: record.merchant,
            authorization: record.authorization,
            metadata: metadata.and_then(|text| RawValue::from_string(text.to_owned()).ok()),
            card_id: None,
            user_id: None,
            company_id: None,
            account_id: None,
            authorization_id: None,
            received_at,
            processed_at: None,
            attempts: None,
            reason: None,
            log: None,
        }
    }

    /// The same with what was tried.
    #[must_use]
    pub fn with_log(self, log: Vec<transaction::Attempt>) -> Self {
        let log = log.into_iter().map(|attempt| Attempt {
            attempt: attempt.number,
            outcome: attempt.ending,
            reason: attempt.obstacle.map(Obstacle::as_str),
            worker: attempt.worker,
            at: attempt.at.to_string(),
            took_us: attempt.took_us,
        });
        Self { log: Some(log.collect()), ..self }
    }
}

impl From<transaction::Transaction> for Transaction {
    fn from(found: transaction::Transaction) -> Self {
        Self {
            status: Status::Processed,
            card_id: Some(found.card),
            user_id: Some(found.user),
            company_id: found.company,
            account_id: Some(found.account),
            authorization_id: found.authorization,
            processed_at: Some(found.processed_at.to_string()),
            ..Self::of(found.id, found.record, found.received_at.to_string())
        }
    }
}

impl From<Progress> for Transaction {
    fn from(progress: Progress) -> Self {
        let raw = progress.raw;
        Self {
            status: progress.status,
            attempts: Some(progress.attempts),
            reason: progress.obstacle.map(Obstacle::as_str),
            ..Self::of(raw.id, raw.record, raw.received_at.to_string())
        }
    }
}

/// One page of a list.
#[derive(Serialize, ToSchema)]
pub struct Page<T> {
    /// What was found.
    pub items: Vec<T>,
    /// To be sent as `cursor` for what follows; `null` at the end.
    #[schema(required)]
    pub next: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(change: &str, code: &str, pointer: &str) {
        let json = format!(
            r#"{{"transaction_id":"t-1","card":"c-1","amount":500,"currency":"EUR",
                "type":"purchase","occurred_at":"2026-11-20T12:00:00Z"{change}}}"#
        );
        let body: CreateTransaction = serde_json::from_str(&json).unwrap();
        let fault = body.parse().err();
        let found = fault.as_ref().map_or(("ok", ""), |f| (f.code, f.pointer.as_str()));
        assert_eq!(found, (code, pointer), "{change}");
    }

    #[test]
    fn a_record_needs_little_and_each_fault_is_blamed_on_its_field() {
        check("", "ok", "");
        check(r#","merchant":{"mid":"m-1","mcc":"5411"},"metadata":{"a":[1,2.50]}"#, "ok", "");
        check(r#","metadata":[1]"#, "invalid_type", "/metadata");
        check(r#","merchant":{"mcc":"1"}"#, "invalid_mcc", "/merchant/mcc");
        check(r#","authorization":"a b""#, "invalid_token", "/authorization");
        let long = format!(r#","metadata":{{"a":"{}"}}"#, "x".repeat(METADATA_BYTES_MAX));
        check(&long, "too_long", "/metadata");
        let missing = serde_json::from_str::<CreateTransaction>("{}").unwrap().parse().unwrap_err();
        assert_eq!((missing.code, missing.pointer.as_str()), ("missing_field", "/transaction_id"));
    }

    #[test]
    fn card_numbers_are_refused_however_they_are_written() {
        for metadata in [
            r#"{"a":"4111 1111 1111 1111"}"#,
            r#"{"a":{"b":[4111111111111111]}}"#,
            r#"{"a":"411111111111\u0031111"}"#,
        ] {
            check(&format!(r#","metadata":{metadata}"#), "card_number_found", "/metadata");
        }
        let merchant = r#","merchant":{"name":"5555-5555-5555-4444"}"#;
        check(merchant, "card_number_found", "/merchant/name");
    }
}
