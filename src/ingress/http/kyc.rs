//! `/api/v1/personal/kyc`: what people have submitted, and what came of it.

use std::sync::Arc;

use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, Router};

use super::Doors;
use super::access::bound::Bound;
use super::answer::{self, Answer};
use super::body::JsonBody;
use super::extract::{Id, QueryPairs};
use crate::domain::id::KycId;
use crate::domain::kyc::KycRecord;
use crate::domain::token::Token;
use crate::wire::v1::kyc::{ApproveKyc, Kyc, KycList, RejectKyc, SubmitKyc};

/// The routes.
pub fn router() -> Router<Arc<Doors>> {
    Router::new()
        .route("/api/v1/personal/kyc", post(submit).get(list))
        .route("/api/v1/personal/kyc/{id}", get(read))
        .route("/api/v1/personal/kyc/{id}/approve", post(approve))
        .route("/api/v1/personal/kyc/{id}/reject", post(reject))
        .route("/api/v1/personal/users/{id}/kyc", get(standing))
}

async fn submit(Bound(service): Bound, JsonBody(body): JsonBody<SubmitKyc>) -> Answer {
    let record = service.submit_kyc(body.parse()?).await?;
    answer::created(record.version, Kyc::from(record))
}

async fn list(Bound(service): Bound, QueryPairs(pairs): QueryPairs) -> Answer {
    answer::page(service.list_kyc(KycList::parse(&pairs)?).await?, Kyc::from)
}

async fn read(Bound(service): Bound, Id(id): Id<KycId>) -> Answer {
    found(service.kyc(id).await?)
}

async fn approve(
    Bound(service): Bound,
    Id(id): Id<KycId>,
    JsonBody(ApproveKyc {}): JsonBody<ApproveKyc>,
) -> Answer {
    found(service.approve_kyc(id).await?)
}

async fn reject(
    Bound(service): Bound,
    Id(id): Id<KycId>,
    JsonBody(body): JsonBody<RejectKyc>,
) -> Answer {
    found(service.reject_kyc(id, body.parse()?).await?)
}

async fn standing(Bound(service): Bound, Id(id): Id<Token>) -> Answer {
    Ok(Json(service.kyc_of(&id).await?).into_response())
}

fn found(record: KycRecord) -> Answer {
    answer::found(record.version, Kyc::from(record))
}
