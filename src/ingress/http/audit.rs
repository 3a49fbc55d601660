//! `/api/v1/audit`: who has done what.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Doors;
use super::answer::Answer;
use super::extract::QueryPairs;
use crate::service::lists;
use crate::wire::v1::audit::{AuditEntry, AuditList, AuditPage};
use crate::wire::v1::terms;

/// The route.
pub fn router() -> OpenApiRouter<Arc<Doors>> {
    OpenApiRouter::new().routes(routes!(list))
}

/// Lists who has done what, the latest first.
///
/// Each entry carries the hash of the one before it; `tollgate verify` checks the chain.
#[utoipa::path(
    get,
    path = "/api/v1/audit",
    tag = "Access",
    operation_id = "list_audit",
    params(
        ("cursor" = Option<terms::AuditNumber>, Query, description = "`next` of the page before."),
        ("limit" = Option<terms::PageSize>, Query, description = "Items of the page; 50 where it is absent."),
    ),
    responses(
        (status = 200, description = "A page.", body = AuditPage),
    ),
)]
async fn list(State(doors): State<Arc<Doors>>, QueryPairs(pairs): QueryPairs) -> Answer {
    let asked = AuditList::parse(&pairs)?;
    let mut found = doors.audit.list(asked.cursor, lists::rows(asked.limit)).await?;
    let next = lists::cut(&mut found, asked.limit).map(|last| last.number);
    let items = found.into_iter().map(AuditEntry::from).collect();
    Ok(Json(AuditPage { items, next }).into_response())
}
