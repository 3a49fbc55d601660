//! `/api/v1/postings`: what has no authorization before it.

use std::sync::Arc;

use axum::Router;
use axum::routing::post;
use http::StatusCode;

use super::Doors;
use super::access::bound::Bound;
use super::answer::Answer;
use super::authorizations::answer;
use super::body::JsonBody;
use super::extract::Arrival;
use crate::wire::v1::posting::CreatePosting;

/// The routes.
pub fn router() -> Router<Arc<Doors>> {
    Router::new().route("/api/v1/postings", post(create))
}

async fn create(
    Bound(service): Bound,
    Arrival(received): Arrival,
    JsonBody(body): JsonBody<CreatePosting>,
) -> Answer {
    answer(service.post(body.parse()?, received).await?, StatusCode::CREATED)
}
