//! Limits and controls, and the versions that every change of policy bumps.

use serde::Serialize;
use sqlx::sqlite::SqliteConnection;

use super::error::{translate, unreadable};
use super::query::{affected, replaced};
use crate::domain::id::{ControlId, LimitId};
use crate::domain::policy::{Control, Limit, PolicyStamp, Scope};
use crate::store::{StoreError, unless_taken};

/// Counts a change of the subject's policy. A new subject starts at 1.
pub(super) async fn bump(
    connection: &mut SqliteConnection,
    subject: Scope,
) -> Result<Vec<PolicyStamp>, StoreError> {
    let query = sqlx::query_scalar(include_str!("sql/policy_bump.sql")).bind(subject.to_string());
    let version: i64 = query.fetch_one(connection).await.map_err(translate)?;
    Ok(vec![PolicyStamp { subject, version }])
}

pub(super) async fn insert_limit(
    connection: &mut SqliteConnection,
    limit: Limit,
) -> Result<Vec<PolicyStamp>, StoreError> {
    let query = sqlx::query(include_str!("sql/limit_insert.sql"))
        .bind(limit.id.to_string())
        .bind(limit.scope.to_string())
        .bind(limit.version)
        .bind(body(&limit)?);
    affected(connection, query).await?;
    bump(connection, limit.scope).await
}

/// Many limits; those that are there already stay as they are.
pub(super) async fn insert_limits(
    connection: &mut SqliteConnection,
    limits: Vec<Limit>,
) -> Result<Vec<PolicyStamp>, StoreError> {
    let mut stamps = Vec::new();
    for limit in limits {
        // The statement of one that is there is undone alone.
        stamps.extend(unless_taken(insert_limit(connection, limit).await)?);
    }
    Ok(stamps)
}

pub(super) async fn update_limit(
    connection: &mut SqliteConnection,
    limit: Limit,
) -> Result<Vec<PolicyStamp>, StoreError> {
    let query = sqlx::query_scalar(include_str!("sql/limit_update.sql"))
        .bind(limit.id.to_string())
        .bind(limit.version)
        .bind(limit.amount)
        .bind(limit.count);
    let scope: Option<String> = query.fetch_optional(&mut *connection).await.map_err(translate)?;
    let scope = scope.ok_or(StoreError::Stale)?;
    let counters = sqlx::query(include_str!("sql/counters_unkey.sql"))
        .bind(limit.id.to_string())
        .bind(limit.amount.is_some());
    affected(connection, counters).await?;
    bump(connection, scope.parse().map_err(unreadable)?).await
}

/// Removes its counters too: nothing needs them any more.
pub(super) async fn delete_limit(
    connection: &mut SqliteConnection,
    id: LimitId,
) -> Result<Option<Vec<PolicyStamp>>, StoreError> {
    let counters = sqlx::query(include_str!("sql/counters_delete.sql")).bind(id.to_string());
    affected(connection, counters).await?;
    delete(connection, include_str!("sql/limit_delete.sql"), id.to_string()).await
}

pub(super) async fn insert_control(
    connection: &mut SqliteConnection,
    control: Control,
) -> Result<Vec<PolicyStamp>, StoreError> {
    let query = sqlx::query(include_str!("sql/control_insert.sql"))
        .bind(control.id.to_string())
        .bind(control.scope.to_string())
        .bind(body(&control)?);
    affected(connection, query).await?;
    bump(connection, control.scope).await
}

pub(super) async fn update_control(
    connection: &mut SqliteConnection,
    control: Control,
) -> Result<Vec<PolicyStamp>, StoreError> {
    let query = sqlx::query(include_str!("sql/control_update.sql"))
        .bind(control.id.to_string())
        .bind(control.scope.to_string())
        .bind(control.version)
        .bind(body(&control)?);
    replaced(connection, query).await?;
    bump(connection, control.scope).await
}

pub(super) async fn delete_control(
    connection: &mut SqliteConnection,
    id: ControlId,
) -> Result<Option<Vec<PolicyStamp>>, StoreError> {
    delete(connection, include_str!("sql/control_delete.sql"), id.to_string()).await
}

async fn delete(
    connection: &mut SqliteConnection,
    sql: &'static str,
    id: String,
) -> Result<Option<Vec<PolicyStamp>>, StoreError> {
    let query = sqlx::query_scalar(sql).bind(id);
    let scope: Option<String> = query.fetch_optional(&mut *connection).await.map_err(translate)?;
    match scope {
        Some(scope) => Ok(Some(bump(connection, scope.parse().map_err(unreadable)?).await?)),
        None => Ok(None),
    }
}

fn body(value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(unreadable)
}
