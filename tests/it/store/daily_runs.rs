//! Marks of daily work, on every store that keeps them.

use std::sync::Arc;

use tollgate::domain::id::Home;
use tollgate::domain::time::Timestamp;
use tollgate::store::daily_runs::{DailyRun, DailyRuns};
use uuid::Uuid;

use super::postgres_database::{Database, prepared};
use super::sqlite::open_store;

async fn a_day_is_done_once_and_taken_over_where_nobody_is_heard_of(runs: Arc<dyn DailyRuns>) {
    let at = Timestamp::from_micros;
    let run = |day, runner| DailyRun { name: "w", day, runner: Uuid::from_u128(runner) };
    let claim = async |day, runner, now, until| {
        runs.claim(run(day, runner), at(now), at(until)).await.unwrap()
    };
    let now = runs.now().await.unwrap();
    assert!(runs.now().await.unwrap() >= now, "the store has a time");
    assert_eq!(runs.last("w").await.unwrap(), None);
    assert!(claim(7, 1, 10, 20).await);
    assert!(!claim(7, 2, 19, 30).await, "somebody is at it");
    assert!(claim(7, 1, 19, 40).await, "whoever is at it goes on");
    assert!(claim(7, 2, 40, 50).await, "nobody is heard of");
    runs.release(run(7, 1)).await.unwrap();
    assert!(!claim(7, 3, 41, 60).await, "it is another's by now");
    runs.release(run(7, 2)).await.unwrap();
    assert!(claim(7, 3, 41, 60).await, "who can not do it leaves it to others");
    runs.finish(run(6, 2), at(41)).await.unwrap();
    assert_eq!(runs.last("w").await.unwrap(), None, "a later day's was begun");
    runs.finish(run(7, 1), at(42)).await.unwrap();
    assert_eq!(runs.last("w").await.unwrap(), Some(at(42)), "by whoever was at it longest");
    runs.finish(run(7, 3), at(43)).await.unwrap();
    runs.release(run(7, 3)).await.unwrap();
    assert_eq!(runs.last("w").await.unwrap(), Some(at(42)), "it is done once");
    for runner in [1, 2, 3] {
        assert!(!claim(7, runner, 90, 99).await, "it is done");
        assert!(!claim(6, runner, 90, 99).await, "and so is what was before");
    }
    assert!(claim(9, 3, 100, 110).await, "the next one, whatever was missed");
    assert_eq!(runs.last("w").await.unwrap(), Some(at(42)), "until that is done");
    let other = DailyRun { name: "v", ..run(7, 1) };
    assert!(runs.claim(other, at(10), at(20)).await.unwrap(), "another work");

    let claims = (0..8).map(|runner| claim(10, 100 + runner, 200, 300));
    let claimed = futures_util::future::join_all(claims).await;
    assert_eq!(claimed.into_iter().filter(|claimed| *claimed).count(), 1, "of many, one");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_sqlite() {
    let (_subject, store) = open_store(&Home::ALL).await;
    a_day_is_done_once_and_taken_over_where_nobody_is_heard_of(store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn on_postgres() {
    let database = Database::migrated().await;
    let store = prepared(database.options()).await;
    a_day_is_done_once_and_taken_over_where_nobody_is_heard_of(store).await;
}
