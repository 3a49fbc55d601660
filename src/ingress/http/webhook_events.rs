//! `/api/v1/webhook-events`: what has become of the card platform's notifications.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, Router};
use http::StatusCode;

use super::Doors;
use super::answer::Answer;
use super::extract::Id;
use super::problem::Problem;
use crate::domain::id::EventId;
use crate::wire::v1::webhook_event::{WebhookEvent, WebhookList, WebhookPage};

/// The routes.
pub fn router() -> Router<Arc<Doors>> {
    Router::new()
        .route("/api/v1/webhook-events", get(list))
        .route("/api/v1/webhook-events/{id}", get(read))
        .route("/api/v1/webhook-events/{id}/retry", post(retry))
}

async fn list(
    State(doors): State<Arc<Doors>>,
    pairs: Result<Query<Vec<(String, String)>>, QueryRejection>,
) -> Answer {
    let Query(pairs) = pairs.map_err(|_| {
        const DETAIL: &str = "the query is names and values, percent-encoded";
        Problem::new(StatusCode::BAD_REQUEST, "invalid_query", DETAIL)
    })?;
    let WebhookList { state, cursor, limit } = WebhookList::parse(&pairs)?;
    let found = doors.webhooks.handler.list(state, cursor, limit).await?;
    let full = found.len() >= usize::try_from(limit).unwrap_or(usize::MAX);
    let next = found.last().filter(|_| full).map(|last| last.id);
    let items = found.into_iter().map(WebhookEvent::from).collect();
    Ok(Json(WebhookPage { items, next }).into_response())
}

async fn read(State(doors): State<Arc<Doors>>, Id(id): Id<EventId>) -> Answer {
    let found = doors.webhooks.handler.find(id).await?;
    Ok(Json(WebhookEvent::from(found)).into_response())
}

async fn retry(State(doors): State<Arc<Doors>>, Id(id): Id<EventId>) -> Answer {
    let found = doors.webhooks.handler.retry(id).await?;
    Ok((StatusCode::ACCEPTED, Json(WebhookEvent::from(found))).into_response())
}
