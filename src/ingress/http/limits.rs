//! `/api/v1/spending-limits`.

use std::sync::Arc;

use axum::Router;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use http::StatusCode;

use super::Doors;
use super::access::bound::Bound;
use super::answer::{self, Answer};
use super::body::JsonBody;
use super::extract::{Id, IfMatch, QueryPairs};
use crate::domain::id::LimitId;
use crate::domain::policy;
use crate::wire::v1::limit::{CreateLimit, Limit, PatchLimit};
use crate::wire::v1::lists::{LIMITS, PolicyList};

/// The routes.
pub fn router() -> Router<Arc<Doors>> {
    Router::new()
        .route("/api/v1/spending-limits", post(create).get(list))
        .route("/api/v1/spending-limits/{id}", get(read).patch(change).delete(delete))
}

async fn create(Bound(service): Bound, JsonBody(body): JsonBody<CreateLimit>) -> Answer {
    let limit = service.create_limit(body.parse()?).await?;
    answer::created(limit.version, Limit::from(limit))
}

async fn list(Bound(service): Bound, QueryPairs(pairs): QueryPairs) -> Answer {
    let listed = service.list_limits(PolicyList::parse(LIMITS, &pairs)?).await?;
    answer::page(listed, Limit::from)
}

async fn read(Bound(service): Bound, Id(id): Id<LimitId>) -> Answer {
    found(service.limit(id).await?)
}

async fn change(
    Bound(service): Bound,
    Id(id): Id<LimitId>,
    IfMatch(seen): IfMatch,
    JsonBody(body): JsonBody<PatchLimit>,
) -> Answer {
    found(service.change_limit(id, seen, body.parse()?).await?)
}

async fn delete(Bound(service): Bound, Id(id): Id<LimitId>) -> Answer {
    service.delete_limit(id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn found(limit: policy::Limit) -> Answer {
    answer::found(limit.version, Limit::from(limit))
}
