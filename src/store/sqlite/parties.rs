//! Companies, users, cards, wallets and their accounts: statements and rows.

use std::sync::Arc;

use sqlx::sqlite::SqliteConnection;

use super::error::{translate, unreadable};
use super::outbox::tell;
use super::policies::bump;
use super::query::{affected, ask, one, replaced};
use crate::domain::event::Event;
use crate::domain::id::{AccountId, CardId, CompanyId, UserId};
use crate::domain::money::Currency;
use crate::domain::party::{
    Account, Card, CardStatus, Company, CompanyStatus, Setter, User, UserStatus, Wallet,
};
use crate::domain::policy::{PolicyStamp, Scope};
use crate::domain::time::{Expiry, Timestamp, Zone};
use crate::domain::token::Token;
use crate::store::StoreError;

type Stamped = Result<Vec<PolicyStamp>, StoreError>;

/// `companies`.
pub(super) type CompanyRow = (
    CompanyId,
    Option<Token>,
    Arc<str>,
    CompanyStatus,
    Currency,
    Zone,
    AccountId,
    i64,
    Timestamp,
    Option<Timestamp>,
);

pub(super) fn company(row: CompanyRow) -> Company {
    let (id, marqeta_token, name, status, currency, zone, account, ..) = row;
    let (version, created_at, status_set_at) = (row.7, row.8, row.9);
    Company {
        id,
        marqeta_token,
        name,
        status,
        currency,
        zone,
        account,
        version,
        created_at,
        status_set_at,
    }
}

pub(super) async fn insert_company(
    connection: &mut SqliteConnection,
    company: Company,
    account: Account,
) -> Stamped {
    insert_account(connection, &account).await?;
    let query = sqlx::query(include_str!("sql/company_insert.sql"))
        .bind(company.id.to_string())
        .bind(text(company.marqeta_token))
        .bind(company.name.to_string())
        .bind(company.status.as_str())
        .bind(company.currency.code())
        .bind(company.zone.name().to_owned())
        .bind(company.account.to_string())
        .bind(company.version)
        .bind(company.created_at.as_micros());
    affected(connection, query).await?;
    bump(connection, Scope::Company(company.id)).await
}

pub(super) async fn update_company(connection: &mut SqliteConnection, company: Company) -> Stamped {
    let query = sqlx::query(include_str!("sql/company_update.sql"))
        .bind(company.id.to_string())
        .bind(company.version)
        .bind(text(company.marqeta_token))
        .bind(company.name.to_string())
        .bind(company.status.as_str())
        .bind(company.zone.name().to_owned())
        .bind(company.status_set_at.map(Timestamp::as_micros));
    replaced(connection, query).await?;
    bump(connection, Scope::Company(company.id)).await
}

/// `users`.
pub(super) type UserRow = (
    UserId,
    Option<CompanyId>,
    Option<Token>,
    Option<Arc<str>>,
    Option<Arc<str>>,
    Option<Arc<str>>,
    Option<Arc<str>>,
    UserStatus,
    i64,
    Timestamp,
    Option<Timestamp>,
    Option<Arc<str>>,
);

pub(super) fn user(row: UserRow) -> User {
    let (id, company, marqeta_token, first_name, last_name, email, role, status, ..) = row;
    let (version, created_at, status_set_at) = (row.8, row.9, row.10);
    User {
        id,
        company,
        marqeta_token,
        first_name,
        last_name,
        email,
        role,
        status,
        version,
        created_at,
        status_set_at,
        status_set_by: row.11.and_then(|kept| Setter::read(&kept, version)),
    }
}

pub(super) async fn insert_user(connection: &mut SqliteConnection, user: User) -> Stamped {
    let event = Event::user_created(&user, user.created_at);
    let query = sqlx::query(include_str!("sql/user_insert.sql"))
        .bind(user.id.to_string())
        .bind(text(user.company))
        .bind(text(user.marqeta_token))
        .bind(text(user.first_name))
        .bind(text(user.last_name))
        .bind(text(user.email))
        .bind(text(user.role))
        .bind(user.status.as_str())
        .bind(user.version)
        .bind(user.created_at.as_micros())
        .bind(user.status_set_by.map(|setter| setter.kept(user.version)));
    affected(connection, query).await?;
    tell(connection, &event).await?;
    bump(connection, Scope::User(user.id)).await
}

/// Many users; those whose token or id is taken stay as they are.
pub(super) async fn insert_users(connection: &mut SqliteConnection, users: Vec<User>) -> Stamped {
    let mut stamps = Vec::new();
    for user in users {
        match insert_user(connection, user).await {
            Ok(stamped) => stamps.extend(stamped),
            Err(StoreError::Taken(_)) => {} // the statement alone was undone
            Err(error) => return Err(error),
        }
    }
    Ok(stamps)
}

pub(super) async fn update_user(connection: &mut SqliteConnection, user: User) -> Stamped {
    let query = sqlx::query(include_str!("sql/user_update.sql"))
        .bind(user.id.to_string())
        .bind(user.version)
        .bind(text(user.marqeta_token))
        .bind(text(user.first_name))
        .bind(text(user.last_name))
        .bind(text(user.email))
        .bind(text(user.role))
        .bind(user.status.as_str())
        .bind(user.status_set_at.map(Timestamp::as_micros))
        .bind(user.status_set_by.map(|setter| setter.kept(user.version)));
    replaced(connection, query).await?;
    bump(connection, Scope::User(user.id)).await
}

/// `cards`.
pub(super) type CardRow = (
    CardId,
    UserId,
    AccountId,
    Option<Token>,
    Option<Arc<str>>,
    Option<Token>,
    Option<Expiry>,
    CardStatus,
    i64,
    Timestamp,
    Option<Timestamp>,
    Option<Arc<str>>,
);

pub(super) fn card(row: CardRow) -> Card {
    let (id, user, account, marqeta_token, last_four, product, expires, status, ..) = row;
    let (version, created_at, status_set_at) = (row.8, row.9, row.10);
    Card {
        id,
        user,
        account,
        marqeta_token,
        last_four,
        product,
        expires,
        status,
        version,
        created_at,
        status_set_at,
        status_set_by: row.11.and_then(|kept| Setter::read(&kept, version)),
    }
}

pub(super) async fn insert_card(connection: &mut SqliteConnection, card: Card) -> Stamped {
    let event = Event::card_issued(&card, card.created_at);
    let query = sqlx::query(include_str!("sql/card_insert.sql"))
        .bind(card.id.to_string())
        .bind(card.user.to_string())
        .bind(card.account.to_string())
        .bind(text(card.marqeta_token))
        .bind(text(card.last_four))
        .bind(text(card.product))
        .bind(text(card.expires))
        .bind(card.status.as_str())
        .bind(card.version)
        .bind(card.created_at.as_micros())
        .bind(card.status_set_by.map(|setter| setter.kept(card.version)));
    affected(connection, query).await?;
    tell(connection, &event).await?;
    bump(connection, Scope::Card(card.id)).await
}

/// Many cards; those whose token or id is taken stay as they are.
pub(super) async fn insert_cards(connection: &mut SqliteConnection, cards: Vec<Card>) -> Stamped {
    let mut stamps = Vec::new();
    for card in cards {
        match insert_card(connection, card).await {
            Ok(stamped) => stamps.extend(stamped),
            Err(StoreError::Taken(_)) => {} // the statement alone was undone
            Err(error) => return Err(error),
        }
    }
    Ok(stamps)
}

pub(super) async fn update_card(
    connection: &mut SqliteConnection,
    card: Card,
    at: Timestamp,
) -> Stamped {
    let replaced_version = card.version.saturating_sub(1);
    let asked = ask(include_str!("sql/card_status_find.sql"))
        .bind(card.id.to_string())
        .bind(replaced_version);
    let from: CardStatus = one(connection, asked).await?.ok_or(StoreError::Stale)?;
    let event = Event::card_state_changed(&card, from, at);
    let query = sqlx::query(include_str!("sql/card_update.sql"))
        .bind(card.id.to_string())
        .bind(card.version)
        .bind(text(card.marqeta_token))
        .bind(text(card.last_four))
        .bind(text(card.product))
        .bind(text(card.expires))
        .bind(card.status.as_str())
        .bind(card.status_set_at.map(Timestamp::as_micros))
        .bind(card.status_set_by.map(|setter| setter.kept(card.version)));
    replaced(connection, query).await?;
    if let Some(event) = event {
        tell(connection, &event).await?;
    }
    bump(connection, Scope::Card(card.id)).await
}

/// `wallets`.
pub(super) type WalletRow = (AccountId, UserId, Currency, Zone, i64, Timestamp);

pub(super) fn wallet(row: WalletRow) -> Wallet {
    let (account, user, currency, zone, version, created_at) = row;
    Wallet { account, user, currency, zone, version, created_at }
}

pub(super) async fn insert_wallet(
    connection: &mut SqliteConnection,
    wallet: Wallet,
    account: Account,
) -> Stamped {
    insert_account(connection, &account).await?;
    let query = sqlx::query(include_str!("sql/wallet_insert.sql"))
        .bind(wallet.account.to_string())
        .bind(wallet.user.to_string())
        .bind(wallet.currency.code())
        .bind(wallet.zone.name().to_owned())
        .bind(wallet.version)
        .bind(wallet.created_at.as_micros());
    affected(connection, query).await?;
    bump(connection, Scope::User(wallet.user)).await
}

pub(super) async fn update_wallet(connection: &mut SqliteConnection, wallet: Wallet) -> Stamped {
    let query = sqlx::query_scalar(include_str!("sql/wallet_update.sql"))
        .bind(wallet.account.to_string())
        .bind(wallet.version)
        .bind(wallet.zone.name().to_owned());
    let user: Option<String> = query.fetch_optional(&mut *connection).await.map_err(translate)?;
    let user: UserId = user.ok_or(StoreError::Stale)?.parse().map_err(unreadable)?;
    bump(connection, Scope::User(user)).await
}

async fn insert_account(
    connection: &mut SqliteConnection,
    account: &Account,
) -> Result<(), StoreError> {
    let query = sqlx::query(include_str!("sql/account_insert.sql"))
        .bind(account.id.to_string())
        .bind(account.currency.code())
        .bind(account.limit)
        .bind(account.funded)
        .bind(account.held)
        .bind(account.posted)
        .bind(account.version);
    affected(connection, query).await.map(drop)
}

fn text(value: Option<impl ToString>) -> Option<String> {
    value.map(|value| value.to_string())
}
