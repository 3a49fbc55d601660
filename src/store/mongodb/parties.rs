//! People and their cards: documents and writes.

use std::sync::Arc;

use mongodb::bson::doc;
use serde::{Deserialize, Serialize};

use super::error::no_companies;
use super::narrow::{Id, key};
use super::outbox;
use super::policies::{bump, require};
use super::read::Reader;
use super::tell::{now, tell};
use super::transaction::{Change, Tx};
use crate::domain::event::Event;
use crate::domain::id::{AccountId, CardId, UserId};
use crate::domain::party::{Card, CardStatus, Setter, User, UserStatus};
use crate::domain::policy::{PolicyStamp, Scope};
use crate::domain::time::{Expiry, Timestamp};
use crate::domain::token::Token;
use crate::store::StoreError;

pub(super) type Stamped = Result<Vec<PolicyStamp>, StoreError>;

/// `personal_users`.
#[derive(Serialize, Deserialize)]
pub(super) struct UserRow {
    #[serde(rename = "_id")]
    id: Id<UserId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    marqeta_token: Option<Token>,
    first_name: Option<Arc<str>>,
    last_name: Option<Arc<str>>,
    email: Option<Arc<str>>,
    role: Option<Arc<str>>,
    status: UserStatus,
    version: i64,
    created_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status_set_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status_set_by: Option<Setter>,
}

impl UserRow {
    pub(super) const fn id(&self) -> UserId {
        self.id.0
    }

    pub(super) fn user(self) -> User {
        User {
            id: self.id.0,
            company: None,
            marqeta_token: self.marqeta_token,
            first_name: self.first_name,
            last_name: self.last_name,
            email: self.email,
            role: self.role,
            status: self.status,
            version: self.version,
            created_at: self.created_at,
            status_set_at: self.status_set_at,
            status_set_by: self.status_set_by,
        }
    }
}

/// Employees are kept in the business store.
fn user_row(user: User) -> Result<UserRow, StoreError> {
    if user.company.is_some() {
        return Err(no_companies());
    }
    Ok(UserRow {
        id: Id(user.id),
        marqeta_token: user.marqeta_token,
        first_name: user.first_name,
        last_name: user.last_name,
        email: user.email,
        role: user.role,
        status: user.status,
        version: user.version,
        created_at: user.created_at,
        status_set_at: user.status_set_at,
        status_set_by: user.status_set_by,
    })
}

pub(super) async fn insert_user(tx: &mut Tx, user: User) -> Stamped {
    let id = user.id;
    let event = Event::user_created(&user, now(&mut Reader::Tx(tx)).await?);
    tx.insert("personal_users", &[user_row(user)?]).await?;
    tell(tx, &event, outbox::after(0, event.at)).await?; // the only one of a user
    bump(tx, Scope::User(id)).await
}

pub(super) async fn update_user(tx: &mut Tx, user: User) -> Stamped {
    let (id, version) = (user.id, user.version);
    replace(tx, "personal_users", Id(id), version, user_row(user)?).await?;
    bump(tx, Scope::User(id)).await
}

/// `personal_cards`.
#[derive(Serialize, Deserialize)]
pub(super) struct CardRow {
    #[serde(rename = "_id")]
    id: Id<CardId>,
    pub(super) user: Id<UserId>,
    account: Id<AccountId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    marqeta_token: Option<Token>,
    last_four: Option<Arc<str>>,
    product: Option<Token>,
    expires: Option<Expiry>,
    status: CardStatus,
    version: i64,
    created_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status_set_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status_set_by: Option<Setter>,
    /// The highest order that an event of this card has been given.
    #[serde(default)]
    order: i64,
}

impl CardRow {
    pub(super) const fn id(&self) -> CardId {
        self.id.0
    }

    pub(super) fn card(self) -> Card {
        Card {
            id: self.id.0,
            user: self.user.0,
            account: self.account.0,
            marqeta_token: self.marqeta_token,
            last_four: self.last_four,
            product: self.product,
            expires: self.expires,
            status: self.status,
            version: self.version,
            created_at: self.created_at,
            status_set_at: self.status_set_at,
            status_set_by: self.status_set_by,
        }
    }
}

fn card_row(card: Card, order: i64) -> CardRow {
    CardRow {
        id: Id(card.id),
        user: Id(card.user),
        account: Id(card.account),
        marqeta_token: card.marqeta_token,
        last_four: card.last_four,
        product: card.product,
        expires: card.expires,
        status: card.status,
        version: card.version,
        created_at: card.created_at,
        status_set_at: card.status_set_at,
        status_set_by: card.status_set_by,
        order,
    }
}

pub(super) async fn insert_card(tx: &mut Tx, card: Card) -> Stamped {
    require(tx, "personal_users", key(&card.user)).await?;
    require(tx, "wallets", key(&card.account)).await?;
    let id = card.id;
    let event = Event::card_issued(&card, now(&mut Reader::Tx(tx)).await?);
    let order = outbox::after(0, event.at);
    tx.insert("personal_cards", &[card_row(card, order)]).await?;
    tell(tx, &event, order).await?;
    bump(tx, Scope::Card(id)).await
}

/// The owner, the account and the time of creation stay as they were.
pub(super) async fn update_card(tx: &mut Tx, card: Card) -> Stamped {
    let (id, version) = (card.id, card.version);
    let before = told_of(tx, id, version.saturating_sub(1)).await?;
    let now = now(&mut Reader::Tx(tx)).await?;
    let event = Event::card_state_changed(&card, before.status, now);
    let order = event.as_ref().map_or(before.order, |event| outbox::after(before.order, event.at));
    replace(tx, "personal_cards", Id(id), version, card_row(card, order)).await?;
    if let Some(event) = event {
        tell(tx, &event, order).await?;
    }
    bump(tx, Scope::Card(id)).await
}

/// What events of a card have told of it so far.
#[derive(Deserialize)]
struct ToldOf {
    status: CardStatus,
    #[serde(default)]
    order: i64,
}

/// The same of a card that is still at this version.
async fn told_of(tx: &mut Tx, card: CardId, version: i64) -> Result<ToldOf, StoreError> {
    let pipeline = vec![
        doc! { "$match": { "_id": key(&card), "version": version } },
        doc! { "$project": { "_id": 0, "status": 1, "order": 1 } },
    ];
    let mut found: Vec<ToldOf> = tx.aggregate("personal_cards", pipeline).await?;
    found.pop().ok_or(StoreError::Stale)
}

#[derive(Serialize)]
struct Expected<T> {
    #[serde(rename = "_id")]
    id: T,
    version: i64,
}

/// Replaces a document whose version is one less than the new one's.
pub(super) async fn replace<I: Serialize, R: Serialize>(
    tx: &mut Tx,
    collection: &'static str,
    id: I,
    version: i64,
    row: R,
) -> Result<(), StoreError> {
    let expected = Expected { id, version: version.saturating_sub(1) };
    let change = Change { q: expected, u: row, upsert: false };
    match tx.matched(collection, &[change]).await? {
        0 => Err(StoreError::Stale),
        _ => Ok(()),
    }
}
