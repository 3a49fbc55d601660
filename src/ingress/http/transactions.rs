//! `/api/v1/transactions`: what programs report for their books and reports, and what has become of
//! it. No money moves with it.

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
use super::answer::Answer;
use super::body::{JsonBody, NoBody};
use super::extract::{Id, QueryPairs};
use crate::domain::id::TransactionId;
use crate::service::ingest::Found;
use crate::service::lists;
use crate::wire::v1::transaction::{Accepted, CreateTransaction, Page, Transaction};
use crate::wire::v1::transaction_query::{NAME, TransactionList};
use crate::wire::v1::{query, terms};

/// The routes.
pub fn router() -> OpenApiRouter<Arc<Doors>> {
    OpenApiRouter::new().routes(routes!(create, list)).routes(routes!(read)).routes(routes!(retry))
}

/// Reports a transaction, for books and reports. No money moves with it.
#[utoipa::path(
    post,
    path = "/api/v1/transactions",
    tag = "Transactions",
    operation_id = "create_transaction",
    request_body(
        content = CreateTransaction,
        example = json!({
            "transaction_id": "t-0001",
            "card": "wren-0042",
            "amount": 1050,
            "currency": "EUR",
            "type": "purchase",
            "occurred_at": "2026-01-31T12:00:00Z",
            "merchant": {"mid": "m-1", "mcc": "5411"},
            "authorization": "purchase-0001",
            "metadata": {"cost_center": "7"},
        }),
    ),
    responses(
        (status = 202, description = "It is taken, and will be processed.", body = Accepted),
        (status = 200, description = "It was reported before, and the same.", body = Accepted),
        (status = 400, description = "card_number_found"),
        (status = 404, description = "not_found"),
        (status = 409, description = "transaction_id_reused"),
    ),
)]
async fn create(Bound(service): Bound, JsonBody(body): JsonBody<CreateTransaction>) -> Answer {
    let accepted = service.accept(body.parse()?).await?;
    let status = if accepted.repeated { StatusCode::OK } else { StatusCode::ACCEPTED };
    let (id, transaction_id) = (accepted.id, accepted.transaction_id);
    let body = Accepted { id, transaction_id, status: accepted.status };
    Ok((status, Json(body)).into_response())
}

/// Reads a reported transaction, with every attempt to process it.
#[utoipa::path(
    get,
    path = "/api/v1/transactions/{id}",
    tag = "Transactions",
    operation_id = "read_transaction",
    params(("id" = terms::TransactionId, Path)),
    responses(
        (status = 200, description = "The transaction.", body = Transaction),
    ),
)]
async fn read(Bound(service): Bound, Id(id): Id<TransactionId>) -> Answer {
    let (found, log) = service.transaction(id).await?;
    Ok(Json(shape(found).with_log(log)).into_response())
}

/// Lists reported transactions, the latest first.
#[utoipa::path(
    get,
    path = "/api/v1/transactions",
    tag = "Transactions",
    operation_id = "list_transactions",
    params(
        ("status" = Option<terms::TransactionStatus>, Query, description = "Processed ones where it is absent."),
        ("card" = Option<terms::Reference>, Query, description = "Of this card."),
        ("user" = Option<terms::Reference>, Query, description = "Of this user; of one that is not processed, by its card."),
        ("company" = Option<terms::CompanyId>, Query, description = "Of this company; of one that is not processed, by its card."),
        ("from" = Option<terms::Timestamp>, Query, description = "Not earlier than this."),
        ("to" = Option<terms::Timestamp>, Query, description = "Earlier than this."),
        ("amount_min" = Option<terms::AmountOrZero>, Query, description = "Not less than this, in minor units."),
        ("amount_max" = Option<terms::AmountOrZero>, Query, description = "Not more than this, in minor units."),
        ("cursor" = Option<terms::Cursor>, Query, description = "`next` of the page before."),
        ("limit" = Option<terms::PageSize>, Query, description = "Items of the page; 50 where it is absent."),
    ),
    responses(
        (status = 200, description = "A page.", body = Page<Transaction>),
        (status = 422, description = "not_supported"),
    ),
)]
async fn list(Bound(service): Bound, QueryPairs(pairs): QueryPairs) -> Answer {
    let mut asked = TransactionList::parse(&pairs)?;
    let limit = asked.limit;
    asked.limit = lists::rows(limit);
    let mut found = service.transactions(asked).await?;
    let next = lists::cut(&mut found, limit).map(|last| query::cursor(NAME, &last.cursor()));
    let items = found.into_iter().map(shape).collect();
    Ok(Json(Page::<Transaction> { items, next }).into_response())
}

/// Has a parked transaction processed again.
#[utoipa::path(
    post,
    path = "/api/v1/transactions/{id}/retry",
    tag = "Transactions",
    operation_id = "retry_transaction",
    params(("id" = terms::TransactionId, Path)),
    responses(
        (status = 202, description = "It will be processed again.", body = Transaction),
        (status = 409, description = "invalid_transition"),
    ),
)]
async fn retry(
    State(doors): State<Arc<Doors>>,
    Bound(service): Bound,
    record: Recorded,
    Id(id): Id<TransactionId>,
    _: NoBody,
) -> Answer {
    service.transaction(id).await?; // what is not there leaves no entry
    record.ahead(&doors).await?;
    let progress = service.ingest.retry(id).await?;
    Ok((StatusCode::ACCEPTED, Json(Transaction::from(progress))).into_response())
}

fn shape(found: Found) -> Transaction {
    match found {
        Found::Processed(found) => (*found).into(),
        Found::Unprocessed(found) => (*found).into(),
    }
}
