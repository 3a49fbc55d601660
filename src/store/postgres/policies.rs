//! Limits and controls, and the versions that every change of policy bumps.

use serde::Serialize;
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use super::error::{translate, unreadable};
use super::parties::{affected, replaced};
use crate::domain::id::{CardId, CompanyId, ControlId, LimitId, UserId};
use crate::domain::policy::{Control, Limit, PolicyStamp, Scope};
use crate::store::StoreError;

type Stamped = Result<Vec<PolicyStamp>, StoreError>;

/// How a subject is kept: ids are of all kinds alike, and the program has the one that is zero.
pub(super) const fn subject_row(subject: Scope) -> Uuid {
    match subject {
        Scope::Card(id) => id.uuid(),
        Scope::User(id) => id.uuid(),
        Scope::Company(id) => id.uuid(),
        Scope::Program => Uuid::nil(),
    }
}

/// The scope of a limit or control, whose kind is kept beside it.
fn scope((id, kind): (Uuid, String)) -> Result<Scope, StoreError> {
    match kind.as_str() {
        "card" => Ok(Scope::Card(CardId::new(id))),
        "user" => Ok(Scope::User(UserId::new(id))),
        "company" => Ok(Scope::Company(CompanyId::new(id))),
        "program" => Ok(Scope::Program),
        _ => Err(unreadable("a scope of an unknown kind")),
    }
}

/// Counts a change of the subject's policy. A new subject starts at 1.
pub(super) async fn bump(connection: &mut PgConnection, subject: Scope) -> Stamped {
    let query = sqlx::query_scalar(include_str!("sql/policy_bump.sql")).bind(subject_row(subject));
    let version: i64 = query.fetch_one(connection).await.map_err(translate)?;
    Ok(vec![PolicyStamp { subject, version }])
}

pub(super) async fn insert_limit(connection: &mut PgConnection, limit: Limit) -> Stamped {
    let query = sqlx::query(include_str!("sql/limit_insert.sql"))
        .bind(limit.id.uuid())
        .bind(subject_row(limit.scope))
        .bind(limit.scope.kind())
        .bind(limit.version)
        .bind(body(&limit)?);
    affected(connection, query).await?;
    bump(connection, limit.scope).await
}

pub(super) async fn update_limit(connection: &mut PgConnection, limit: Limit) -> Stamped {
    let query = sqlx::query_as(include_str!("sql/limit_update.sql"))
        .bind(limit.id.uuid())
        .bind(limit.version)
        .bind(limit.amount)
        .bind(limit.count);
    let row = query.fetch_optional(&mut *connection).await.map_err(translate)?;
    bump(connection, scope(row.ok_or(StoreError::Stale)?)?).await
}

/// Removes its counters too: nothing needs them any more.
pub(super) async fn delete_limit(
    connection: &mut PgConnection,
    id: LimitId,
) -> Result<Option<Vec<PolicyStamp>>, StoreError> {
    let counters = sqlx::query(include_str!("sql/counters_delete.sql")).bind(id.uuid());
    affected(connection, counters).await?;
    delete(connection, include_str!("sql/limit_delete.sql"), id.uuid()).await
}

pub(super) async fn insert_control(connection: &mut PgConnection, control: Control) -> Stamped {
    let query = sqlx::query(include_str!("sql/control_insert.sql"))
        .bind(control.id.uuid())
        .bind(subject_row(control.scope))
        .bind(control.scope.kind())
        .bind(body(&control)?);
    affected(connection, query).await?;
    bump(connection, control.scope).await
}

pub(super) async fn update_control(connection: &mut PgConnection, control: Control) -> Stamped {
    let query = sqlx::query(include_str!("sql/control_update.sql"))
        .bind(control.id.uuid())
        .bind(subject_row(control.scope))
        .bind(control.scope.kind())
        .bind(control.version)
        .bind(body(&control)?);
    replaced(connection, query).await?;
    bump(connection, control.scope).await
}

pub(super) async fn delete_control(
    connection: &mut PgConnection,
    id: ControlId,
) -> Result<Option<Vec<PolicyStamp>>, StoreError> {
    delete(connection, include_str!("sql/control_delete.sql"), id.uuid()).await
}

async fn delete(
    connection: &mut PgConnection,
    sql: &'static str,
    id: Uuid,
) -> Result<Option<Vec<PolicyStamp>>, StoreError> {
    let query = sqlx::query_as(sql).bind(id);
    match query.fetch_optional(&mut *connection).await.map_err(translate)? {
        Some(row) => Ok(Some(bump(connection, scope(row)?).await?)),
        None => Ok(None),
    }
}

pub(super) fn body(value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(unreadable)
}
