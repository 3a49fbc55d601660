//! The suite on PostgreSQL.

use std::sync::Arc;

use super::clock::TestClock;
use super::conformance;
use super::postgres_database::{Database, prepared};
use super::subject::Subject;

/// The time of the server.
async fn now_us(database: &Database) -> i64 {
    let now = "select (extract(epoch from clock_timestamp()) * 1000000)::bigint";
    sqlx::query_scalar(now).fetch_one(&mut database.connect().await).await.unwrap()
}

/// The store of a database, in time with a clock.
pub async fn subject(database: &Database, lanes: u32, clock: Arc<TestClock>) -> Subject {
    let mut options = database.options();
    options.lanes = lanes;
    options.clock_offset_us = clock.follow(now_us(database).await);
    let store = prepared(options).await;
    Subject {
        home: store.clone(),
        facts: store.clone(),
        resources: store.clone(),
        history: store.clone(),
        outbox: store.clone(),
        audit: store,
        clock,
        _folder: tempfile::tempdir().unwrap(),
    }
}

/// One connection for lanes: the suite waits for a transaction that was dropped by beginning another.
async fn open() -> Subject {
    let clock = Arc::new(TestClock::default());
    let database = Database::migrated().await;
    let subject = subject(&database, 1, clock.clone()).await;
    clock.keep(database);
    subject
}

conformance!(#[ignore = "needs servers: scripts/test"] open);
