//! `/api/v1/spending-controls`.

use std::sync::Arc;

use axum::Router;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use http::StatusCode;

use super::Doors;
use super::access::bound::Bound;
use super::answer::{self, Answer};
use super::body::JsonBody;
use super::extract::{Id, QueryPairs};
use crate::domain::id::ControlId;
use crate::wire::v1::control::{Control, CreateControl};
use crate::wire::v1::lists::{CONTROLS, PolicyList};

/// The routes.
pub fn router() -> Router<Arc<Doors>> {
    Router::new()
        .route("/api/v1/spending-controls", post(create).get(list))
        .route("/api/v1/spending-controls/{id}", get(read).delete(delete))
}

async fn create(Bound(service): Bound, JsonBody(body): JsonBody<CreateControl>) -> Answer {
    let control = service.create_control(body.parse()?).await?;
    answer::created(control.version, Control::from(control))
}

async fn list(Bound(service): Bound, QueryPairs(pairs): QueryPairs) -> Answer {
    let listed = service.list_controls(PolicyList::parse(CONTROLS, &pairs)?).await?;
    answer::page(listed, Control::from)
}

async fn read(Bound(service): Bound, Id(id): Id<ControlId>) -> Answer {
    let control = service.control(id).await?;
    answer::found(control.version, Control::from(control))
}

async fn delete(Bound(service): Bound, Id(id): Id<ControlId>) -> Answer {
    service.delete_control(id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
