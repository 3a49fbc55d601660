//! The suite on the embedded store.

use std::sync::Arc;

use tollgate::store::sqlite::{SqliteOptions, SqliteStore};

use super::clock::TestClock;
use super::conformance;
use super::subject::Subject;

async fn open() -> Subject {
    open_store().await.0
}

/// The subject, and the store that it sees.
pub async fn open_store() -> (Subject, Arc<SqliteStore>) {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(TestClock::default());
    let path = folder.path().join("tollgate.db");
    let store = SqliteStore::open(&path, clock.clone(), SqliteOptions::default()).await.unwrap();
    let subject = Subject {
        home: store.clone(),
        facts: store.clone(),
        resources: store.clone(),
        history: store.clone(),
        outbox: store.clone(),
        audit: store.clone(),
        clock,
        _folder: folder,
    };
    (subject, store)
}

conformance!(open);
