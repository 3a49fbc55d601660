//! The schema: made by whoever owns it, and compared with this release's by whoever does not.

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::PgConnection;

use super::error::translate;
use super::unfit::{Unfit, failed};
use crate::store::StoreError;

static MIGRATIONS: Migrator = sqlx::migrate!("migrations/postgres");

const STANDING: &str = include_str!("sql/standing_find.sql");
const APPLIED: &str = include_str!("sql/migrations_find.sql");

/// What PostgreSQL says of a table that is not there, and of one that may not be read.
const UNDEFINED_TABLE: &str = "42P01";
const NOT_ALLOWED: &str = "42501";

/// Who is connected.
#[derive(sqlx::FromRow)]
pub(super) struct Standing {
    /// The role.
    pub(super) role: String,
    /// Whether it may change the schema.
    pub(super) owns: bool,
}

pub(super) async fn standing(connection: &mut PgConnection) -> Result<Standing, StoreError> {
    sqlx::query_as(STANDING).fetch_one(connection).await.map_err(translate)
}

/// Brings the schema up to date, under a lock.
pub(super) async fn migrate(connection: &mut PgConnection) -> Result<(), StoreError> {
    MIGRATIONS.run_direct(None, connection, false).await.map_err(migration)
}

fn migration(error: MigrateError) -> StoreError {
    match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => translate(error),
        MigrateError::VersionMissing(_) | MigrateError::VersionTooNew(..) => failed(Unfit::Newer),
        MigrateError::VersionMismatch(version) => failed(Unfit::Changed(version)),
        other => StoreError::Failed(Box::new(other)),
    }
}

/// Whether the schema is this release's. Reads only.
pub(super) async fn check(connection: &mut PgConnection, role: &str) -> Result<(), StoreError> {
    let applied = match sqlx::query_as(APPLIED).fetch_all(connection).await {
        Ok(applied) => applied,
        // Nothing has been made yet, or it was not made for this role.
        Err(error) if is_closed(&error) => Vec::new(),
        Err(error) => return Err(translate(error)),
    };
    compare(&applied, role).map_err(failed)
}

fn is_closed(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    code.is_some_and(|code| [UNDEFINED_TABLE, NOT_ALLOWED].contains(&&*code))
}

fn compare(applied: &[(i64, Vec<u8>)], role: &str) -> Result<(), Unfit> {
    if applied.iter().any(|(version, _)| !MIGRATIONS.version_exists(*version)) {
        return Err(Unfit::Newer);
    }
    for ours in MIGRATIONS.iter() {
        match applied.iter().find(|(version, _)| *version == ours.version) {
            None => {
                return Err(Unfit::Behind { version: ours.version, role: role.to_owned() });
            }
            Some((_, checksum)) if **checksum != *ours.checksum => {
                return Err(Unfit::Changed(ours.version));
            }
            Some(_) => {}
        }
    }
    Ok(())
}
