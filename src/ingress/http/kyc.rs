//! `/api/v1/personal/kyc`: what people have submitted, and what came of it.

use std::sync::Arc;

use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, Router};

use super::Doors;
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

async fn submit(State(doors): State<Arc<Doors>>, JsonBody(body): JsonBody<SubmitKyc>) -> Answer {
    let record = doors.service.submit_kyc(body.parse()?).await?;
    answer::created(record.version, Kyc::from(record))
}

async fn list(State(doors): State<Arc<Doors>>, QueryPairs(pairs): QueryPairs) -> Answer {
    answer::page(doors.service.list_kyc(KycList::parse(&pairs)?).await?, Kyc::from)
}

async fn read(State(doors): State<Arc<Doors>>, Id(id): Id<KycId>) -> Answer {
    found(doors.service.kyc(id).await?)
}

async fn approve(
    State(doors): State<Arc<Doors>>,
    Id(id): Id<KycId>,
    JsonBody(ApproveKyc {}): JsonBody<ApproveKyc>,
) -> Answer {
    found(doors.service.approve_kyc(id).await?)
}

async fn reject(
    State(doors): State<Arc<Doors>>,
    Id(id): Id<KycId>,
    JsonBody(body): JsonBody<RejectKyc>,
) -> Answer {
    found(doors.service.reject_kyc(id, body.parse()?).await?)
}

async fn standing(State(doors): State<Arc<Doors>>, Id(id): Id<Token>) -> Answer {
    Ok(Json(doors.service.kyc_of(&id).await?).into_response())
}

fn found(record: KycRecord) -> Answer {
    answer::found(record.version, Kyc::from(record))
}
