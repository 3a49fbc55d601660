//! `/api/v1/webhook-events`: what has become of the card platform's notifications.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Doors;
use super::access::Recorded;
use super::answer::Answer;
use super::body::NoBody;
use super::extract::{Id, QueryPairs};
use crate::domain::id::EventId;
use crate::service::lists;
use crate::wire::v1::terms;
use crate::wire::v1::webhook_event::{WebhookEvent, WebhookList, WebhookPage};

/// The routes.
pub fn router() -> OpenApiRouter<Arc<Doors>> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(read)).routes(routes!(retry))
}

/// Lists what the card platform has notified of, the latest first.
#[utoipa::path(
    get,
    path = "/api/v1/webhook-events",
    tag = "Operations",
    operation_id = "list_webhook_events",
    params(
        ("state" = Option<terms::WebhookState>, Query, description = "In this state."),
        ("cursor" = Option<terms::EventId>, Query, description = "`next` of the page before."),
        ("limit" = Option<terms::PageSize>, Query, description = "Items of the page; 50 where it is absent."),
    ),
    responses(
        (status = 200, description = "A page.", body = WebhookPage),
    ),
)]
async fn list(State(doors): State<Arc<Doors>>, QueryPairs(pairs): QueryPairs) -> Answer {
    let WebhookList { state, cursor, limit } = WebhookList::parse(&pairs)?;
    let mut found = doors.webhooks.handler.list(state, cursor, lists::rows(limit)).await?;
    let next = lists::cut(&mut found, limit).map(|last| last.id);
    let items = found.into_iter().map(WebhookEvent::from).collect();
    Ok(Json(WebhookPage { items, next }).into_response())
}

/// Reads what has become of a notification. Never its body.
#[utoipa::path(
    get,
    path = "/api/v1/webhook-events/{id}",
    tag = "Operations",
    operation_id = "read_webhook_event",
    params(
        ("id" = terms::EventId, Path),
    ),
    responses(
        (status = 200, description = "The notification.", body = WebhookEvent),
    ),
)]
async fn read(State(doors): State<Arc<Doors>>, Id(id): Id<EventId>) -> Answer {
    let found = doors.webhooks.handler.find(id).await?;
    Ok(Json(WebhookEvent::from(found)).into_response())
}

/// Has a parked notification applied again.
#[utoipa::path(
    post,
    path = "/api/v1/webhook-events/{id}/retry",
    tag = "Operations",
    operation_id = "retry_webhook_event",
    params(
        ("id" = terms::EventId, Path),
    ),
    responses(
        (status = 202, description = "It will be applied again.", body = WebhookEvent),
        (status = 409, description = "invalid_transition"),
    ),
)]
async fn retry(
    State(doors): State<Arc<Doors>>,
    record: Recorded,
    Id(id): Id<EventId>,
    _: NoBody,
) -> Answer {
    doors.webhooks.handler.find(id).await?; // what is not there leaves no entry
    record.ahead(&doors).await?;
    let found = doors.webhooks.handler.retry(id).await?;
    Ok((StatusCode::ACCEPTED, Json(WebhookEvent::from(found))).into_response())
}
