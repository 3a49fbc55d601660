//! The suite on the embedded store.

use std::sync::Arc;

use tollgate::domain::id::Home;
use tollgate::store::sqlite::{SqliteOptions, SqliteStore};

use super::clock::TestClock;
use super::conformance;
use super::subject::Subject;

async fn open() -> Subject {
    keeping(&Home::ALL).await
}

/// As a home of wallets alone, to which the same sentences apply.
async fn open_personal() -> Subject {
    keeping(&[Home::Personal]).await
}

async fn keeping(homes: &'static [Home]) -> Subject {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(TestClock::default());
    let path = folder.path().join("tollgate.db");
    let store = SqliteStore::open(&path, clock.clone(), SqliteOptions::default()).await.unwrap();
    Subject {
        homes,
        home: store.clone(),
        facts: store.clone(),
        resources: store.clone(),
        history: store.clone(),
        outbox: store.clone(),
        audit: store,
        clock,
        _cleanup: Box::new(folder),
    }
}

conformance!(open; business, personal);

mod personal {
    use super::conformance;

    conformance!(super::open_personal; personal);
}
