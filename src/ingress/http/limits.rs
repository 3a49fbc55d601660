//! `/api/v1/spending-limits`.

use std::sync::Arc;

use axum::response::IntoResponse;
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Doors;
use super::access::bound::Bound;
use super::answer::{self, Answer};
use super::body::{JsonBody, NoBody};
use super::extract::{Id, IfMatch, QueryPairs};
use crate::domain::id::LimitId;
use crate::domain::policy;
use crate::wire::v1::limit::{CreateLimit, Limit, PatchLimit};
use crate::wire::v1::lists::{LIMITS, PolicyList};
use crate::wire::v1::terms;
use crate::wire::v1::transaction::Page;

/// The routes.
pub fn router() -> OpenApiRouter<Arc<Doors>> {
    OpenApiRouter::new().routes(routes!(create, list)).routes(routes!(read, change, delete))
}

/// Creates a spending limit.
///
/// A new limit counts what the current window has seen already.
#[utoipa::path(
    post,
    path = "/api/v1/spending-limits",
    tag = "Spending limits",
    operation_id = "create_limit",
    request_body(
        content = CreateLimit,
        example = json!({
            "scope": "program",
            "window": "day",
            "amount": 100000,
            "count": 20,
            "mode": "cap",
            "merchant": {"mcc": "5411"},
        }),
    ),
    responses(
        (status = 201, description = "The limit.", body = Limit),
        (status = 404, description = "not_found"),
        (status = 422, description = "limit_conflict not_supported"),
    ),
)]
async fn create(Bound(service): Bound, JsonBody(body): JsonBody<CreateLimit>) -> Answer {
    let limit = service.create_limit(body.parse()?).await?;
    answer::created(limit.version, Limit::from(limit))
}

/// Lists spending limits, the latest first.
#[utoipa::path(
    get,
    path = "/api/v1/spending-limits",
    tag = "Spending limits",
    operation_id = "list_limits",
    params(
        ("company" = Option<terms::CompanyId>, Query, description = "That bind this company, its users or its cards."),
        ("scope" = Option<terms::ScopeKind>, Query, description = "That bind this kind."),
        ("scope_id" = Option<terms::Reference>, Query, description = "That bind this very one; needs `scope` beside it."),
        ("cursor" = Option<terms::Cursor>, Query, description = "`next` of the page before."),
        ("limit" = Option<terms::PageSize>, Query, description = "Items of the page; 50 where it is absent."),
    ),
    responses(
        (status = 200, description = "A page.", body = Page<Limit>),
    ),
)]
async fn list(Bound(service): Bound, QueryPairs(pairs): QueryPairs) -> Answer {
    let listed = service.list_limits(PolicyList::parse(LIMITS, &pairs)?).await?;
    answer::page(listed, Limit::from)
}

/// Reads a spending limit.
#[utoipa::path(
    get,
    path = "/api/v1/spending-limits/{id}",
    tag = "Spending limits",
    operation_id = "read_limit",
    params(("id" = terms::LimitId, Path)),
    responses(
        (status = 200, description = "The limit.", body = Limit),
    ),
)]
async fn read(Bound(service): Bound, Id(id): Id<LimitId>) -> Answer {
    found(service.limit(id).await?)
}

/// Changes the amount or the count of a limit; it keeps one of them at least.
///
/// Over a longer window no less may be allowed than over a shorter one of the same owner, currency and
/// merchants. The limit of a KYC tier changes with the tier alone.
#[utoipa::path(
    patch,
    path = "/api/v1/spending-limits/{id}",
    tag = "Spending limits",
    operation_id = "change_limit",
    params(("id" = terms::LimitId, Path), ("If-Match" = terms::VersionTag, Header)),
    request_body(content = PatchLimit),
    responses(
        (status = 200, description = "The limit.", body = Limit),
        (status = 409, description = "limit_of_tier"),
        (status = 422, description = "limit_conflict"),
    ),
)]
async fn change(
    Bound(service): Bound,
    Id(id): Id<LimitId>,
    IfMatch(seen): IfMatch,
    JsonBody(body): JsonBody<PatchLimit>,
) -> Answer {
    found(service.change_limit(id, seen, body.parse()?).await?)
}

/// Takes a limit away. That of a KYC tier stays.
#[utoipa::path(
    delete,
    path = "/api/v1/spending-limits/{id}",
    tag = "Spending limits",
    operation_id = "delete_limit",
    params(("id" = terms::LimitId, Path)),
    responses(
        (status = 204, description = "It is gone."),
        (status = 409, description = "limit_of_tier"),
    ),
)]
async fn delete(Bound(service): Bound, Id(id): Id<LimitId>, _: NoBody) -> Answer {
    service.delete_limit(id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn found(limit: policy::Limit) -> Answer {
    answer::found(limit.version, Limit::from(limit))
}
