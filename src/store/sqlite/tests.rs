//! Every statement is prepared against the migrated schema, and the store's own promises are kept:
//! what its callers see of it is in the conformance suite (`tests/it/store`).

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use sqlx::{Executor as _, SqlSafeStr as _};

use super::*;
use crate::domain::clock::tests::StillClock;

async fn open(folder: &Path) -> Arc<SqliteStore> {
    let path = folder.join("data").join("tollgate.db");
    let clock = Arc::new(StillClock::at(1_800_000_000_000_000));
    SqliteStore::open(&path, clock, SqliteOptions::default()).await.unwrap()
}

fn statements() -> BTreeMap<String, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store/sqlite/sql");
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    files
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, std::fs::read_to_string(path).unwrap())
        })
        .collect()
}

#[tokio::test]
async fn every_statement_is_prepared_against_the_migrated_schema() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    let mut connection = connect::auditor(&store.path).connect().await.unwrap();
    let statements = statements();
    assert!(statements.len() > 50, "{}", statements.len());
    for (name, sql) in statements.iter().filter(|(name, _)| name.ends_with("_create.sql")) {
        let created = connection.execute(sqlx::AssertSqlSafe(sql.clone())).await;
        created.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    for (name, sql) in statements.iter().filter(|(name, _)| !name.ends_with("_create.sql")) {
        let safe = sqlx::AssertSqlSafe(sql.clone()).into_sql_str();
        let prepared = connection.prepare(safe).await;
        prepared.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

#[test]
fn statements_are_lower_case_name_their_columns_and_are_used() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store/sqlite");
    let sources: String = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .map(|path| std::fs::read_to_string(path).unwrap())
        .collect();
    for (name, sql) in statements() {
        let code = sql.lines().filter(|line| !line.trim_start().starts_with("--"));
        let code: String = code.collect::<Vec<_>>().join("\n");
        let words = code.replace("'UTC'", "").replace("count(*)", "");
        assert_eq!(words, words.to_lowercase(), "{name} is not lower case");
        assert!(!words.contains('*') || words.contains("glob"), "{name} does not name its columns");
        assert!(sources.contains(&format!("sql/{name}")), "{name} is not used");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn the_files_are_their_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    store.probe().await.unwrap();
    let files = std::fs::read_dir(folder.path().join("data")).unwrap();
    let files: Vec<_> = files.map(|file| file.unwrap()).collect();
    assert!(files.len() >= 2, "the database and its WAL");
    for file in files {
        let mode = file.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?}", file.file_name());
    }
}

#[tokio::test]
async fn the_writer_syncs_every_commit_and_readers_do_not_write() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    let pragmas = store.jobs.write(|connection| {
        Box::pin(async move {
            let mut found = Vec::new();
            for sql in ["pragma synchronous", "pragma foreign_keys", "pragma temp_store"] {
                let value: i64 = sqlx::query_scalar(sql).fetch_one(&mut *connection).await.unwrap();
                found.push(value);
            }
            let sql = "pragma journal_mode";
            let mode: String = sqlx::query_scalar(sql).fetch_one(&mut *connection).await.unwrap();
            Ok((found, mode))
        })
    });
    assert_eq!(pragmas.await.unwrap(), (vec![2, 1, 2], "wal".to_owned()));
    let mut reader = store.reader().await.unwrap();
    let written = sqlx::query("delete from outbox").execute(&mut *reader).await;
    assert!(written.unwrap_err().to_string().contains("readonly"));
}

/// Names a company's subject in `policy_versions`; enough of a write to see whether it stayed.
async fn mark(store: &SqliteStore, name: &'static str) -> Result<(), StoreError> {
    let write = store.jobs.write(move |connection| {
        Box::pin(async move {
            let sql = "insert into policy_versions (subject, version) values (?1, 1)";
            query::affected(connection, sqlx::query(sql).bind(name)).await.map(drop)
        })
    });
    write.await
}

async fn marks(store: &SqliteStore) -> Vec<String> {
    let sql = "select subject from policy_versions where subject <> 'program' order by subject";
    let mut reader = store.reader().await.unwrap();
    sqlx::query_scalar(sql).fetch_all(&mut *reader).await.unwrap()
}

#[tokio::test]
async fn a_write_that_fails_or_panics_is_undone_alone() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    let turn = store.jobs.turn().await.unwrap(); // so that the next writes share one transaction
    let panics = store.jobs.write::<(), _>(|connection| {
        Box::pin(async move {
            let sql = "insert into policy_versions (subject, version) values ('half', 1)";
            query::affected(connection, sqlx::query(sql)).await?;
            panic!("on purpose");
        })
    });
    let all = async {
        tokio::join!(mark(&store, "one"), panics, mark(&store, "one"), mark(&store, "two"))
    };
    let lane = async {
        tokio::task::yield_now().await;
        drop(turn);
    };
    let ((one, panicked, again, two), ()) = tokio::join!(all, lane);
    one.unwrap();
    two.unwrap();
    assert!(matches!(panicked, Err(StoreError::Failed(_))), "{panicked:?}");
    assert!(matches!(again, Err(StoreError::Taken("id"))), "{again:?}");
    assert_eq!(marks(&store).await, ["one", "two"]);
}

#[tokio::test]
async fn a_turn_that_is_dropped_leaves_its_neighbours_committed() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    let first = store.jobs.turn().await.unwrap(); // so that the next two share one transaction
    let write = mark(&store, "write");
    let lane = async {
        let mut turn = store.jobs.turn().await.unwrap();
        let sql = "insert into policy_versions (subject, version) values ('lane', 1)";
        query::affected(turn.connection(), sqlx::query(sql)).await.unwrap();
        drop(turn);
    };
    let release = async {
        tokio::task::yield_now().await;
        drop(first);
    };
    let (write, (), ()) = tokio::join!(write, lane, release);
    write.unwrap();
    assert_eq!(marks(&store).await, ["write"]);
}

#[tokio::test]
async fn a_closed_store_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    mark(&store, "kept").await.unwrap();
    store.close().await;
    assert!(matches!(mark(&store, "late").await, Err(StoreError::Unavailable(_))));
    assert!(matches!(store.probe().await, Err(StoreError::Unavailable(_))));
    let wal = store.path.with_extension("db-wal");
    assert!(!wal.exists(), "closing moves the WAL into the file");
    let again = open(folder.path()).await;
    assert_eq!(marks(&again).await, ["kept"]);
}

#[tokio::test]
async fn a_connection_that_fails_mid_way_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    // Ends the transaction under the writer's feet, as SQLite does itself when the disk is full.
    let breaks = store.jobs.write(|connection| {
        Box::pin(async move {
            query::affected(connection, sqlx::query("rollback")).await?;
            Ok(())
        })
    });
    let broken = breaks.await;
    assert!(matches!(broken, Err(StoreError::Unavailable(_))), "{broken:?}");
    mark(&store, "after").await.unwrap();
    assert_eq!(marks(&store).await, ["after"]);
}

#[tokio::test]
async fn a_commit_that_fails_is_unknown_to_everyone_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    let turn = store.jobs.turn().await.unwrap(); // so that the next three share one transaction
    // A deferred check fails at the commit, and nowhere before.
    let breaks = store.jobs.write(|connection| {
        Box::pin(async move {
            let defer = sqlx::query("pragma defer_foreign_keys = on");
            query::affected(connection, defer).await?;
            let sql = "insert into users (id, company_id, status, version, created_at) \
                       values ('usr_x', 'cmp_x', 'ACTIVE', 1, 0)";
            query::affected(connection, sqlx::query(sql)).await.map(drop)
        })
    });
    let lane = async {
        let mut turn = store.jobs.turn().await.unwrap();
        let sql = "insert into policy_versions (subject, version) values ('lane', 1)";
        query::affected(turn.connection(), sqlx::query(sql)).await.unwrap();
        turn.commit().await
    };
    let release = async {
        tokio::task::yield_now().await;
        drop(turn);
    };
    let (broken, neighbour, lane, ()) =
        tokio::join!(breaks, mark(&store, "neighbour"), lane, release);
    for outcome in [broken, neighbour, lane] {
        assert!(matches!(outcome, Err(StoreError::OutcomeUnknown(_))), "{outcome:?}");
    }
    mark(&store, "after").await.unwrap();
    assert_eq!(marks(&store).await, ["after"]);
}
