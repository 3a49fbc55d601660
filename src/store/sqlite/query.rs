//! Asking a connection: rows come as one JSON text a statement, which is decoded here. One text
//! crosses the driver's threads far cheaper than many rows of many columns.

use serde::de::DeserializeOwned;
use sqlx::Sqlite;
use sqlx::query::{Query, QueryScalar};
use sqlx::sqlite::{SqliteArguments, SqliteConnection};

use super::error::{translate, unreadable};
use crate::store::StoreError;

/// A statement that answers with JSON texts.
pub(super) type Asked = QueryScalar<'static, Sqlite, Option<String>, SqliteArguments>;

/// A statement of `sql/`, its arguments still to be bound.
pub(super) fn ask(sql: &'static str) -> Asked {
    sqlx::query_scalar(sql)
}

/// The rows of a statement that answers with one array.
pub(super) async fn many<T: DeserializeOwned>(
    connection: &mut SqliteConnection,
    asked: Asked,
) -> Result<Vec<T>, StoreError> {
    Ok(one(connection, asked).await?.unwrap_or_default())
}

/// The only row of a statement, if there is one.
pub(super) async fn one<T: DeserializeOwned>(
    connection: &mut SqliteConnection,
    asked: Asked,
) -> Result<Option<T>, StoreError> {
    let text = asked.fetch_optional(connection).await.map_err(translate)?.flatten();
    text.map(|text| decode(&text)).transpose()
}

/// Reads what a statement of `sql/` has put together.
pub(super) fn decode<T: DeserializeOwned>(text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(unreadable)
}

/// A statement that changes rows.
pub(super) type Change = Query<'static, Sqlite, SqliteArguments>;

/// Changes rows; says how many.
pub(super) async fn affected(
    connection: &mut SqliteConnection,
    change: Change,
) -> Result<u64, StoreError> {
    Ok(change.execute(connection).await.map_err(translate)?.rows_affected())
}

/// Changes the one row whose version is as expected.
pub(super) async fn replaced(
    connection: &mut SqliteConnection,
    change: Change,
) -> Result<(), StoreError> {
    if affected(connection, change).await? == 0 { Err(StoreError::Stale) } else { Ok(()) }
}
