//! Making a database ready: whatever happens in the middle, and whatever is wrong with the server.

use std::time::Duration;

use tollgate::app::clock::SystemClock;
use tollgate::domain::clock::Clock;
use tollgate::store::postgres::{PostgresOptions, PostgresStore};
use tollgate::store::{FactsStore, MoneyHome, Prepare, Probe, StoreError};

use super::postgres_database::{Database, prepared, run};
use super::subject::token;

/// Tables, columns, constraints and indexes, as one text.
async fn schema(database: &Database) -> String {
    let columns = "select string_agg(table_name || ' ' || column_name || ' ' || data_type || ' '
        || is_nullable, E'\\n' order by table_name, column_name)
        from information_schema.columns where table_schema = 'public'";
    let indexes = "select string_agg(indexdef, E'\\n' order by indexdef) from pg_indexes
        where schemaname = 'public'";
    let applied = "select string_agg(version || ' ' || success, E'\\n' order by version)
        from _sqlx_migrations";
    let mut connection = database.connect().await;
    let mut texts = Vec::new();
    for sql in [columns, indexes, applied] {
        let text: String = sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap();
        texts.push(text);
    }
    texts.join("\n")
}

pub fn refusal(error: Option<StoreError>) -> String {
    let Some(StoreError::Failed(source)) = error else { panic!("{error:?}") };
    let text = source.to_string();
    assert!(!text.contains('\n') && !text.contains("secret"), "{text}");
    text
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn two_instances_at_once_end_in_the_same_schema() {
    let expected = schema(&Database::migrated().await).await;
    for _ in 0..3 {
        let database = Database::empty().await;
        let stores = [(); 4].map(|()| PostgresStore::new(database.options()));
        let [a, b, c, d] = &stores;
        let all = tokio::join!(a.prepare(), b.prepare(), c.prepare(), d.prepare());
        all.0.and(all.1).and(all.2).and(all.3).unwrap();
        assert_eq!(schema(&database).await, expected);
        for store in &stores {
            let told = store.probe().await.unwrap().expect("the server's time");
            let ours = SystemClock::new().now();
            assert!(told.as_micros().abs_diff(ours.as_micros()) < 60_000_000, "{told} and {ours}");
            let pools = store.pools();
            assert_eq!(
                pools.iter().map(|(name, _)| *name).collect::<Vec<_>>(),
                ["reads", "writes"]
            );
            assert!(pools[0].1.open > 0, "{pools:?}");
            for (name, pool) in pools {
                assert!(pool.in_use <= pool.open && pool.open <= pool.max, "{name}: {pool:?}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn a_stop_in_the_middle_ends_in_the_same_schema() {
    let expected = schema(&Database::migrated().await).await;
    let database = Database::empty().await;
    let mut cut = 0;
    for micros in (0..).map(|step| 500 * step) {
        let store = PostgresStore::new(database.options());
        let preparing = tokio::time::timeout(Duration::from_micros(micros), store.prepare());
        if let Ok(done) = preparing.await {
            done.unwrap();
            break;
        }
        let before: Option<StoreError> = store.probe().await.err();
        assert!(matches!(before, Some(StoreError::Unavailable(_))), "{before:?}");
        cut += 1;
    }
    assert!(cut > 5, "it was stopped {cut} times only");
    assert_eq!(schema(&database).await, expected);
    // And where the server ends the connection.
    let database = Database::empty().await;
    let mut admin = database.connect().await;
    let kill = "select count(pg_terminate_backend(pid)) from pg_stat_activity
        where application_name = 'tollgate prepare' and datname = current_database()";
    for _ in 0..20 {
        let store = PostgresStore::new(database.options());
        let preparing = tokio::spawn(async move { store.prepare().await });
        for _ in 0..5 {
            run(&mut admin, kill).await;
        }
        if let Err(error) = preparing.await.unwrap() {
            assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
        }
    }
    prepared(database.options()).await;
    assert_eq!(schema(&database).await, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn what_is_wrong_is_said_in_one_line() {
    let database = Database::migrated().await;
    let (scheme, rest) = database.url.split_once("://").unwrap();
    let (_, host) = rest.rsplit_once('@').unwrap();
    let other = |who: &str, host: &str| {
        PostgresStore::new(PostgresOptions::new(&format!("{scheme}://{who}@{host}")).unwrap())
    };
    let user = rest.split_once(':').unwrap().0;
    let wrong = other(&format!("{user}:secret"), host).prepare().await.err();
    assert!(refusal(wrong).contains("password"));
    let elsewhere = PostgresOptions::new(&format!("{}_not", database.url)).unwrap();
    assert!(
        refusal(PostgresStore::new(elsewhere).prepare().await.err()).contains("no such database")
    );
    let nowhere = other(&format!("{user}:secret"), "127.0.0.1:1/none").prepare().await.err();
    assert!(matches!(nowhere, Some(StoreError::Unavailable(_))), "{nowhere:?}");

    let mut admin = database.connect().await;
    let name: String =
        sqlx::query_scalar("select current_database()").fetch_one(&mut admin).await.unwrap();
    run(&mut admin, format!("alter database {name} set synchronous_commit = off")).await;
    let unsafe_commit = PostgresStore::new(database.options()).prepare().await.err();
    assert!(refusal(unsafe_commit).starts_with("synchronous_commit is off"));
    let mut options = database.options();
    options.allow_unsafe_commit = true;
    prepared(options).await.probe().await.unwrap();
    run(&mut admin, format!("alter database {name} reset all")).await;

    run(
        &mut admin,
        "insert into _sqlx_migrations (version, description, success, checksum,
        execution_time) values (20990101000000, 'later', true, '', 0)",
    )
    .await;
    let newer = PostgresStore::new(database.options()).prepare().await.err();
    assert!(refusal(newer).contains("newer"));
    assert!(PostgresOptions::new("postgres://[").is_err());
}

#[tokio::test]
#[ignore = "needs servers: scripts/test"]
async fn before_it_is_prepared_it_is_unavailable() {
    let database = Database::migrated().await;
    let store = PostgresStore::new(database.options());
    let begun = store.begin(&Default::default()).await.err();
    assert!(matches!(begun, Some(StoreError::Unavailable(_))), "{begun:?}");
    let found = store.card(&token("x")).await.err();
    assert!(matches!(found, Some(StoreError::Unavailable(_))), "{found:?}");
}
