//! The inbox, on every store that keeps one.

use std::sync::Arc;

use tollgate::domain::id::Home;
use tollgate::domain::time::Timestamp;
use tollgate::store::Inbox;

use super::postgres_database::{Database, prepared};
use super::sqlite::open_store;

async fn attempts_are_counted_before_they_begin(inbox: Arc<dyn Inbox>) {
    let at = Timestamp::from_micros;
    let begin = async |queue, id: &str, attempt, now| {
        inbox.begin(queue, id.to_owned(), attempt, at(now)).await.unwrap()
    };
    let undo = async |queue, id: &str, attempt| {
        inbox.undo(queue, id.to_owned(), attempt).await.unwrap();
    };
    let begun = async |queue| inbox.begun(queue, "m".to_owned()).await.unwrap();
    assert_eq!(begun("a").await, 0, "nobody knows it");
    assert_eq!(begin("a", "m", 2, 10).await, 2, "one before that nobody has counted");
    assert_eq!(begin("a", "m", 2, 15).await, 2, "repeated, as it was not answered");
    assert_eq!(begin("a", "m", 3, 20).await, 3);
    assert_eq!((begun("a").await, begun("b").await), (3, 0));
    assert_eq!(begin("a", "m", 8, 30).await, 8, "its own headers know better");
    assert_eq!(begin("a", "m", 2, 30).await, 8, "so does whoever has counted more");
    assert_eq!(begin("b", "m", 2, 10).await, 2, "another queue's");
    undo("a", "m", 8).await;
    undo("a", "m", 8).await;
    assert_eq!(begun("a").await, 7, "taken back once");
    undo("a", "m", 6).await;
    assert_eq!(begun("a").await, 7, "it is not the last");
    undo("a", "nobody", 2).await;
    inbox.end("a", "m".into()).await.unwrap();
    inbox.end("a", "m".into()).await.unwrap();
    assert_eq!(begin("a", "m", 2, 50).await, 2);
    assert_eq!(inbox.drop_before(at(20)).await.unwrap(), 1);
    assert_eq!(begin("b", "m", 2, 60).await, 2, "forgotten");
    assert_eq!((begun("a").await, begun("b").await), (2, 2), "remembered");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_sqlite() {
    let (_subject, store) = open_store(&Home::ALL).await;
    attempts_are_counted_before_they_begin(store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn on_postgres() {
    let database = Database::migrated().await;
    let store = prepared(database.options()).await;
    attempts_are_counted_before_they_begin(store).await;
}
