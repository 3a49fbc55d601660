//! The suite on the embedded store.

use std::sync::Arc;

use tollgate::store::sqlite::{SqliteOptions, SqliteStore};

use super::clock::TestClock;
use super::conformance;
use super::subject::Subject;

async fn open() -> Subject {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(TestClock::default());
    let path = folder.path().join("tollgate.db");
    let store = SqliteStore::open(&path, clock.clone(), SqliteOptions::default()).await.unwrap();
    Subject {
        home: store.clone(),
        facts: store.clone(),
        resources: store.clone(),
        history: store.clone(),
        outbox: store.clone(),
        audit: store,
        clock,
        _folder: folder,
    }
}

conformance!(open);
