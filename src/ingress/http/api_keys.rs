//! `/api/v1/api-keys`: keys of these routes.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, Router};
use http::StatusCode;

use super::Doors;
use super::access::Recorded;
use super::answer::Answer;
use super::body::JsonBody;
use super::extract::{Id, query};
use crate::domain::access::Caller;
use crate::domain::id::ApiKeyId;
use crate::wire::v1::api_key::{ApiKey, ApiKeyList, ApiKeyPage, CreateApiKey, IssuedApiKey};

/// The routes.
pub fn router() -> Router<Arc<Doors>> {
    Router::new()
        .route("/api/v1/api-keys", post(issue).get(list))
        .route("/api/v1/api-keys/{id}", get(read))
        .route("/api/v1/api-keys/{id}/revoke", post(revoke))
}

/// The one answer that holds the secret.
async fn issue(
    State(doors): State<Arc<Doors>>,
    caller: Caller,
    Recorded(record): Recorded,
    JsonBody(body): JsonBody<CreateApiKey>,
) -> Answer {
    let (key, known) = doors.keys.issue(&caller, body.parse()?, record).await?;
    let body = IssuedApiKey { key, known: known.into() };
    Ok((StatusCode::CREATED, Json(body)).into_response())
}

async fn list(
    State(doors): State<Arc<Doors>>,
    caller: Caller,
    pairs: Result<Query<Vec<(String, String)>>, QueryRejection>,
) -> Answer {
    let asked = ApiKeyList::parse(&query(pairs)?)?;
    let found = doors.keys.list(&caller, asked.cursor, asked.limit).await?;
    let full = found.len() >= usize::try_from(asked.limit).unwrap_or(usize::MAX);
    let next = found.last().filter(|_| full).map(|last| last.id);
    let items = found.into_iter().map(ApiKey::from).collect();
    Ok(Json(ApiKeyPage { items, next }).into_response())
}

async fn read(State(doors): State<Arc<Doors>>, caller: Caller, Id(id): Id<ApiKeyId>) -> Answer {
    Ok(Json(ApiKey::from(doors.keys.find(&caller, id).await?)).into_response())
}

async fn revoke(
    State(doors): State<Arc<Doors>>,
    caller: Caller,
    Recorded(record): Recorded,
    Id(id): Id<ApiKeyId>,
) -> Answer {
    Ok(Json(ApiKey::from(doors.keys.revoke(&caller, id, record).await?)).into_response())
}
