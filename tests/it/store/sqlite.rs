//! The suite on the embedded store.

use std::sync::Arc;

use tollgate::domain::id::Home;
use tollgate::store::sqlite::{SqliteOptions, SqliteStore};

use super::clock::TestClock;
use super::conformance;
use super::subject::Subject;

async fn open() -> Subject {
    open_store(&Home::ALL).await.0
}

/// As a home of wallets alone, to which the same sentences apply.
async fn open_personal() -> Subject {
    open_store(&[Home::Personal]).await.0
}

/// The subject, and the store that it sees.
pub async fn open_store(homes: &'static [Home]) -> (Subject, Arc<SqliteStore>) {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(TestClock::default());
    let path = folder.path().join("tollgate.db");
    let store = SqliteStore::open(&path, clock.clone(), SqliteOptions::default()).await.unwrap();
    let subject = Subject {
        homes,
        home: store.clone(),
        facts: store.clone(),
        resources: store.clone(),
        lists: store.clone(),
        history: store.clone(),
        outbox: store.clone(),
        shards: store.clone(),
        due: store.clone(),
        audit: store.clone(),
        clock,
        _cleanup: Box::new(folder),
    };
    (subject, store)
}

conformance!(open; business, personal);

mod personal {
    use super::conformance;

    conformance!(super::open_personal; personal);
}
