//! `/api/v1/cards`: cards that draw on a company's account.

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

use super::Doors;
use super::access::bound::Bound;
use super::answer::{self, Answer};
use super::body::JsonBody;
use super::extract::{Id, IfMatch, QueryPairs};
use crate::domain::id::Home;
use crate::domain::party;
use crate::domain::token::Token;
use crate::wire::v1::card::{Card, CreateCard, PatchCard};
use crate::wire::v1::lists::CardList;

/// The routes.
pub fn router() -> Router<Arc<Doors>> {
    Router::new()
        .route("/api/v1/cards", post(create).get(list))
        .route("/api/v1/cards/{id}", get(read).patch(change))
}

async fn create(Bound(service): Bound, JsonBody(body): JsonBody<CreateCard>) -> Answer {
    let card = service.create_card(Home::Business, body.parse()?).await?;
    answer::created(card.version, Card::from(card))
}

async fn list(Bound(service): Bound, QueryPairs(pairs): QueryPairs) -> Answer {
    let listed = service.list_cards(Home::Business, CardList::parse(&pairs)?).await?;
    answer::page(listed, Card::from)
}

async fn read(Bound(service): Bound, Id(id): Id<Token>) -> Answer {
    found(service.card(Home::Business, &id).await?)
}

async fn change(
    Bound(service): Bound,
    Id(id): Id<Token>,
    IfMatch(seen): IfMatch,
    JsonBody(body): JsonBody<PatchCard>,
) -> Answer {
    found(service.change_card(Home::Business, &id, seen, body.parse()?).await?)
}

fn found(card: party::Card) -> Answer {
    answer::found(card.version, Card::from(card))
}
