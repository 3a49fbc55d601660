//! `/api/v1/users`: the users of companies.

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
use crate::wire::v1::lists::UserList;
use crate::wire::v1::terms;
use crate::wire::v1::transaction::Page;
use crate::wire::v1::user::{CreateUser, PatchUser, User};

/// The routes.
pub fn router() -> OpenApiRouter<Arc<Doors>> {
    OpenApiRouter::new().routes(routes!(create, list)).routes(routes!(read, change))
}

/// Creates a user of a company.
#[utoipa::path(
    post,
    path = "/api/v1/users",
    tag = "Users",
    operation_id = "create_user",
    request_body(content = CreateUser),
    responses(
        (status = 201, description = "The user.", body = User),
        (status = 404, description = "not_found"),
        (status = 409, description = "invalid_transition token_taken"),
    ),
)]
async fn create(Bound(service): Bound, JsonBody(body): JsonBody<CreateUser>) -> Answer {
    let user = service.create_user(body.parse()?).await?;
    answer::created(user.version, User::from(user))
}

/// Lists users of companies, the latest first.
#[utoipa::path(
    get,
    path = "/api/v1/users",
    tag = "Users",
    operation_id = "list_users",
    params(
        ("company" = Option<terms::CompanyId>, Query, description = "Of this company."),
        ("status" = Option<terms::UserStatus>, Query, description = "In this state."),
        ("marqeta_token" = Option<terms::Reference>, Query, description = "With this token of the card platform's."),
        ("cursor" = Option<terms::Cursor>, Query, description = "`next` of the page before."),
        ("limit" = Option<terms::PageSize>, Query, description = "Items of the page; 50 where it is absent."),
    ),
    responses(
        (status = 200, description = "A page.", body = Page<User>),
    ),
)]
async fn list(Bound(service): Bound, QueryPairs(pairs): QueryPairs) -> Answer {
    let listed = service.list_users(Home::Business, UserList::parse(&pairs)?).await?;
    answer::page(listed, User::from)
}

/// Reads a user.
#[utoipa::path(
    get,
    path = "/api/v1/users/{id}",
    tag = "Users",
    operation_id = "read_user",
    params(("id" = terms::Reference, Path)),
    responses(
        (status = 200, description = "The user.", body = User),
    ),
)]
async fn read(Bound(service): Bound, Id(id): Id<Token>) -> Answer {
    found(service.user(Home::Business, &id).await?)
}

/// Changes a user.
///
/// A suspended user's cards are declined from the moment this is answered. A closed user stays closed.
#[utoipa::path(
    patch,
    path = "/api/v1/users/{id}",
    tag = "Users",
    operation_id = "change_user",
    params(("id" = terms::Reference, Path), ("If-Match" = terms::VersionTag, Header)),
    request_body(content = PatchUser),
    responses(
        (status = 200, description = "The user.", body = User),
        (status = 409, description = "invalid_transition token_taken"),
    ),
)]
async fn change(
    Bound(service): Bound,
    Id(id): Id<Token>,
    IfMatch(seen): IfMatch,
    JsonBody(body): JsonBody<PatchUser>,
) -> Answer {
    found(service.change_user(Home::Business, &id, seen, body.parse()?).await?)
}

fn found(user: party::User) -> Answer {
    answer::found(user.version, User::from(user))
}
