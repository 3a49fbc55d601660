//! An event in the outbox that was changed by hand and can not be read, on every store.

use std::path::Path;
use std::sync::Arc;

use mongodb::bson::{Document, doc};
use sqlx::ConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use tollgate::domain::id::Home;
use tollgate::store::StoreError;
use tollgate::store::outbox::{Place, Waiting};

use super::clock::TestClock;
use super::mongodb::{Corner, open_one};
use super::postgres::subject;
use super::postgres_database::Database;
use super::sqlite::{FILE, open_in};
use super::subject::{Subject, purchase};

/// What is no JSON.
const SPOILT: &str = "{";

async fn it_is_told_from_its_neighbours(subject: &Subject, spoil: impl AsyncFn(&Waiting)) {
    subject.program("acme", 1_000_00).await;
    subject.empty_the_outbox().await;
    for name in ["t1", "t2", "t3"] {
        subject.approve(purchase(name, "acme-card", 1_00)).await;
    }
    let rows = subject.waiting().await;
    spoil(&rows[1]).await;
    let shards = &subject.shards;
    let failed = shards.oldest(0..=15, 100).await.unwrap_err();
    assert!(matches!(failed, StoreError::Failed(_)), "{failed:?}");

    let sifted = shards.sift(0..=15, 100).await.unwrap();
    let places = |rows: &[Waiting]| rows.iter().map(|row| row.place).collect::<Vec<Place>>();
    assert_eq!(places(&sifted.waiting), [rows[0].place, rows[2].place]);
    assert_eq!(sifted.waiting[0].event.payload.get(), rows[0].event.payload.get());
    let [unreadable] = &sifted.unreadable[..] else { panic!("{:?}", sifted.unreadable) };
    assert_eq!((unreadable.place, &unreadable.id), (rows[1].place, &rows[1].event.id.to_string()));
    assert!(unreadable.row.contains(&rows[1].event.kind), "{}", unreadable.row);
    assert!(!unreadable.error.is_empty());

    shards.discard(Vec::new()).await.unwrap();
    shards.discard(vec![unreadable.place]).await.unwrap();
    assert_eq!(places(&subject.waiting().await), [rows[0].place, rows[2].place]);
}

/// Changes a row behind the back of the store in this folder.
pub async fn spoil(folder: &Path, row: &Waiting) {
    spoil_with(folder, row, SPOILT.as_bytes()).await;
}

async fn spoil_with(folder: &Path, row: &Waiting, payload: &[u8]) {
    let options = SqliteConnectOptions::new().filename(folder.join(FILE));
    let mut connection = options.connect().await.unwrap();
    let spoiling = sqlx::query("update outbox set payload = cast(? as text) where seq = ?");
    let spoiling = spoiling.bind(payload).bind(row.place.order);
    assert_eq!(spoiling.execute(&mut connection).await.unwrap().rows_affected(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_owned();
    let (subject, _store) = open_in(folder, &Home::ALL).await;
    it_is_told_from_its_neighbours(&subject, async |row| spoil(&path, row).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_sqlite_where_it_is_no_text() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_owned();
    let (subject, _store) = open_in(folder, &Home::ALL).await;
    let spoil = async |row: &Waiting| spoil_with(&path, row, b"\"\xff").await;
    it_is_told_from_its_neighbours(&subject, spoil).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn on_postgres() {
    let database = Database::migrated().await;
    let subject = subject(database.options(), Arc::new(TestClock::beside_a_server())).await;
    let spoil = async |row: &Waiting| {
        let spoiling = sqlx::query("update outbox set key = $1, payload = $2 where seq = $3");
        let spoiling = spoiling.bind(&row.event.key).bind(SPOILT).bind(row.place.order);
        let done = spoiling.execute(&mut database.connect().await).await.unwrap();
        assert_eq!(done.rows_affected(), 1);
    };
    it_is_told_from_its_neighbours(&subject, spoil).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn on_mongodb() {
    let corner = Corner::new();
    let subject = open_one(&corner).await;
    let spoil = async |row: &Waiting| {
        let outbox = corner.database().await.collection::<Document>("outbox");
        let own = doc! { "payload": row.event.payload.get() };
        let spoilt = doc! { "$set": { "payload": SPOILT } };
        assert_eq!(outbox.update_many(own, spoilt).await.unwrap().matched_count, 1);
    };
    it_is_told_from_its_neighbours(&subject, spoil).await;
}
