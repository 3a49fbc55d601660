//! `/api/v1/accounts`: accounts of either home.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Doors;
use super::access::Recorded;
use super::access::bound::Bound;
use super::answer::{self, Answer};
use super::body::JsonBody;
use super::extract::{Id, IdempotencyKey, IfMatch, QueryPairs};
use crate::domain::access::Caller;
use crate::domain::id::AccountId;
use crate::domain::party;
use crate::service::error::Error;
use crate::wire::v1::account::{Account, Fund, PatchAccount};
use crate::wire::v1::lists::{self, AccountList};
use crate::wire::v1::movement::Movement;
use crate::wire::v1::posting::Posting;
use crate::wire::v1::terms;
use crate::wire::v1::transaction::Page;

/// The routes.
pub fn router() -> OpenApiRouter<Arc<Doors>> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(read, change))
        .routes(routes!(history))
        .routes(routes!(fund))
}

/// Lists accounts of companies, the latest first.
#[utoipa::path(
    get,
    path = "/api/v1/accounts",
    tag = "Accounts",
    operation_id = "list_accounts",
    params(
        ("company" = Option<terms::CompanyId>, Query, description = "Of this company."),
        ("cursor" = Option<terms::Cursor>, Query, description = "`next` of the page before."),
        ("limit" = Option<terms::PageSize>, Query, description = "Items of the page; 50 where it is absent."),
    ),
    responses(
        (status = 200, description = "A page.", body = Page<Account>),
    ),
)]
async fn list(Bound(service): Bound, QueryPairs(pairs): QueryPairs) -> Answer {
    let listed = service.list_accounts(AccountList::parse(&pairs)?).await?;
    answer::page(listed, Account::from)
}

/// Reads an account of either home, with its balances.
#[utoipa::path(
    get,
    path = "/api/v1/accounts/{id}",
    tag = "Accounts",
    operation_id = "read_account",
    params(("id" = terms::AccountId, Path)),
    responses(
        (status = 200, description = "The account.", body = Account),
    ),
)]
async fn read(Bound(service): Bound, Id(id): Id<AccountId>) -> Answer {
    found(service.account(id).await?)
}

/// Reads what has moved on an account, the latest first.
#[utoipa::path(
    get,
    path = "/api/v1/accounts/{id}/history",
    tag = "Accounts",
    operation_id = "read_account_history",
    params(
        ("id" = terms::AccountId, Path),
        ("cursor" = Option<terms::Cursor>, Query, description = "`next` of the page before."),
        ("limit" = Option<terms::PageSize>, Query, description = "Items of the page; 50 where it is absent."),
    ),
    responses(
        (status = 200, description = "A page.", body = Page<Posting>),
    ),
)]
async fn history(
    Bound(service): Bound,
    Id(id): Id<AccountId>,
    QueryPairs(pairs): QueryPairs,
) -> Answer {
    let listed = service.account_history(id, lists::history(&pairs)?).await?;
    answer::page(listed, Posting::from)
}

/// Changes the credit granted to an account.
///
/// A limit below what is held and posted is taken; no purchase is approved until the sum is back under it.
/// Credit is the program's to grant: a caller that is bound to a company may not change it.
#[utoipa::path(
    patch,
    path = "/api/v1/accounts/{id}",
    tag = "Accounts",
    operation_id = "change_account",
    params(("id" = terms::AccountId, Path), ("If-Match" = terms::VersionTag, Header)),
    request_body(content = PatchAccount),
    responses(
        (status = 200, description = "The account.", body = Account),
        (status = 422, description = "amount_out_of_range"),
    ),
)]
async fn change(
    State(doors): State<Arc<Doors>>,
    Bound(service): Bound,
    record: Recorded,
    Id(id): Id<AccountId>,
    IfMatch(seen): IfMatch,
    JsonBody(body): JsonBody<PatchAccount>,
) -> Answer {
    let limit = body.parse()?;
    // What is refused at sight leaves no entry. The lane looks again.
    if service.account(id).await?.version != seen {
        return Err(Error::VersionConflict.into());
    }
    record.ahead(&doors).await?;
    found(service.change_limit_of(id, seen, limit).await?)
}

/// Puts money into an account, once for each idempotency key.
#[utoipa::path(
    post,
    path = "/api/v1/accounts/{id}/fund",
    tag = "Accounts",
    operation_id = "fund_account",
    params(
        ("id" = terms::AccountId, Path),
        ("Idempotency-Key" = terms::IdempotencyKeyText, Header),
    ),
    request_body(content = Fund),
    responses(
        (
            status = 201,
            description = "What was moved. A repeat is answered the same.",
            body = Movement,
        ),
        (status = 409, description = "invalid_transition"),
        (status = 422, description = "currency_mismatch amount_out_of_range"),
    ),
)]
pub(super) async fn fund(
    State(doors): State<Arc<Doors>>,
    Bound(service): Bound,
    record: Recorded,
    caller: Caller,
    Id(id): Id<AccountId>,
    IdempotencyKey(key): IdempotencyKey,
    JsonBody(body): JsonBody<Fund>,
) -> Answer {
    let amount = body.parse()?;
    service.account(id).await?; // what is not there leaves no entry
    record.ahead(&doors).await?;
    let moved = service.fund(id, &caller.key, &key, amount).await?;
    Ok((StatusCode::CREATED, Json(Movement::from(&*moved))).into_response())
}

fn found(account: party::Account) -> Answer {
    answer::found(account.version, Account::from(account))
}
