//! Making a server ready: its settings are checked, the schema is brought up to date.

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Connection};
use tokio::time::{Duration, timeout};

use super::error::translate;
use super::keep::keep;
use super::lanes::Lanes;
use super::money::PREPARE_LOCK;
use super::turns::in_few_turns;
use super::unfit::{Unfit, failed};
use super::{PostgresOptions, PostgresStore, Ready, connect, rights, schema};
use crate::store::{Prepare, StoreError, StoreFuture};

const CHECK: &str = include_str!("sql/server_check.sql");

/// The oldest server with everything that connections set.
const VERSION_MIN: i32 = 140_000;

/// How long connecting may take. (Migrations may take as long as they need.)
const CONNECT_MAX: Duration = Duration::from_secs(5);

impl Prepare for PostgresStore {
    fn prepare(&self) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            if self.ready.get().is_some() {
                return Ok(());
            }
            // Dropped anywhere, connections close: the server undoes the migration it was in, and
            // lets go of the lock.
            let mut connection = connect(&self.options.connect, Unfit::Refused).await?;
            check(&mut connection, self.options.allow_unsafe_commit).await?;
            bring_up_to_date(&mut connection, self.options.owner.as_ref()).await?;
            let _ = connection.close().await; // gone either way
            self.ready.get_or_init(|| ready(&self.options));
            Ok(())
        })
    }
}

/// By the owner, where there is one apart from the service; else by the service, where it may. Whoever may
/// not sees to it that nothing is missing.
async fn bring_up_to_date(
    connection: &mut PgConnection,
    owner: Option<&PgConnectOptions>,
) -> Result<(), StoreError> {
    let standing = schema::standing(connection).await?;
    if let Some(owner) = owner {
        let mut owner = connect(owner, Unfit::OwnerRefused).await?;
        schema::migrate(&mut owner).await?;
        rights::grant(&mut owner, &standing.role).await?;
        let _ = owner.close().await; // gone either way
    } else if standing.owns {
        return schema::migrate(connection).await;
    }
    schema::check(connection, &standing.role).await?;
    rights::check(connection, &standing.role).await
}

fn ready(options: &PostgresOptions) -> Ready {
    let transaction_max = options.deadline * 2;
    let connecting = connect::lane(options);
    let readers = connect::readers(options);
    Ready {
        _keeping: keep(&readers, connect::readers_min(options), options.idle_timeout),
        readers,
        writers: connect::writers(options),
        lanes: Lanes::new(connecting, PREPARE_LOCK, options.lanes, transaction_max).into(),
    }
}

async fn connect(to: &PgConnectOptions, refused: Unfit) -> Result<PgConnection, StoreError> {
    let connecting = connect::plain(to);
    let connected = timeout(CONNECT_MAX, in_few_turns(connecting.connect())).await;
    let connected =
        connected.map_err(|_| StoreError::Unavailable("PostgreSQL does not answer".into()))?;
    connected.map_err(|error| match code(&error).as_deref() {
        Some("28P01" | "28000") => failed(refused),
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
