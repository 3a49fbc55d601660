//! The suite on PostgreSQL.

use std::sync::Arc;

use tollgate::domain::id::Home;

use super::clock::TestClock;
use super::conformance;
use super::postgres_database::{Database, prepared};
use super::subject::Subject;

/// The store of a database, in time with a clock that stands beside a server.
pub async fn subject(database: &Database, lanes: u32, clock: Arc<TestClock>) -> Subject {
    let mut options = database.options();
    options.lanes = lanes;
    options.clock_offset_us = clock.offset();
    let store = prepared(options).await;
    Subject {
        homes: &[Home::Business],
        home: store.clone(),
        facts: store.clone(),
        resources: store.clone(),
        history: store.clone(),
        outbox: store.clone(),
        audit: store,
        clock,
        cleanup: Box::new(()),
    }
}

/// One connection for lanes: the suite waits for a transaction that was dropped by beginning another.
async fn open() -> Subject {
    let database = Database::migrated().await;
    let subject = subject(&database, 1, Arc::new(TestClock::beside_a_server())).await;
    Subject { cleanup: Box::new(database), ..subject }
}

conformance!(#[ignore = "needs servers: scripts/test"] open; business);
