//! `/api/v1/accounts`: accounts of either home.

use std::sync::Arc;

use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, Router};
use http::StatusCode;

use super::Doors;
use super::access::bound::Bound;
use super::answer::{self, Answer};
use super::body::JsonBody;
use super::extract::{Id, IdempotencyKey, IfMatch};
use crate::domain::id::AccountId;
use crate::domain::party;
use crate::wire::v1::account::{Account, Fund, PatchAccount};
use crate::wire::v1::movement::Movement;

/// The routes.
pub fn router() -> Router<Arc<Doors>> {
    Router::new()
        .route("/api/v1/accounts/{id}", get(read).patch(change))
        .route("/api/v1/accounts/{id}/fund", post(fund))
}

async fn read(Bound(service): Bound, Id(id): Id<AccountId>) -> Answer {
    found(service.account(id).await?)
}

async fn change(
    Bound(service): Bound,
    Id(id): Id<AccountId>,
    IfMatch(seen): IfMatch,
    JsonBody(body): JsonBody<PatchAccount>,
) -> Answer {
    found(service.change_limit_of(id, seen, body.parse()?).await?)
}

/// Puts money into the account, once for each idempotency key. Wallets are funded the same way.
pub(super) async fn fund(
    Bound(service): Bound,
    Id(id): Id<AccountId>,
    IdempotencyKey(key): IdempotencyKey,
    JsonBody(body): JsonBody<Fund>,
) -> Answer {
    let moved = service.fund(id, &key, body.parse()?).await?;
    Ok((StatusCode::CREATED, Json(Movement::from(&*moved))).into_response())
}

fn found(account: party::Account) -> Answer {
    answer::found(account.version, Account::from(account))
}
