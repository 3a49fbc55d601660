//! `/api/v1/users`: the users of companies.

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Doors;
use super::access::bound::Bound;
use super::answer::{self, Answer};
use super::body::JsonBody;
use super::extract::{Id, IfMatch};
use crate::domain::id::Home;
use crate::domain::party;
use crate::domain::token::Token;
use crate::wire::v1::terms;
use crate::wire::v1::user::{CreateUser, PatchUser, User};

/// The routes.
pub fn router() -> OpenApiRouter<Arc<Doors>> {
    OpenApiRouter::new().routes(routes!(create)).routes(routes!(read, change))
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
        (status = 409, description = "token_taken"),
    ),
)]
async fn create(Bound(service): Bound, JsonBody(body): JsonBody<CreateUser>) -> Answer {
    let user = service.create_user(body.parse()?).await?;
    answer::created(user.version, User::from(user))
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
