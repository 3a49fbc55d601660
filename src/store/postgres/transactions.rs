//! Processed transactions with their merchants: of cards of both homes.

use std::collections::BTreeMap;

use sqlx::postgres::PgConnection;
use uuid::Uuid;

use super::PostgresStore;
use super::error::{translate, unreadable};
use super::rows::{currency, json, token};
use crate::domain::id::{
    AccountId, AuthorizationId, CardId, CompanyId, Home, TransactionId, UserId,
};
use crate::domain::merchant::Merchant;
use crate::domain::money::Money;
use crate::domain::time::Timestamp;
use crate::domain::transaction::{Purchase, Record, Transaction};
use crate::store::details::merchant_key;
use crate::store::ingest::{TransactionQuery, Transactions, Whose};
use crate::store::{StoreError, StoreFuture};

const INSERT: &str = include_str!("sql/transactions_insert.sql");
const STORED: &str = include_str!("sql/transactions_stored.sql");
const FIND: &str = include_str!("sql/transaction_find.sql");
const BY_TIME: &str = include_str!("sql/transactions_by_time.sql");
const BY_CARD: &str = include_str!("sql/transactions_by_card.sql");
const BY_USER: &str = include_str!("sql/transactions_by_user.sql");
const BY_COMPANY: &str = include_str!("sql/transactions_by_company.sql");

/// `transactions`, with the merchant's body.
#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    transaction_id: String,
    card: String,
    card_id: Uuid,
    user_id: Uuid,
    company_id: Option<Uuid>,
    account_id: Uuid,
    personal: bool,
    authorization_token: Option<String>,
    authorization_id: Option<Uuid>,
    kind: String,
    amount: i64,
    currency: String,
    occurred_at: i64,
    received_at: i64,
    processed_at: i64,
    metadata: Option<String>,
    body: Option<String>,
}

impl Row {
    fn transaction(self) -> Result<Transaction, StoreError> {
        let home = if self.personal { Home::Personal } else { Home::Business };
        let merchant: Option<Merchant> = self.body.as_deref().map(json).transpose()?;
        let authorization = self.authorization_token.as_deref();
        let record = Record {
            transaction_id: token(&self.transaction_id)?,
            card: token(&self.card)?,
            amount: Money::new(self.amount, currency(&self.currency)?),
            kind: self.kind.into(),
            occurred_at: Timestamp::from_micros(self.occurred_at),
            merchant: merchant.unwrap_or_default(),
            authorization: authorization.map(str::parse).transpose().map_err(unreadable)?,
            metadata: self.metadata.map(Into::into),
        };
        Ok(Transaction {
            id: TransactionId::new(self.id),
            record,
            card: CardId::new(self.card_id),
            user: UserId::new(self.user_id),
            company: self.company_id.map(CompanyId::new),
            account: AccountId::new(home, self.account_id),
            authorization: self.authorization_id.map(|id| AuthorizationId::new(home, id)),
            received_at: Timestamp::from_micros(self.received_at),
            processed_at: Timestamp::from_micros(self.processed_at),
        })
    }
}

impl Transactions for PostgresStore {
    fn record(&self, rows: Vec<Transaction>) -> StoreFuture<'_, Vec<TransactionId>> {
        Box::pin(async move {
            let ids = column(&rows, |row| row.id.uuid());
            let inserted = self.write_once(move |connection| insert(connection, rows));
            let mut stored = inserted.await?;
            if stored.len() < ids.len() {
                // What is missing was there before, or another has its transaction id. A statement of
                // its own: it sees what others have just committed.
                let asked = sqlx::query_scalar(STORED).bind(ids);
                stored = asked.fetch_all(&mut self.reader().await?).await.map_err(translate)?;
            }
            Ok(stored.into_iter().map(TransactionId::new).collect())
        })
    }

    fn transaction(&self, id: TransactionId) -> StoreFuture<'_, Option<Transaction>> {
        Box::pin(async move {
            let asked = sqlx::query_as::<_, Row>(FIND).bind(id.uuid());
            let row = asked.fetch_optional(&mut self.reader().await?).await.map_err(translate)?;
            row.map(Row::transaction).transpose()
        })
    }

    fn transactions(&self, query: TransactionQuery) -> StoreFuture<'_, Vec<Transaction>> {
        Box::pin(async move {
            let Whose { card, user, company } = query.whose;
            let [card, user, company] =
                [card.map(CardId::uuid), user.map(UserId::uuid), company.map(CompanyId::uuid)];
            let (sql, subject) = match (card, user, company) {
                (Some(_), _, _) => (BY_CARD, card),
                (None, Some(_), _) => (BY_USER, user),
                (None, None, Some(_)) => (BY_COMPANY, company),
                (None, None, None) => (BY_TIME, None),
            };
            let before = query.before.map(|(at, id)| (at.as_micros(), id.uuid()));
            let (at, id) = before.unwrap_or((i64::MAX, Uuid::max()));
            let within = query.within;
            let asked = sqlx::query_as::<_, Row>(sql)
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
                .bind(i64::from(query.rows_max));
            let rows = asked.fetch_all(&mut self.reader().await?).await.map_err(translate)?;
            rows.into_iter().map(Row::transaction).collect()
        })
    }
}

/// One column of rows, as the array that a statement unnests.
fn column<'a, T, C>(rows: &'a [T], cell: impl Fn(&'a T) -> C) -> Vec<C> {
    rows.iter().map(cell).collect()
}

/// Inserts transactions and the merchants that they name; says which were not there.
fn insert(connection: &mut PgConnection, rows: Vec<Transaction>) -> StoreFuture<'_, Vec<Uuid>> {
    Box::pin(async move {
        let keys = column(&rows, |row| merchant_key(&row.record.merchant));
        let merchants: BTreeMap<Uuid, &Merchant> = keys
            .iter()
            .zip(&rows)
            .filter_map(|(key, row)| Some(((*key)?, &row.record.merchant)))
            .collect();
        let merchants: Vec<_> = merchants.into_iter().collect();
        let asked = sqlx::query_scalar(INSERT)
            .bind(column(&rows, |row| row.id.uuid()))
            .bind(column(&rows, |row| row.record.transaction_id.as_str()))
            .bind(column(&rows, |row| row.record.card.as_str()))
            .bind(column(&rows, |row| row.card.uuid()))
            .bind(column(&rows, |row| row.user.uuid()))
            .bind(column(&rows, |row| row.company.map(CompanyId::uuid)))
            .bind(column(&rows, |row| row.account.uuid()))
            .bind(column(&rows, |row| row.account.home() == Home::Personal))
            .bind(column(&rows, |row| row.record.authorization.as_ref().map(Purchase::to_string)))
            .bind(column(&rows, |row| row.authorization.map(AuthorizationId::uuid)))
            .bind(column(&rows, |row| &*row.record.kind))
            .bind(column(&rows, |row| row.record.amount.minor()))
            .bind(column(&rows, |row| row.record.amount.currency().code()))
            .bind(column(&rows, |row| row.record.occurred_at.as_micros()))
            .bind(column(&rows, |row| row.received_at.as_micros()))
            .bind(column(&rows, |row| row.processed_at.as_micros()))
            .bind(&keys)
            .bind(column(&rows, |row| row.record.metadata.as_deref()))
            .bind(column(&merchants, |(key, _)| *key))
            .bind(column(&merchants, |(_, merchant)| merchant.mid.as_deref()))
            .bind(column(&merchants, |(_, merchant)| merchant.mcc.map(|mcc| mcc.to_string())))
            .bind(column(&merchants, |(_, merchant)| merchant.name.as_deref()))
            .bind(column(&merchants, |(_, merchant)| merchant.country.map(|name| name.to_string())))
            .bind(column(&merchants, |(_, merchant)| body(merchant)));
        asked.fetch_all(connection).await.map_err(translate)
    })
}

fn body(merchant: &Merchant) -> String {
    serde_json::to_string(merchant).expect("a merchant has no map keys that are not texts")
}
