//! A service whose role owns nothing: what it may do, to the column; what it may not; and what it says where
//! something is missing. (That all it does works is told by every other test, for stores work as this role.)

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use sqlx::AssertSqlSafe;
use sqlx::postgres::PgConnection;
use tokio::time::Instant;
use tollgate::store::postgres::{PostgresOptions, PostgresStore};
use tollgate::store::{Prepare, Probe};

use super::postgres_database::{Database, connect, prepared, run};
use super::postgres_prepare::refusal;
use super::postgres_schema::statements;

/// Whoever is not the owner: what may be done with each table and view, and with which columns.
const GIVEN: &str = "
with given as (
    select c.relname, lower(a.privilege_type) as verb
    from pg_class as c cross join aclexplode(c.relacl) as a
    where c.relnamespace = 'public'::regnamespace and a.grantee <> c.relowner
    union all
    select c.relname,
        lower(a.privilege_type) || ' (' || string_agg(t.attname, ', ' order by t.attname) || ')'
    from pg_class as c
    join pg_attribute as t on t.attrelid = c.oid
    cross join aclexplode(t.attacl) as a
    where c.relnamespace = 'public'::regnamespace and a.grantee <> c.relowner
    group by c.relname, a.privilege_type
)
select relname || ': ' || string_agg(verb, ', ' order by verb) from given group by relname
order by relname";

const EXPECTED: [&str; 28] = [
    "_sqlx_migrations: select",
    "accounts: insert, select, update (funded, held, limit_minor, posted, version)",
    "api_keys: insert, select, update (last_used_at, revoked_at)",
    "audit_head: select, update (hash, number)",
    "audit_log: insert, select",
    "authorizations: insert, select, update (balances, code, details, fingerprint, reason, \
     repeated)",
    "cards: insert, select, update (expires, last_four, marqeta_token, product, status, \
     status_set_at, status_set_by, version)",
    "companies: insert, select, update (marqeta_token, name, status, status_set_at, version, zone)",
    "counters: delete, insert, select, update (amount, count, window_start)",
    "daily_runs: insert, select, update (claimed_until, day, done_at, is_done, runner)",
    "dead_letter_acts: insert, select",
    "dead_letters: insert, select, update (fingerprint, state)",
    "events: select",
    "explanations_thinned: select, update (up_to)",
    "holds: insert, select, update (amount, details, expires_at, last_use_at, merged_into, \
     opened_at, postings, state)",
    "inbox: delete, insert, select, update (at, attempts)",
    "intents: insert, select",
    "links: insert, select, update (chain_id)",
    "merchants: insert, select",
    "outbox: delete, insert, select",
    "outbox_leases: select, update (body)",
    "policy_versions: insert, select, update (version)",
    "postings: insert, select",
    "spending_controls: delete, insert, select, update (body)",
    "spending_limits: delete, insert, select, update (body, version)",
    "transactions: insert, select",
    "users: insert, select, update (email, first_name, last_name, marqeta_token, role, status, \
     status_set_at, status_set_by, version)",
    "webhook_events: delete, insert, select, update (attempts, leased_until, next_at, reason, \
     status)",
];

/// What nobody but the owner may do.
const REFUSED: [&str; 26] = [
    "delete from authorizations",
    "truncate authorizations",
    "update authorizations set amount = 1",
    "update authorizations set held = 0",
    "update authorizations set token = '\\x61'",
    "update authorizations set account_id = null",
    "delete from audit_log",
    "truncate audit_log",
    "update audit_log set who = 'nobody'",
    "delete from audit_head",
    "delete from postings",
    "update postings set amount = 1",
    "delete from intents",
    "delete from holds",
    "delete from accounts",
    "update accounts set currency = 'EUR'",
    "delete from dead_letter_acts",
    "delete from _sqlx_migrations",
    "create table more (id bigint)",
    "create schema more",
    "create function more() returns bigint language sql return 1",
    "create index more on accounts (held)",
    "alter table accounts drop constraint accounts_held",
    "alter table audit_log disable trigger audit_log_no_change",
    "drop trigger authorizations_no_change on authorizations",
    "drop table postings",
];

/// What PostgreSQL says of what one may not do.
const NOT_ALLOWED: &str = "42501";

async fn given(database: &Database) -> Vec<String> {
    sqlx::query_scalar(GIVEN).fetch_all(&mut database.connect().await).await.unwrap()
}

/// The code of the error that this ends in.
async fn code(connection: &mut PgConnection, sql: &str) -> Option<String> {
    let done = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(connection).await;
    let error = done.err()?;
    Some(error.as_database_error()?.code()?.into_owned())
}

async fn service(database: &Database) -> PgConnection {
    connect(database.service_url()).await
}

async fn role(database: &Database) -> String {
    let asked = sqlx::query_scalar("select quote_ident(current_user)");
    asked.fetch_one(&mut service(database).await).await.unwrap()
}

#[tokio::test]
#[ignore = "needs servers: scripts/test"]
async fn a_service_may_do_this_and_no_more() {
    let database = Database::migrated().await;
    assert_eq!(given(&database).await, EXPECTED);
    let tables: Vec<String> = sqlx::query_scalar(
        "select relname::text from pg_class
        where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v', 'm', 'f')
        order by relname",
    )
    .fetch_all(&mut database.connect().await)
    .await
    .unwrap();
    let named: Vec<_> = EXPECTED.iter().map(|line| line.split(':').next().unwrap()).collect();
    assert_eq!(tables, named, "a table that a service can not even read");
}

#[tokio::test]
#[ignore = "needs servers: scripts/test"]
async fn every_statement_is_within_the_rights_of_a_service() {
    let database = Database::migrated().await;
    let mut connection = service(&database).await;
    run(&mut connection, "set plan_cache_mode = force_generic_plan; begin").await;
    let (creates, others): (Vec<_>, Vec<_>) =
        statements().into_iter().partition(|(name, _)| name.ends_with("_create.sql"));
    for (_, sql) in creates {
        run(&mut connection, sql).await; // tables of a snapshot's own
    }
    for (_, sql) in others {
        run(&mut connection, format!("prepare it as {sql}")).await;
        let count = "select cardinality(parameter_types) from pg_prepared_statements
            where name = 'it'";
        let count: i32 = sqlx::query_scalar(count).fetch_one(&mut connection).await.unwrap();
        let nulls = vec!["null"; usize::try_from(count).unwrap()].join(", ");
        let given = if nulls.is_empty() { String::new() } else { format!("({nulls})") };
        // Rights are looked at when a statement is about to begin.
        run(&mut connection, format!("explain execute it {given}; deallocate it")).await;
    }
}

#[tokio::test]
#[ignore = "needs servers: scripts/test"]
async fn what_was_decided_and_written_down_stays() {
    let database = Database::migrated().await;
    let mut connection = service(&database).await;
    for sql in REFUSED {
        assert_eq!(code(&mut connection, sql).await.as_deref(), Some(NOT_ALLOWED), "{sql}");
    }
}

#[tokio::test]
#[ignore = "needs servers: scripts/test"]
async fn a_decline_stays_one_and_no_fingerprint_is_replaced() {
    let database = Database::migrated().await;
    let mut connection = service(&database).await;
    run(
        &mut connection,
        "insert into authorizations
            (at, held, id, repeated, fingerprint, token, echo, details, reason, balances)
        values
            (1, 0, '00000000-0000-0000-0000-000000000001', false, '\\x01', '\\x61', '', '', 'late',
                null),
            (1, 0, '00000000-0000-0000-0000-000000000002', false, '\\x01', '\\x62', '', '', null,
                '{}')",
    )
    .await;
    for (set, token) in [
        ("reason = null", "61"),
        ("reason = 'other'", "61"),
        ("code = 'other'", "61"),
        ("balances = '{}'", "61"),
        ("fingerprint = '\\x02'", "61"),
        ("fingerprint = '\\x02', reason = 'late'", "62"),
    ] {
        refused(&mut connection, set, token).await;
    }
    // A repeat is marked; an approval is taken back, by one statement that makes it a decline and one that
    // writes all that may have changed of it; and a token may be judged anew.
    for set in [
        "reason = null, code = null, balances = '{}', repeated = true",
        "reason = 'late', code = 'x'",
        "reason = 'late', code = 'x', balances = null, repeated = true",
    ] {
        run(&mut connection, change(set, "62")).await;
    }
    for set in ["repeated = false", "balances = '{}'"] {
        refused(&mut connection, set, "62").await;
    }
    for token in ["61", "62"] {
        run(&mut connection, change("fingerprint = null", token)).await;
        refused(&mut connection, "fingerprint = '\\x01'", token).await;
    }
}

#[tokio::test]
#[ignore = "needs servers: scripts/test"]
async fn an_explanation_is_thinned_and_never_rewritten() {
    let database = Database::migrated().await;
    let mut connection = service(&database).await;
    run(
        &mut connection,
        "insert into authorizations (at, held, id, repeated, token, echo, details) values
            (1, 0, '00000000-0000-0000-0000-000000000001', false, '\\x61', '',
                '{\"d\":\"rest\",\"f\":[7],\"s\":[1,2,3,4,5],\"m\":{}}')",
    )
    .await;
    let thinned = "details = (details::jsonb - 'f' - 's')::text";
    for set in
        ["details = '{}'", "details = (details::jsonb - 'f')::text", "details = details || ' '"]
    {
        refused(&mut connection, set, "61").await;
    }
    for _ in 0..2 {
        run(&mut connection, change(thinned, "61")).await;
    }
    refused(&mut connection, "details = '{}'", "61").await;
}

fn change(set: &str, token: &str) -> String {
    format!("update authorizations set {set} where token = '\\x{token}'")
}

/// By the trigger.
async fn refused(connection: &mut PgConnection, set: &str, token: &str) {
    let code = code(connection, &change(set, token)).await;
    assert_eq!(code.as_deref(), Some("P0001"), "{set}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn a_service_that_may_not_change_the_schema_says_what_is_missing() {
    let database = Database::empty().await;
    let role = role(&database).await;
    let prepare = async || {
        let store = PostgresStore::new(PostgresOptions::new(database.service_url()).unwrap());
        store.prepare().await
    };
    let missing = async || refusal(prepare().await.err());
    let first = missing().await;
    assert!(first.starts_with("migration 20261121110000 is missing"), "{first}");
    assert!(first.contains(&role) && first.contains("tollgate migrate"), "{first}");

    // The first time, and whenever the rights are not what they should be.
    prepared(database.split_options()).await.close().await;
    prepare().await.unwrap();
    let mut owner = database.connect().await;
    run(&mut owner, format!("revoke update (reason) on authorizations from {role}")).await;
    let lacking = missing().await;
    assert!(lacking.contains(&format!("{role} may not update authorizations")), "{lacking}");
    run(&mut owner, format!("grant delete on authorizations to {role}, public")).await;
    run(&mut owner, "revoke execute on function token_text from public").await;
    run(&mut owner, format!("revoke execute on function token_text from {role}")).await;
    prepared(database.split_options()).await.close().await;
    prepare().await.unwrap();
    assert_eq!(given(&database).await, EXPECTED);
    run(&mut owner, format!("revoke execute on function token_text from {role}")).await;
    let lacking = missing().await;
    assert!(lacking.contains(&format!("{role} may not execute token_text")), "{lacking}");
    run(&mut owner, format!("grant execute on function token_text to {role}")).await;

    // What belongs to the database is its owner's to give.
    let name = "select quote_ident(current_database())";
    let name: String = sqlx::query_scalar(name).fetch_one(&mut owner).await.unwrap();
    run(&mut owner, format!("revoke temporary on database {name} from public")).await;
    let lacking = missing().await;
    assert!(lacking.contains(&format!("{role} may not make temporary tables")), "{lacking}");
    run(&mut owner, format!("grant temporary on database {name} to {role}")).await;
    prepare().await.unwrap();

    let latest = "delete from _sqlx_migrations
        where version = (select max(version) from _sqlx_migrations) returning version";
    let latest: i64 = sqlx::query_scalar(latest).fetch_one(&mut owner).await.unwrap();
    let behind = missing().await;
    assert!(behind.starts_with(&format!("migration {latest} is missing")), "{behind}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn services_that_are_given_rights_at_once_all_get_them() {
    let database = Database::empty().await;
    let stores = [(); 4].map(|()| PostgresStore::new(database.split_options()));
    let [a, b, c, d] = &stores;
    let all = tokio::join!(a.prepare(), b.prepare(), c.prepare(), d.prepare());
    all.0.and(all.1).and(all.2).and(all.3).unwrap();
    assert_eq!(given(&database).await, EXPECTED);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn an_owner_that_is_the_service_too_gives_nothing() {
    let database = Database::empty().await;
    // The owner for both: as ever, and nobody is given anything.
    let both = PostgresOptions::new(&database.url).unwrap().made_by(&database.url).unwrap();
    prepared(both).await.close().await;
    assert_eq!(given(&database).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn a_role_that_may_change_the_schema_is_no_service_s() {
    // The other way round: the database, and so its schema, belongs to the role of the service.
    let database = Database::empty().await;
    let maker = role(&database).await;
    run(&mut database.connect().await, format!("grant create on schema public to {maker}")).await;
    let options =
        PostgresOptions::new(&database.url).unwrap().made_by(database.service_url()).unwrap();
    let refused = refusal(PostgresStore::new(options).prepare().await.err());
    assert!(refused.contains("may change the schema, as a superuser"), "{refused}");
    assert_eq!(given(&database).await, [""; 0], "who is refused is given nothing, and keeps all");
}

/// Runs `tollgate migrate`.
fn migrate(database: &Database, owner: Option<&str>) -> Output {
    let folder = tempfile::tempdir().unwrap();
    migration(database, owner, folder.path()).output().unwrap()
}

fn migration(database: &Database, owner: Option<&str>, folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate"));
    for server in ["MONGODB_URI", "REDIS_URL", "RABBITMQ_URL"] {
        command.env_remove(server);
    }
    command.arg("migrate").env("DATABASE_URL", database.service_url());
    command.env("TOLLGATE__DATA_DIR", folder);
    if let Some(owner) = owner {
        command.env("TOLLGATE__STORE__POSTGRES__MIGRATE_URL", owner);
    }
    command
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn the_owner_makes_the_schema_by_a_command_of_its_own() {
    let database = Database::empty().await;
    let refused = migrate(&database, None);
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(!refused.status.success() && said.lines().count() == 1, "{said}");
    assert!(said.contains("store.postgres.migrate_url"), "{said}");
    // A password that is wrong is blamed on the URL that it is in.
    let (before, after) = database.url.rsplit_once('@').unwrap();
    let (user, _) = before.rsplit_once(':').unwrap();
    let refused = migrate(&database, Some(&format!("{user}:wrong@{after}")));
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.contains("password of store.postgres.migrate_url"), "{said}");

    for _ in 0..2 {
        let done = migrate(&database, Some(&database.url));
        let said = String::from_utf8(done.stdout).unwrap();
        let error = String::from_utf8(done.stderr).unwrap();
        assert!(done.status.success() && said.contains("postgres is up to date"), "{said}{error}");
    }
    let service = prepared(PostgresOptions::new(database.service_url()).unwrap()).await;
    service.probe().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn a_migration_that_waits_for_a_lock_lets_lanes_pass_and_is_tried_again() {
    let database = Database::migrated().await;
    let [mut owner, mut writer, mut lane] =
        [database.connect().await, database.connect().await, database.connect().await];
    run(
        &mut owner,
        "drop trigger authorizations_no_change on authorizations;
        drop function authorizations_refuse cascade; -- with the other trigger that calls it
        delete from _sqlx_migrations where version = 20261129170000",
    )
    .await;
    let write = "begin; lock table authorizations in row exclusive mode";
    run(&mut writer, write).await;
    run(&mut lane, "set lock_timeout = '250ms'").await;
    let folder = tempfile::tempdir().unwrap();
    let mut command = migration(&database, Some(&database.url), folder.path());
    let mut migrating = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let waiting = "select count(*) from pg_stat_activity where datname = current_database()
        and application_name = 'tollgate prepare' and wait_event = 'relation'";
    let mut seen = None;
    while seen.is_none_or(|seen: Instant| seen.elapsed() < Duration::from_secs(1)) {
        assert!(migrating.try_wait().unwrap().is_none(), "it waits for the writer");
        // First: the lane's own waits until the migration has given up.
        let waits: i64 = sqlx::query_scalar(waiting).fetch_one(&mut owner).await.unwrap();
        run(&mut lane, format!("{write}; rollback")).await;
        if waits > 0 {
            seen.get_or_insert_with(Instant::now);
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    run(&mut writer, "rollback").await;
    let done = migrating.wait_with_output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let trigger = "select count(*) from pg_trigger where tgname = 'authorizations_no_change'";
    let made: i64 = sqlx::query_scalar(trigger).fetch_one(&mut owner).await.unwrap();
    assert_eq!(made, 1);
}
