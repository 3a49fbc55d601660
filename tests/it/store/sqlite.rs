//! The suite on the embedded store.

use std::sync::Arc;

use sqlx::ConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use tollgate::domain::id::Home;
use tollgate::store::sqlite::{SqliteOptions, SqliteStore};

use super::clock::TestClock;
use super::subject::Subject;
use super::{conformance, contended};

/// What the file is called.
pub const FILE: &str = "tollgate.db";

async fn open() -> Subject {
    open_store(&Home::ALL).await.0
}

/// As a home of wallets alone, to which the same sentences apply.
async fn open_personal() -> Subject {
    open_store(&[Home::Personal]).await.0
}

/// The subject, and the store that it sees.
pub async fn open_store(homes: &'static [Home]) -> (Subject, Arc<SqliteStore>) {
    open_in(tempfile::tempdir().unwrap(), homes).await
}

/// The same in a folder that the test knows.
pub async fn open_in(
    folder: tempfile::TempDir,
    homes: &'static [Home],
) -> (Subject, Arc<SqliteStore>) {
    let clock = Arc::new(TestClock::default());
    let path = folder.path().join(FILE);
    let store = SqliteStore::open(&path, clock.clone(), SqliteOptions::default()).await.unwrap();
    let subject = Subject { _cleanup: Box::new(folder), ..subject(&store, homes, clock) };
    (subject, store)
}

/// The store as one of its callers sees it.
fn subject(store: &Arc<SqliteStore>, homes: &'static [Home], clock: Arc<TestClock>) -> Subject {
    Subject {
        homes,
        home: store.clone(),
        facts: store.clone(),
        resources: store.clone(),
        lists: store.clone(),
        history: store.clone(),
        outbox: store.clone(),
        shards: store.clone(),
        due: store.clone(),
        explanations: store.clone(),
        audit: store.clone(),
        clock,
        _cleanup: Box::new(()),
    }
}

/// Two callers of the one writer.
async fn two() -> (Arc<Subject>, Arc<Subject>, Subject) {
    let (kept, store) = open_store(&Home::ALL).await;
    let caller = || Arc::new(subject(&store, &Home::ALL, Arc::clone(&kept.clock)));
    (caller(), caller(), kept)
}

conformance!(open; business, personal);

contended!(two; racers_spend_what_is_there_and_no_more);

#[tokio::test]
async fn counters_that_added_up_currencies_go() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tollgate.db");
    let clock = Arc::new(TestClock::default());
    let open = || SqliteStore::open(&path, clock.clone(), SqliteOptions::default());
    open().await.unwrap().close().await;
    let options = SqliteConnectOptions::new().filename(&path);
    let mut connection = options.connect().await.unwrap();
    let before = "insert into counters values
            ('lim_1', 'usr_1', 0, 1, 1), ('lim_1', 'usr_1/EUR', 0, 1, 1), ('lim_1', 'crd_1', 0, 1, 1);
        delete from _sqlx_migrations where version = 20261129130000";
    sqlx::raw_sql(before).execute(&mut connection).await.unwrap();
    open().await.unwrap();
    let members = sqlx::query_scalar("select member from counters order by member");
    let members: Vec<String> = members.fetch_all(&mut connection).await.unwrap();
    assert_eq!(members, ["crd_1", "usr_1/EUR"]);
}

mod personal {
    use super::conformance;

    conformance!(super::open_personal; personal);
}
