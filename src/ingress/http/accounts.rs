//! `/api/v1/accounts`: accounts of either home.

use std::sync::Arc;

use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, Router};
use http::StatusCode;

use super::Doors;
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

async fn list(State(doors): State<Arc<Doors>>, QueryPairs(pairs): QueryPairs) -> Answer {
    let listed = doors.service.list_accounts(AccountList::parse(&pairs)?).await?;
    answer::page(listed, Account::from)
}

async fn read(State(doors): State<Arc<Doors>>, Id(id): Id<AccountId>) -> Answer {
    found(doors.service.account(id).await?)
}

async fn history(
    State(doors): State<Arc<Doors>>,
    Id(id): Id<AccountId>,
    QueryPairs(pairs): QueryPairs,
) -> Answer {
    let listed = doors.service.account_history(id, lists::history(&pairs)?).await?;
    answer::page(listed, Posting::from)
}

async fn change(
    State(doors): State<Arc<Doors>>,
    Id(id): Id<AccountId>,
    IfMatch(seen): IfMatch,
    JsonBody(body): JsonBody<PatchAccount>,
) -> Answer {
    found(doors.service.change_limit_of(id, seen, body.parse()?).await?)
}

/// Puts money into the account, once for each idempotency key. Wallets are funded the same way.
pub(super) async fn fund(
    State(doors): State<Arc<Doors>>,
    Id(id): Id<AccountId>,
    IdempotencyKey(key): IdempotencyKey,
    JsonBody(body): JsonBody<Fund>,
) -> Answer {
    let moved = doors.service.fund(id, &key, body.parse()?).await?;
    Ok((StatusCode::CREATED, Json(Movement::from(&*moved))).into_response())
}

fn found(account: party::Account) -> Answer {
    answer::found(account.version, Account::from(account))
}
