//! The inbox, on every store that keeps one.

use std::sync::Arc;

use tollgate::domain::id::Home;
use tollgate::domain::time::Timestamp;
use tollgate::store::Inbox;

use super::postgres_database::{Database, prepared};
use super::sqlite::open_store;

async fn attempts_are_counted_before_they_begin(inbox: Arc<dyn Inbox>) {
    let at = Timestamp::from_micros;
    let begin = async |queue, id: &str, before, now| {
        inbox.begin(queue, id.to_owned(), before, at(now)).await.unwrap()
    };
    let begun = async |queue| inbox.begun(queue, "m".to_owned()).await.unwrap();
    assert_eq!(begun("a").await, 0, "nobody knows it");
    assert_eq!(begin("a", "m", 1, 10).await, 2, "one before that nobody has counted");
    assert_eq!(begin("a", "m", 1, 20).await, 3);
    assert_eq!((begun("a").await, begun("b").await), (3, 0));
    assert_eq!(begin("a", "m", 7, 30).await, 8, "its own headers know better");
    assert_eq!(begin("b", "m", 1, 10).await, 2, "another queue's");
    inbox.undo("a", "m".into()).await.unwrap();
    assert_eq!(begin("a", "m", 1, 40).await, 8);
    inbox.undo("a", "nobody".into()).await.unwrap();
    inbox.end("a", "m".into()).await.unwrap();
    inbox.end("a", "m".into()).await.unwrap();
    assert_eq!(begin("a", "m", 1, 50).await, 2);
    assert_eq!(inbox.drop_before(at(20)).await.unwrap(), 1);
    assert_eq!(begin("b", "m", 1, 60).await, 2, "forgotten");
    assert_eq!(begin("a", "m", 1, 60).await, 3, "remembered");
    // Two instances have the same message: they count as two.
    let begun = (0..16).map(|_| inbox.begin("c", "m".to_owned(), 1, at(1)));
    let mut begun: Vec<_> =
        futures_util::future::join_all(begun).await.into_iter().map(Result::unwrap).collect();
    begun.sort_unstable();
    assert_eq!(begun, (2..18).collect::<Vec<_>>());
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
