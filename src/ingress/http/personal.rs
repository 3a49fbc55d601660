//! `/api/v1/personal/…`: users, wallets and cards of people on their own.

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

use super::Doors;
use super::access::bound::Bound;
use super::accounts;
use super::answer::{self, Answer};
use super::body::JsonBody;
use super::extract::{Id, IfMatch, QueryPairs};
use crate::domain::id::{AccountId, Home};
use crate::domain::token::Token;
use crate::wire::v1::card::{Card, CreatePersonalCard, PatchCard};
use crate::wire::v1::lists::{self, CardList, UserList, WalletList};
use crate::wire::v1::posting::Posting;
use crate::wire::v1::user::{CreatePersonalUser, PatchUser, User};
use crate::wire::v1::wallet::{CreateWallet, PatchWallet, Wallet};

/// The routes.
pub fn router() -> Router<Arc<Doors>> {
    Router::new()
        .route("/api/v1/personal/users", post(create_user).get(list_users))
        .route("/api/v1/personal/users/{id}", get(read_user).patch(change_user))
        .route("/api/v1/personal/users/{id}/erase", post(erase_user))
        .route("/api/v1/personal/wallets", post(create_wallet).get(list_wallets))
        .route("/api/v1/personal/wallets/{id}", get(read_wallet).patch(change_wallet))
        .route("/api/v1/personal/wallets/{id}/fund", post(accounts::fund))
        .route("/api/v1/personal/wallets/{id}/history", get(wallet_history))
        .route("/api/v1/personal/cards", post(create_card).get(list_cards))
        .route("/api/v1/personal/cards/{id}", get(read_card).patch(change_card))
}

async fn create_user(
    Bound(service): Bound,
    JsonBody(body): JsonBody<CreatePersonalUser>,
) -> Answer {
    let user = service.create_user(body.parse()?).await?;
    answer::created(user.version, User::from(user))
}

async fn list_users(Bound(service): Bound, QueryPairs(pairs): QueryPairs) -> Answer {
    let asked = UserList::parse_personal(&pairs)?;
    answer::page(service.list_users(Home::Personal, asked).await?, User::from)
}

async fn read_user(Bound(service): Bound, Id(id): Id<Token>) -> Answer {
    let user = service.user(Home::Personal, &id).await?;
    answer::found(user.version, User::from(user))
}

async fn change_user(
    Bound(service): Bound,
    Id(id): Id<Token>,
    IfMatch(seen): IfMatch,
    JsonBody(body): JsonBody<PatchUser>,
) -> Answer {
    let change = body.parse()?;
    let user = service.change_user(Home::Personal, &id, seen, change).await?;
    answer::found(user.version, User::from(user))
}

/// Takes no body. A person who has been erased is answered with as often as it is asked for.
async fn erase_user(Bound(service): Bound, Id(id): Id<Token>) -> Answer {
    let user = service.erase_user(&id).await?;
    answer::found(user.version, User::from(user))
}

async fn create_wallet(Bound(service): Bound, JsonBody(body): JsonBody<CreateWallet>) -> Answer {
    let (wallet, account) = service.create_wallet(body.parse()?).await?;
    answer::created(wallet.version, Wallet::new(wallet, &account))
}

async fn list_wallets(Bound(service): Bound, QueryPairs(pairs): QueryPairs) -> Answer {
    let listed = service.list_wallets(WalletList::parse(&pairs)?).await?;
    answer::page(listed, |(wallet, account)| Wallet::new(wallet, &account))
}

async fn wallet_history(
    Bound(service): Bound,
    Id(id): Id<AccountId>,
    QueryPairs(pairs): QueryPairs,
) -> Answer {
    let listed = service.wallet_history(id, lists::history(&pairs)?).await?;
    answer::page(listed, Posting::from)
}

async fn read_wallet(Bound(service): Bound, Id(id): Id<AccountId>) -> Answer {
    let (wallet, account) = service.wallet(id).await?;
    answer::found(wallet.version, Wallet::new(wallet, &account))
}

async fn change_wallet(
    Bound(service): Bound,
    Id(id): Id<AccountId>,
    IfMatch(seen): IfMatch,
    JsonBody(body): JsonBody<PatchWallet>,
) -> Answer {
    let (wallet, account) = service.change_wallet(id, seen, body.parse()?).await?;
    answer::found(wallet.version, Wallet::new(wallet, &account))
}

async fn create_card(
    Bound(service): Bound,
    JsonBody(body): JsonBody<CreatePersonalCard>,
) -> Answer {
    let card = service.create_card(Home::Personal, body.parse()?).await?;
    answer::created(card.version, Card::from(card))
}

async fn list_cards(Bound(service): Bound, QueryPairs(pairs): QueryPairs) -> Answer {
    let asked = CardList::parse_personal(&pairs)?;
    answer::page(service.list_cards(Home::Personal, asked).await?, Card::from)
}

async fn read_card(Bound(service): Bound, Id(id): Id<Token>) -> Answer {
    let card = service.card(Home::Personal, &id).await?;
    answer::found(card.version, Card::from(card))
}

async fn change_card(
    Bound(service): Bound,
    Id(id): Id<Token>,
    IfMatch(seen): IfMatch,
    JsonBody(body): JsonBody<PatchCard>,
) -> Answer {
    let change = body.parse()?;
    let card = service.change_card(Home::Personal, &id, seen, change).await?;
    answer::found(card.version, Card::from(card))
}
