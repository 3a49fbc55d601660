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
use super::extract::{Id, IdempotencyKey, IfMatch, QueryPairs};
use crate::domain::id::AccountId;
use crate::domain::party;
use crate::wire::v1::account::{Account, Fund, PatchAccount};
use crate::wire::v1::lists::{self, AccountList};
use crate::wire::v1::movement::Movement;
use crate::wire::v1::posting::Posting;

/// The routes.
pub fn router() -> Router<Arc<Doors>> {
    Router::new()
        .route("/api/v1/accounts", get(list))
        .route("/api/v1/accounts/{id}", get(read).patch(change))
        .route("/api/v1/accounts/{id}/history", get(history))
        .route("/api/v1/accounts/{id}/fund", post(fund))
}

async fn list(Bound(service): Bound, QueryPairs(pairs): QueryPairs) -> Answer {
    let listed = service.list_accounts(AccountList::parse(&pairs)?).await?;
    answer::page(listed, Account::from)
}

async fn read(Bound(service): Bound, Id(id): Id<AccountId>) -> Answer {
    found(service.account(id).await?)
}

async fn history(
    Bound(service): Bound,
    Id(id): Id<AccountId>,
    QueryPairs(pairs): QueryPairs,
) -> Answer {
    let listed = service.account_history(id, lists::history(&pairs)?).await?;
    answer::page(listed, Posting::from)
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
