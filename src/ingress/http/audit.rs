//! `/api/v1/audit`: who has done what.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};

use super::Doors;
use super::answer::Answer;
use super::extract::query;
use crate::wire::v1::audit::{AuditEntry, AuditList, AuditPage};

/// The route.
pub fn router() -> Router<Arc<Doors>> {
    Router::new().route("/api/v1/audit", get(list))
}

async fn list(
    State(doors): State<Arc<Doors>>,
    pairs: Result<Query<Vec<(String, String)>>, QueryRejection>,
) -> Answer {
    let asked = AuditList::parse(&query(pairs)?)?;
    let found = doors.audit.list(asked.cursor, asked.limit).await?;
    let full = found.len() >= usize::try_from(asked.limit).unwrap_or(usize::MAX);
    let next = found.last().filter(|last| full && last.number > 1).map(|last| last.number);
    let items = found.into_iter().map(AuditEntry::from).collect();
    Ok(Json(AuditPage { items, next }).into_response())
}
