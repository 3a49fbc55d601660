//! `/api/v1/transactions`: what programs report for their books and reports, and what has become of
//! it. No money moves with it.

use std::sync::Arc;

use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, Router};
use http::StatusCode;

use super::Doors;
use super::access::bound::Bound;
use super::answer::Answer;
use super::body::JsonBody;
use super::extract::{Id, QueryPairs};
use crate::domain::id::TransactionId;
use crate::service::ingest::Found;
use crate::wire::v1::query;
use crate::wire::v1::transaction::{Accepted, CreateTransaction, Page, Transaction};
use crate::wire::v1::transaction_query::{NAME, TransactionList};

/// The routes.
pub fn router() -> Router<Arc<Doors>> {
    Router::new()
        .route("/api/v1/transactions", post(create).get(list))
        .route("/api/v1/transactions/{id}", get(read))
        .route("/api/v1/transactions/{id}/retry", post(retry))
}

/// 202 at first, 200 for every repeat.
async fn create(Bound(service): Bound, JsonBody(body): JsonBody<CreateTransaction>) -> Answer {
    let accepted = service.accept(body.parse()?).await?;
    let status = if accepted.repeated { StatusCode::OK } else { StatusCode::ACCEPTED };
    let (id, transaction_id) = (accepted.id, accepted.transaction_id);
    let body = Accepted { id, transaction_id, status: accepted.status };
    Ok((status, Json(body)).into_response())
}

async fn read(Bound(service): Bound, Id(id): Id<TransactionId>) -> Answer {
    let (found, log) = service.transaction(id).await?;
    Ok(Json(shape(found).with_log(log)).into_response())
}

async fn list(Bound(service): Bound, QueryPairs(pairs): QueryPairs) -> Answer {
    let asked = TransactionList::parse(&pairs)?;
    let full = usize::try_from(asked.limit).unwrap_or(usize::MAX);
    let found = service.transactions(asked).await?;
    let last = found.last().filter(|_| found.len() >= full);
    let next = last.map(|last| query::cursor(NAME, &last.cursor()));
    let items = found.into_iter().map(shape).collect();
    Ok(Json(Page::<Transaction> { items, next }).into_response())
}

async fn retry(Bound(service): Bound, Id(id): Id<TransactionId>) -> Answer {
    let progress = service.ingest.retry(id).await?;
    Ok((StatusCode::ACCEPTED, Json(Transaction::from(progress))).into_response())
}

fn shape(found: Found) -> Transaction {
    match found {
        Found::Processed(found) => (*found).into(),
        Found::Unprocessed(found) => (*found).into(),
    }
}
