//! The suite on PostgreSQL.

use std::sync::Arc;

use tollgate::domain::id::Home;
use tollgate::store::postgres::PostgresOptions;

use super::clock::TestClock;
use super::conformance;
use super::postgres_database::{Database, prepared};
use super::subject::Subject;

/// The store of these options as an instance sees it that has this clock.
pub async fn subject(mut options: PostgresOptions, clock: Arc<TestClock>) -> Subject {
    options.clock_offset_us = clock.offset();
    let store = prepared(options).await;
    Subject {
        homes: &[Home::Business],
        home: store.clone(),
        facts: store.clone(),
        resources: store.clone(),
        lists: store.clone(),
        history: store.clone(),
        outbox: store.clone(),
        shards: store.clone(),
        due: store.clone(),
        explanations: store.clone(),
        audit: store,
        clock,
        _cleanup: Box::new(()),
    }
}

/// One connection for lanes: the suite waits for a transaction that was dropped by beginning another.
async fn open() -> Subject {
    let database = Database::migrated().await;
    let mut options = database.options();
    options.lanes = 1;
    let clock = Arc::new(TestClock::beside_a_server());
    Subject { _cleanup: Box::new(database), ..subject(options, clock).await }
}

conformance!(#[ignore = "needs servers: scripts/test"] open; business);
