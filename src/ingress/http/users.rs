//! `/api/v1/users`: the users of companies.

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
use crate::wire::v1::lists::UserList;
use crate::wire::v1::user::{CreateUser, PatchUser, User};

/// The routes.
pub fn router() -> Router<Arc<Doors>> {
    Router::new()
        .route("/api/v1/users", post(create).get(list))
        .route("/api/v1/users/{id}", get(read).patch(change))
}

async fn create(Bound(service): Bound, JsonBody(body): JsonBody<CreateUser>) -> Answer {
    let user = service.create_user(body.parse()?).await?;
    answer::created(user.version, User::from(user))
}

async fn list(Bound(service): Bound, QueryPairs(pairs): QueryPairs) -> Answer {
    let listed = service.list_users(Home::Business, UserList::parse(&pairs)?).await?;
    answer::page(listed, User::from)
}

async fn read(Bound(service): Bound, Id(id): Id<Token>) -> Answer {
    found(service.user(Home::Business, &id).await?)
}

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
