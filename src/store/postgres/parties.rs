//! Companies, users, cards and the companies' accounts: statements and rows.

use sqlx::Postgres;
use sqlx::postgres::{PgArguments, PgConnection};
use sqlx::query::Query;
use uuid::Uuid;

use super::error::{translate, unreadable};
use super::facts::{expiry, zone};
use super::outbox::{now, tell};
use super::policies::bump;
use super::rows::{account_id, currency, maybe_token, word};
use crate::domain::event::Event;
use crate::domain::id::{CardId, CompanyId, Home, UserId};
use crate::domain::party::{Account, Card, Company, Setter, User};
use crate::domain::policy::{PolicyStamp, Scope};
use crate::domain::time::Timestamp;
use crate::store::StoreError;

type Stamped = Result<Vec<PolicyStamp>, StoreError>;
type Change = Query<'static, Postgres, PgArguments>;

/// `companies`.
pub(super) type CompanyRow =
    (Uuid, Option<String>, String, String, String, String, Uuid, i64, i64, Option<i64>);

pub(super) fn company(row: CompanyRow) -> Result<Company, StoreError> {
    let (id, token, name, status, code, zone_name, account, version, created_at, status_set_at) =
        row;
    Ok(Company {
        id: CompanyId::new(id),
        marqeta_token: maybe_token(token.as_deref())?,
        name: name.into(),
        status: word(&status)?,
        currency: currency(&code)?,
        zone: zone(&zone_name)?,
        account: account_id(account),
        version,
        created_at: Timestamp::from_micros(created_at),
        status_set_at: status_set_at.map(Timestamp::from_micros),
    })
}

pub(super) async fn insert_company(
    connection: &mut PgConnection,
    company: Company,
    account: Account,
) -> Stamped {
    insert_account(connection, &account).await?;
    let query = sqlx::query(include_str!("sql/company_insert.sql"))
        .bind(company.id.uuid())
        .bind(company.marqeta_token.as_ref().map(|token| token.as_str()))
        .bind(&*company.name)
        .bind(company.status.as_str())
        .bind(company.currency.code())
        .bind(company.zone.name())
        .bind(company.account.uuid())
        .bind(company.version)
        .bind(company.created_at.as_micros());
    affected(connection, query).await?;
    bump(connection, Scope::Company(company.id)).await
}

pub(super) async fn update_company(connection: &mut PgConnection, company: Company) -> Stamped {
    let query = sqlx::query(include_str!("sql/company_update.sql"))
        .bind(company.id.uuid())
        .bind(company.version)
        .bind(company.marqeta_token.as_ref().map(|token| token.as_str()))
        .bind(&*company.name)
        .bind(company.status.as_str())
        .bind(company.zone.name())
        .bind(company.status_set_at.map(Timestamp::as_micros));
    replaced(connection, query).await?;
    bump(connection, Scope::Company(company.id)).await
}

/// `users`.
pub(super) type UserRow = (
    Uuid,
    Option<Uuid>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
    String,
    i64,
    i64,
    Option<i64>,
    Option<String>,
);

pub(super) fn user(row: UserRow) -> Result<User, StoreError> {
    let (id, company, token, first_name, last_name, email, role, status, ..) = row;
    let (version, created_at, status_set_at) = (row.8, row.9, row.10);
    Ok(User {
        id: UserId::new(id),
        company: company.map(CompanyId::new),
        marqeta_token: maybe_token(token.as_deref())?,
        first_name: first_name.map(Into::into),
        last_name: last_name.map(Into::into),
        email: email.map(Into::into),
        role: role.map(Into::into),
        status: word(&status)?,
        version,
        created_at: Timestamp::from_micros(created_at),
        status_set_at: status_set_at.map(Timestamp::from_micros),
        status_set_by: row.11.and_then(|kept| Setter::read(&kept, version)),
    })
}

pub(super) async fn insert_user(connection: &mut PgConnection, user: User) -> Stamped {
    let query = sqlx::query(include_str!("sql/user_insert.sql"))
        .bind(user.id.uuid())
        .bind(user.company.map(CompanyId::uuid))
        .bind(user.marqeta_token.as_ref().map(|token| token.as_str()))
        .bind(user.first_name.as_deref())
        .bind(user.last_name.as_deref())
        .bind(user.email.as_deref())
        .bind(user.role.as_deref())
        .bind(user.status.as_str())
        .bind(user.version)
        .bind(user.created_at.as_micros())
        .bind(user.status_set_by.map(|setter| setter.kept(user.version)));
    affected(connection, query).await?;
    let at = now(&mut *connection).await?;
    tell(connection, &Event::user_created(&user, at)).await?;
    bump(connection, Scope::User(user.id)).await
}

pub(super) async fn update_user(connection: &mut PgConnection, user: User) -> Stamped {
    let query = sqlx::query(include_str!("sql/user_update.sql"))
        .bind(user.id.uuid())
        .bind(user.version)
        .bind(user.marqeta_token.as_ref().map(|token| token.as_str()))
        .bind(user.first_name.as_deref())
        .bind(user.last_name.as_deref())
        .bind(user.email.as_deref())
        .bind(user.role.as_deref())
        .bind(user.status.as_str())
        .bind(user.status_set_at.map(Timestamp::as_micros))
        .bind(user.status_set_by.map(|setter| setter.kept(user.version)));
    replaced(connection, query).await?;
    bump(connection, Scope::User(user.id)).await
}

/// `cards`.
pub(super) type CardRow = (
    Uuid,
    Uuid,
    Uuid,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
    String,
    i64,
    i64,
    Option<i64>,
    Option<String>,
);

pub(super) fn card(row: CardRow) -> Result<Card, StoreError> {
    let (id, user, account, token, last_four, product, expires, status, ..) = row;
    let (version, created_at, status_set_at) = (row.8, row.9, row.10);
    Ok(Card {
        id: CardId::new(id),
        user: UserId::new(user),
        account: account_id(account),
        marqeta_token: maybe_token(token.as_deref())?,
        last_four: last_four.map(Into::into),
        product: maybe_token(product.as_deref())?,
        expires: expires.as_deref().map(expiry).transpose()?,
        status: word(&status)?,
        version,
        created_at: Timestamp::from_micros(created_at),
        status_set_at: status_set_at.map(Timestamp::from_micros),
        status_set_by: row.11.and_then(|kept| Setter::read(&kept, version)),
    })
}

pub(super) async fn insert_card(connection: &mut PgConnection, card: Card) -> Stamped {
    let query = sqlx::query(include_str!("sql/card_insert.sql"))
        .bind(card.id.uuid())
        .bind(card.user.uuid())
        .bind(card.account.uuid())
        .bind(card.marqeta_token.as_ref().map(|token| token.as_str()))
        .bind(card.last_four.as_deref())
        .bind(card.product.as_ref().map(|product| product.as_str()))
        .bind(card.expires.map(|expires| expires.to_string()))
        .bind(card.status.as_str())
        .bind(card.version)
        .bind(card.created_at.as_micros())
        .bind(card.status_set_by.map(|setter| setter.kept(card.version)));
    affected(connection, query).await?;
    let at = now(&mut *connection).await?;
    tell(connection, &Event::card_issued(&card, at)).await?;
    bump(connection, Scope::Card(card.id)).await
}

pub(super) async fn update_card(connection: &mut PgConnection, card: Card) -> Stamped {
    let query = sqlx::query_scalar(include_str!("sql/card_update.sql"))
        .bind(card.id.uuid())
        .bind(card.version)
        .bind(card.marqeta_token.as_ref().map(|token| token.as_str()))
        .bind(card.last_four.as_deref())
        .bind(card.product.as_ref().map(|product| product.as_str()))
        .bind(card.expires.map(|expires| expires.to_string()))
        .bind(card.status.as_str())
        .bind(card.status_set_at.map(Timestamp::as_micros))
        .bind(card.status_set_by.map(|setter| setter.kept(card.version)));
    let from: Option<String> = query.fetch_optional(&mut *connection).await.map_err(translate)?;
    let from = word(&from.ok_or(StoreError::Stale)?)?;
    let at = now(&mut *connection).await?;
    if let Some(event) = Event::card_state_changed(&card, from, at) {
        tell(connection, &event).await?;
    }
    bump(connection, Scope::Card(card.id)).await
}

async fn insert_account(
    connection: &mut PgConnection,
    account: &Account,
) -> Result<(), StoreError> {
    if account.id.home() != Home::Business {
        return Err(unreadable("an account of the other home"));
    }
    let query = sqlx::query(include_str!("sql/account_insert.sql"))
        .bind(account.id.uuid())
        .bind(account.currency.code())
        .bind(account.limit)
        .bind(account.funded)
        .bind(account.held)
        .bind(account.posted)
        .bind(account.version);
    affected(connection, query).await.map(drop)
}

/// Changes rows; says how many.
pub(super) async fn affected(
    connection: &mut PgConnection,
    change: Change,
) -> Result<u64, StoreError> {
    Ok(change.execute(connection).await.map_err(translate)?.rows_affected())
}

/// Changes the one row whose version is as expected.
pub(super) async fn replaced(
    connection: &mut PgConnection,
    change: Change,
) -> Result<(), StoreError> {
    if affected(connection, change).await? == 0 { Err(StoreError::Stale) } else { Ok(()) }
}
