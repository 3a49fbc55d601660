//! How connections are opened: lanes' own, the pool's, and one for whatever has no hurry.

use std::time::Duration;

use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};

use super::PostgresOptions;

/// How long a lane waits for a row that another transaction has locked.
const LOCK_TIMEOUT: &str = "250ms";

/// How long the server keeps a transaction whose client has gone quiet.
const IDLE_IN_TRANSACTION: &str = "2s";

/// How long the server tries to reach a client that does not acknowledge what was sent.
const TCP_USER_TIMEOUT: &str = "5s";

/// How often the server looks whether the client of a running statement is still there: a lane that
/// gave up must not keep its place in the queue for a lock, and nobody wants what a closed connection of
/// the pool still reads.
const CLIENT_CHECK: &str = "100ms";

/// A lane's connection. Plans are made once, for any number of keys, and always go by the keys:
/// statistics of tables that grow from nothing would have them read whole.
pub(super) fn lane(options: &PostgresOptions) -> PgConnectOptions {
    let statement = milliseconds(options.deadline);
    safe(options, "tollgate lane").options([
        ("lock_timeout", LOCK_TIMEOUT),
        ("statement_timeout", statement.as_str()),
        ("idle_in_transaction_session_timeout", IDLE_IN_TRANSACTION),
        ("client_connection_check_interval", CLIENT_CHECK),
        ("plan_cache_mode", "force_generic_plan"),
        ("enable_seqscan", "off"),
        ("enable_hashjoin", "off"),
        ("enable_mergejoin", "off"),
        // What an update does not need to look at costs much, so that it too goes by its keys.
        ("random_page_cost", "1"),
        ("cpu_tuple_cost", "10"),
    ])
}

/// Connections for lookups. Opened as they are needed; [`super::keep`] keeps those that must be. What is
/// only read in single statements leaves nothing open behind it, so that nothing is to be rolled back.
pub(super) fn readers(options: &PostgresOptions) -> PgPool {
    let connecting = pooled(options).options([("default_transaction_read_only", "on")]);
    sized(options, readers_max(options)).connect_lazy_with(connecting)
}

/// How many of them are kept open.
pub(super) fn readers_min(options: &PostgresOptions) -> u32 {
    options.pool_min.min(readers_max(options))
}

/// What writers leave.
fn readers_max(options: &PostgresOptions) -> u32 {
    options.pool_max.saturating_sub(writers_max(options)).max(1)
}

/// Connections for writes outside the lanes.
pub(super) fn writers(options: &PostgresOptions) -> PgPool {
    sized(options, writers_max(options))
        .after_release(|connection, _| {
            // A write that was dropped in the middle must not hand on an open transaction: the next
            // borrower's writes would vanish with it. To begin first is what keeps the server's log
            // clean: it warns of a rollback where nothing has begun. Where something has failed, to
            // begin is an error, and the connection is closed.
            Box::pin(async move {
                sqlx::raw_sql("begin; rollback").execute(connection).await?;
                Ok(true)
            })
        })
        .connect_lazy_with(pooled(options))
}

/// A quarter of the pool.
fn writers_max(options: &PostgresOptions) -> u32 {
    (options.pool_max / 4).max(1)
}

fn sized(options: &PostgresOptions, connections_max: u32) -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(connections_max)
        .acquire_timeout(options.acquire_timeout)
        .idle_timeout(options.idle_timeout)
}

fn pooled(options: &PostgresOptions) -> PgConnectOptions {
    let statement = milliseconds(options.statement_timeout);
    safe(options, "tollgate").options([
        ("statement_timeout", statement.as_str()),
        ("idle_in_transaction_session_timeout", IDLE_IN_TRANSACTION),
        ("client_connection_check_interval", CLIENT_CHECK),
        // Facts are joins of many tables by their keys, in the order in which they are written. To
        // find that out took ten times as long as to run them, each of the first times.
        ("plan_cache_mode", "force_generic_plan"),
        ("join_collapse_limit", "1"),
        ("enable_seqscan", "off"),
        ("enable_hashjoin", "off"),
        ("enable_mergejoin", "off"),
    ])
}

/// A connection for work that may take long: one snapshot of everything.
pub(super) fn auditor(options: &PostgresOptions) -> PgConnectOptions {
    safe(options, "tollgate audit")
}

/// A connection that sets nothing: what the server does by itself can be seen on it.
pub(super) fn plain(to: &PgConnectOptions) -> PgConnectOptions {
    to.clone().application_name("tollgate prepare").disable_statement_logging()
}

/// What every connection sets, whatever the role, the database and the server have set.
fn safe(options: &PostgresOptions, name: &str) -> PgConnectOptions {
    let connecting = options.connect.clone().application_name(name).options([
        ("default_transaction_isolation", "read committed"),
        ("tcp_user_timeout", TCP_USER_TIMEOUT),
        ("tcp_keepalives_idle", "5"),
        ("tcp_keepalives_interval", "2"),
        ("tcp_keepalives_count", "3"),
        ("jit", "off"),
    ]);
    let connecting = connecting.disable_statement_logging();
    if options.allow_unsafe_commit {
        return connecting; // whatever the server is set to
    }
    connecting.options([("synchronous_commit", "on")])
}

fn milliseconds(time: Duration) -> String {
    format!("{}ms", time.as_millis().max(1))
}
