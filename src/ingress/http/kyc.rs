//! `/api/v1/personal/kyc`: what people have submitted, and what came of it.

use std::sync::Arc;

use axum::Json;
use axum::response::IntoResponse;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Doors;
use super::access::bound::Bound;
use super::answer::{self, Answer};
use super::body::JsonBody;
use super::extract::{Id, QueryPairs};
use crate::domain::id::KycId;
use crate::domain::kyc::KycRecord;
use crate::domain::token::Token;
use crate::wire::v1::kyc::{ApproveKyc, Kyc, KycList, RejectKyc, Standing, SubmitKyc};
use crate::wire::v1::terms;
use crate::wire::v1::transaction::Page;

/// The routes.
pub fn router() -> OpenApiRouter<Arc<Doors>> {
    OpenApiRouter::new()
        .routes(routes!(submit, list))
        .routes(routes!(read))
        .routes(routes!(approve))
        .routes(routes!(reject))
        .routes(routes!(standing))
}

/// Submits what a person shows to be allowed to spend more. The documents stay with the program.
#[utoipa::path(
    post,
    path = "/api/v1/personal/kyc",
    tag = "Personal",
    operation_id = "submit_kyc",
    request_body(content = SubmitKyc),
    responses(
        (status = 201, description = "The submission.", body = Kyc),
        (status = 404, description = "not_found"),
        (status = 409, description = "invalid_transition"),
    ),
)]
async fn submit(Bound(service): Bound, JsonBody(body): JsonBody<SubmitKyc>) -> Answer {
    let record = service.submit_kyc(body.parse()?).await?;
    answer::created(record.version, Kyc::from(record))
}

/// Lists submissions, the latest first.
#[utoipa::path(
    get,
    path = "/api/v1/personal/kyc",
    tag = "Personal",
    operation_id = "list_kyc",
    params(
        ("user" = Option<terms::Reference>, Query, description = "Of this person."),
        ("status" = Option<terms::KycStatus>, Query, description = "In this state."),
        ("cursor" = Option<terms::Cursor>, Query, description = "`next` of the page before."),
        ("limit" = Option<terms::PageSize>, Query, description = "Items of the page; 50 where it is absent."),
    ),
    responses(
        (status = 200, description = "A page.", body = Page<Kyc>),
    ),
)]
async fn list(Bound(service): Bound, QueryPairs(pairs): QueryPairs) -> Answer {
    answer::page(service.list_kyc(KycList::parse(&pairs)?).await?, Kyc::from)
}

/// Reads a submission.
#[utoipa::path(
    get,
    path = "/api/v1/personal/kyc/{id}",
    tag = "Personal",
    operation_id = "read_kyc",
    params(("id" = terms::KycId, Path)),
    responses(
        (status = 200, description = "The submission.", body = Kyc),
    ),
)]
async fn read(Bound(service): Bound, Id(id): Id<KycId>) -> Answer {
    found(service.kyc(id).await?)
}

/// Gives the person the tier: sets the monthly limit, and ends their being unverified.
#[utoipa::path(
    post,
    path = "/api/v1/personal/kyc/{id}/approve",
    tag = "Personal",
    operation_id = "approve_kyc",
    params(("id" = terms::KycId, Path)),
    request_body(content = ApproveKyc),
    responses(
        (status = 200, description = "The submission.", body = Kyc),
        (status = 409, description = "invalid_transition"),
        (status = 422, description = "not_supported"),
    ),
)]
async fn approve(
    Bound(service): Bound,
    Id(id): Id<KycId>,
    JsonBody(ApproveKyc {}): JsonBody<ApproveKyc>,
) -> Answer {
    found(service.approve_kyc(id).await?)
}

/// Refuses the tier. What the person had before stays.
#[utoipa::path(
    post,
    path = "/api/v1/personal/kyc/{id}/reject",
    tag = "Personal",
    operation_id = "reject_kyc",
    params(("id" = terms::KycId, Path)),
    request_body(content = RejectKyc),
    responses(
        (status = 200, description = "The submission.", body = Kyc),
        (status = 409, description = "invalid_transition"),
    ),
)]
async fn reject(
    Bound(service): Bound,
    Id(id): Id<KycId>,
    JsonBody(body): JsonBody<RejectKyc>,
) -> Answer {
    found(service.reject_kyc(id, body.parse()?).await?)
}

/// Reads where a person stands: their tier, and what it lets them spend.
#[utoipa::path(
    get,
    path = "/api/v1/personal/users/{id}/kyc",
    tag = "Personal",
    operation_id = "read_kyc_standing",
    params(("id" = terms::Reference, Path)),
    responses(
        (status = 200, description = "Where the person stands.", body = Standing),
    ),
)]
async fn standing(Bound(service): Bound, Id(id): Id<Token>) -> Answer {
    Ok(Json(service.kyc_of(&id).await?).into_response())
}

fn found(record: KycRecord) -> Answer {
    answer::found(record.version, Kyc::from(record))
}
