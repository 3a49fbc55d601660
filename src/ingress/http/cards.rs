//! `/api/v1/cards`: cards that draw on a company's account.

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

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
use crate::wire::v1::terms;
use crate::wire::v1::transaction::Page;

/// The routes.
pub fn router() -> OpenApiRouter<Arc<Doors>> {
    OpenApiRouter::new().routes(routes!(create, list)).routes(routes!(read, change))
}

/// Issues a card that draws on the account of its user's company.
#[utoipa::path(
    post,
    path = "/api/v1/cards",
    tag = "Cards",
    operation_id = "create_card",
    request_body(content = CreateCard),
    responses(
        (status = 201, description = "The card.", body = Card),
        (status = 404, description = "not_found"),
        (status = 409, description = "invalid_transition token_taken"),
    ),
)]
async fn create(Bound(service): Bound, JsonBody(body): JsonBody<CreateCard>) -> Answer {
    let card = service.create_card(Home::Business, body.parse()?).await?;
    answer::created(card.version, Card::from(card))
}

/// Lists cards of companies, the latest first.
#[utoipa::path(
    get,
    path = "/api/v1/cards",
    tag = "Cards",
    operation_id = "list_cards",
    params(
        ("company" = Option<terms::CompanyId>, Query, description = "Of this company."),
        ("user" = Option<terms::Reference>, Query, description = "Of this user."),
        ("account" = Option<terms::AccountId>, Query, description = "That draw on this account."),
        ("status" = Option<terms::CardStatus>, Query, description = "In this state."),
        ("marqeta_token" = Option<terms::Reference>, Query, description = "With this token of the card platform's."),
        ("cursor" = Option<terms::Cursor>, Query, description = "`next` of the page before."),
        ("limit" = Option<terms::PageSize>, Query, description = "Items of the page; 50 where it is absent."),
    ),
    responses(
        (status = 200, description = "A page.", body = Page<Card>),
    ),
)]
async fn list(Bound(service): Bound, QueryPairs(pairs): QueryPairs) -> Answer {
    let listed = service.list_cards(Home::Business, CardList::parse(&pairs)?).await?;
    answer::page(listed, Card::from)
}

/// Reads a card.
#[utoipa::path(
    get,
    path = "/api/v1/cards/{id}",
    tag = "Cards",
    operation_id = "read_card",
    params(("id" = terms::Reference, Path)),
    responses(
        (status = 200, description = "The card.", body = Card),
    ),
)]
async fn read(Bound(service): Bound, Id(id): Id<Token>) -> Answer {
    found(service.card(Home::Business, &id).await?)
}

/// Changes a card.
///
/// A suspended card is declined from the moment this is answered. A terminated card stays terminated.
#[utoipa::path(
    patch,
    path = "/api/v1/cards/{id}",
    tag = "Cards",
    operation_id = "change_card",
    params(("id" = terms::Reference, Path), ("If-Match" = terms::VersionTag, Header)),
    request_body(content = PatchCard),
    responses(
        (status = 200, description = "The card.", body = Card),
        (status = 409, description = "invalid_transition token_taken"),
    ),
)]
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
