//! Processed transactions with their merchants.

use std::collections::BTreeMap;

use sqlx::sqlite::SqliteConnection;

use super::SqliteStore;
use super::encode::{Rows, keys};
use super::query::{Asked, affected, ask, many, one};
use crate::domain::id::{AccountId, AuthorizationId, CardId, CompanyId, TransactionId, UserId};
use crate::domain::merchant::Merchant;
use crate::domain::money::{Currency, Money};
use crate::domain::time::Timestamp;
use crate::domain::token::Token;
use crate::domain::transaction::{Purchase, Record, Transaction};
use crate::store::details::merchant_key;
use crate::store::ingest::{TransactionQuery, Transactions, Whose};
use crate::store::{StoreError, StoreFuture};

const MERCHANTS: &str = include_str!("sql/merchants_insert.sql");
const INSERT: &str = include_str!("sql/transactions_insert.sql");
const STORED: &str = include_str!("sql/transactions_stored.sql");
const FIND: &str = include_str!("sql/transaction_find.sql");
const BY_TIME: &str = include_str!("sql/transactions_by_time.sql");
const BY_CARD: &str = include_str!("sql/transactions_by_card.sql");
const BY_USER: &str = include_str!("sql/transactions_by_user.sql");
const BY_COMPANY: &str = include_str!("sql/transactions_by_company.sql");

/// `transactions`, with the merchant's body.
#[derive(serde::Deserialize)]
struct Row(
    TransactionId,
    Token,
    Token,
    CardId,
    UserId,
    Option<CompanyId>,
    AccountId,
    Option<Purchase>,
    Option<AuthorizationId>,
    String,
    i64,
    Currency,
    Timestamp,
    Timestamp,
    Timestamp,
    Option<String>,
    Option<Merchant>,
);

impl From<Row> for Transaction {
    fn from(row: Row) -> Self {
        let record = Record {
            transaction_id: row.1,
            card: row.2,
            amount: Money::new(row.10, row.11),
            kind: row.9.into(),
            occurred_at: row.12,
            merchant: row.16.unwrap_or_default(),
            authorization: row.7,
            metadata: row.15.map(Into::into),
        };
        Self {
            id: row.0,
            record,
            card: row.3,
            user: row.4,
            company: row.5,
            account: row.6,
            authorization: row.8,
            received_at: row.13,
            processed_at: row.14,
        }
    }
}

impl Transactions for SqliteStore {
    fn record(&self, rows: Vec<Transaction>) -> StoreFuture<'_, Vec<TransactionId>> {
        Box::pin(self.jobs.write(move |connection| Box::pin(record(connection, rows))))
    }

    fn transaction(&self, id: TransactionId) -> StoreFuture<'_, Option<Transaction>> {
        Box::pin(async move {
            let asked = ask(FIND).bind(id.to_string());
            Ok(one::<Row>(&mut *self.reader().await?, asked).await?.map(Transaction::from))
        })
    }

    fn transactions(&self, query: TransactionQuery) -> StoreFuture<'_, Vec<Transaction>> {
        Box::pin(async move {
            let rows: Vec<Row> = many(&mut *self.reader().await?, page(&query)).await?;
            Ok(rows.into_iter().map(Transaction::from).collect())
        })
    }
}

/// The statement that begins with the narrowest of whose they are.
fn page(query: &TransactionQuery) -> Asked {
    let Whose { card, user, company } = query.whose;
    let [card, user, company] = [
        card.map(|id| id.to_string()),
        user.map(|id| id.to_string()),
        company.map(|id| id.to_string()),
    ];
    let (sql, subject) = match (&card, &user, &company) {
        (Some(card), _, _) => (BY_CARD, Some(card.clone())),
        (None, Some(user), _) => (BY_USER, Some(user.clone())),
        (None, None, Some(company)) => (BY_COMPANY, Some(company.clone())),
        (None, None, None) => (BY_TIME, None),
    };
    let before = query.before.map(|(at, id)| (at.as_micros(), id.to_string()));
    let (at, id) = before.unwrap_or_else(|| (i64::MAX, "txn_~".to_owned()));
    let within = query.within;
    ask(sql)
        .bind(subject)
        .bind(at)
        .bind(id)
        .bind(within.from.map_or(i64::MIN, Timestamp::as_micros))
        .bind(within.to.map_or(i64::MAX, Timestamp::as_micros))
        .bind(within.amount_min.unwrap_or(0))
        .bind(within.amount_max.unwrap_or(i64::MAX))
        .bind(card)
        .bind(user)
        .bind(company)
        .bind(query.rows_max)
}

async fn record(
    connection: &mut SqliteConnection,
    rows: Vec<Transaction>,
) -> Result<Vec<TransactionId>, StoreError> {
    let merchants: BTreeMap<_, _> = rows
        .iter()
        .filter_map(|row| Some((merchant_key(&row.record.merchant)?, &row.record.merchant)))
        .collect();
    let encoded = Rows::of(merchants, |mut row, (key, merchant)| {
        row.plain(key.simple());
        for text in [&merchant.mid, &merchant.name] {
            match text {
                Some(text) => row.text(text),
                None => row.maybe_plain(None::<&str>),
            };
        }
        row.maybe_plain(merchant.mcc).maybe_plain(merchant.country).wide(merchant);
    });
    let (narrow, wide) = encoded.into_arguments();
    affected(connection, sqlx::query(MERCHANTS).bind(narrow).bind(wide)).await?;
    let encoded = Rows::of(&rows, encode);
    affected(connection, sqlx::query(INSERT).bind(encoded.into_array())).await?;
    many(connection, ask(STORED).bind(keys(rows.iter().map(|row| row.id)))).await
}

fn encode(mut row: super::encode::Row<'_>, transaction: &Transaction) {
    let record = &transaction.record;
    row.plain(transaction.id)
        .plain(&record.transaction_id)
        .plain(&record.card)
        .plain(transaction.card)
        .plain(transaction.user)
        .maybe_plain(transaction.company)
        .plain(transaction.account)
        .maybe_plain(record.authorization.as_ref())
        .maybe_plain(transaction.authorization)
        .text(&record.kind)
        .number(record.amount.minor())
        .plain(record.amount.currency())
        .number(record.occurred_at.as_micros())
        .number(transaction.received_at.as_micros())
        .number(transaction.processed_at.as_micros())
        .maybe_plain(merchant_key(&record.merchant).map(uuid::Uuid::simple));
    match record.metadata.as_deref() {
        Some(text) => row.text(text),
        None => row.maybe_plain(None::<&str>),
    };
}
