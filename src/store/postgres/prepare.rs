//! Making a server ready: its settings are checked, the schema is brought up to date.

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::PgConnection;
use sqlx::{ConnectOptions, Connection};
use tokio::time::{Duration, timeout};

use super::error::translate;
use super::lanes::Lanes;
use super::money::PREPARE_LOCK;
use super::turns::in_few_turns;
use super::{PostgresOptions, PostgresStore, Ready, connect};
use crate::store::{Prepare, StoreError, StoreFuture};

static MIGRATIONS: Migrator = sqlx::migrate!("migrations/postgres");

const CHECK: &str = include_str!("sql/server_check.sql");

/// The oldest server with everything that connections set.
const VERSION_MIN: i32 = 140_000;

/// How long connecting may take. (Migrations may take as long as they need.)
const CONNECT_MAX: Duration = Duration::from_secs(5);

/// Why this server can not be used, in one line that holds no secret.
#[derive(Debug, thiserror::Error)]
enum Unfit {
    #[error("PostgreSQL refuses the user or the password")]
    Refused,
    #[error("PostgreSQL has no such database")]
    NoDatabase,
    #[error("PostgreSQL is older than version 14 (it says {0})")]
    Old(i32),
    #[error("the database's encoding is {0}, not UTF8")]
    Encoding(String),
    #[error("the default isolation of transactions is {0}, not read committed")]
    Isolation(String),
    #[error(
        "{0} is off: an acknowledged approval could be lost (store.postgres.allow_unsafe_commit)"
    )]
    Unsafe(&'static str),
    #[error("the database's schema is newer than this release")]
    Newer,
    #[error("migration {0} of the database is not the one of this release")]
    Changed(i64),
}

fn failed(unfit: Unfit) -> StoreError {
    StoreError::Failed(Box::new(unfit))
}

impl Prepare for PostgresStore {
    fn prepare(&self) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            if self.ready.get().is_some() {
                return Ok(());
            }
            // Dropped anywhere, the connection closes: the server undoes the migration it was in, and
            // lets go of the lock.
            let mut connection = connect(&self.options).await?;
            check(&mut connection, self.options.allow_unsafe_commit).await?;
            migrate(&mut connection).await?;
            let _ = connection.close().await; // gone either way
            self.ready.get_or_init(|| ready(&self.options));
            Ok(())
        })
    }
}

fn ready(options: &PostgresOptions) -> Ready {
    let transaction_max = options.deadline * 2;
    let connecting = connect::lane(options);
    Ready {
        readers: connect::readers(options),
        writers: connect::writers(options),
        lanes: Lanes::new(connecting, PREPARE_LOCK, options.lanes, transaction_max).into(),
    }
}

async fn connect(options: &PostgresOptions) -> Result<PgConnection, StoreError> {
    let connecting = connect::plain(options);
    let connected = timeout(CONNECT_MAX, in_few_turns(connecting.connect())).await;
    let connected =
        connected.map_err(|_| StoreError::Unavailable("PostgreSQL does not answer".into()))?;
    connected.map_err(|error| match code(&error).as_deref() {
        Some("28P01" | "28000") => failed(Unfit::Refused),
        Some("3D000") => failed(Unfit::NoDatabase),
        _ => translate(error),
    })
}

fn code(error: &sqlx::Error) -> Option<String> {
    Some(error.as_database_error()?.code()?.into_owned())
}

async fn check(connection: &mut PgConnection, allow_unsafe: bool) -> Result<(), StoreError> {
    type Settings = (i32, String, String, String, String, String);
    let asked = sqlx::query_as(CHECK);
    let settings: Settings = asked.fetch_one(connection).await.map_err(translate)?;
    let (version, encoding, isolation, synchronous_commit, fsync, full_page_writes) = settings;
    if version < VERSION_MIN {
        return Err(failed(Unfit::Old(version)));
    }
    if encoding != "UTF8" {
        return Err(failed(Unfit::Encoding(encoding)));
    }
    if isolation != "read committed" {
        return Err(failed(Unfit::Isolation(isolation)));
    }
    let durable = [
        ("synchronous_commit", synchronous_commit),
        ("fsync", fsync),
        ("full_page_writes", full_page_writes),
    ];
    match durable.into_iter().find(|(_, setting)| setting == "off") {
        Some((name, _)) if !allow_unsafe => Err(failed(Unfit::Unsafe(name))),
        _ => Ok(()),
    }
}

async fn migrate(connection: &mut PgConnection) -> Result<(), StoreError> {
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
