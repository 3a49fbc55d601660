//! `/api/v1/api-keys`: keys of these routes.

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
use super::body::{JsonBody, NoBody};
use super::extract::{Id, QueryPairs};
use crate::domain::access::Caller;
use crate::domain::id::ApiKeyId;
use crate::service::lists;
use crate::wire::v1::api_key::{ApiKey, ApiKeyList, ApiKeyPage, CreateApiKey, IssuedApiKey};
use crate::wire::v1::terms;

/// The routes.
pub fn router() -> OpenApiRouter<Arc<Doors>> {
    OpenApiRouter::new().routes(routes!(issue, list)).routes(routes!(read)).routes(routes!(revoke))
}

/// Issues a key. This answer is the only one that shows it.
///
/// A key has none but its issuer's scopes, and is bound to the issuer's company, if there is one.
#[utoipa::path(
    post,
    path = "/api/v1/api-keys",
    tag = "Access",
    operation_id = "issue_api_key",
    request_body(content = CreateApiKey),
    responses(
        (status = 201, description = "The key, in full.", body = IssuedApiKey),
        (status = 404, description = "not_found"),
    ),
)]
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

/// Lists keys, the latest first.
#[utoipa::path(
    get,
    path = "/api/v1/api-keys",
    tag = "Access",
    operation_id = "list_api_keys",
    params(
        ("cursor" = Option<terms::ApiKeyId>, Query, description = "`next` of the page before."),
        ("limit" = Option<terms::PageSize>, Query, description = "Items of the page; 50 where it is absent."),
    ),
    responses(
        (status = 200, description = "A page.", body = ApiKeyPage),
    ),
)]
async fn list(
    State(doors): State<Arc<Doors>>,
    caller: Caller,
    QueryPairs(pairs): QueryPairs,
) -> Answer {
    let asked = ApiKeyList::parse(&pairs)?;
    let rows_max = lists::rows(asked.limit);
    let mut found = doors.keys.list(&caller, asked.cursor, rows_max).await?;
    let next = lists::cut(&mut found, asked.limit).map(|last| last.id);
    let items = found.into_iter().map(ApiKey::from).collect();
    Ok(Json(ApiKeyPage { items, next }).into_response())
}

/// Reads what is known of a key.
#[utoipa::path(
    get,
    path = "/api/v1/api-keys/{id}",
    tag = "Access",
    operation_id = "read_api_key",
    params(
        ("id" = terms::ApiKeyId, Path),
    ),
    responses(
        (status = 200, description = "The key, without its secret.", body = ApiKey),
    ),
)]
async fn read(State(doors): State<Arc<Doors>>, caller: Caller, Id(id): Id<ApiKeyId>) -> Answer {
    Ok(Json(ApiKey::from(doors.keys.find(&caller, id).await?)).into_response())
}

/// Revokes a key: from now on it opens nothing.
#[utoipa::path(
    post,
    path = "/api/v1/api-keys/{id}/revoke",
    tag = "Access",
    operation_id = "revoke_api_key",
    params(
        ("id" = terms::ApiKeyId, Path),
    ),
    responses(
        (status = 200, description = "The key.", body = ApiKey),
    ),
)]
async fn revoke(
    State(doors): State<Arc<Doors>>,
    caller: Caller,
    Recorded(record): Recorded,
    Id(id): Id<ApiKeyId>,
    _: NoBody,
) -> Answer {
    Ok(Json(ApiKey::from(doors.keys.revoke(&caller, id, record).await?)).into_response())
}
