//! MongoDB is prepared once, by whoever comes first, and refused where it is not safe.

use std::process::{Command, Stdio};
use std::time::Duration;

use mongodb::bson::{Bson, Document, doc};
use tollgate::app::clock::SystemClock;
use tollgate::domain::clock::Clock;
use tollgate::store::mongodb::{MongoOptions, MongoStore};
use tollgate::store::{Prepare, Probe, StoreError};

use super::mongodb::{Corner, prepared, store};

fn unprepared(url: &str) -> MongoStore {
    let mut options = MongoOptions::new(url);
    options.server_selection = Duration::from_millis(500);
    MongoStore::new(options).unwrap()
}

/// The first batch of a command's cursor: all that there is in a database of a test.
async fn listed(database: &mongodb::Database, command: Document) -> Vec<Document> {
    let reply = database.run_command(command).await.unwrap();
    let batch = reply.get_document("cursor").unwrap().get_array("firstBatch").unwrap();
    batch.iter().map(|listed| listed.as_document().unwrap().clone()).collect()
}

/// Collections, what their documents must keep to, their indexes, and the version, as one text.
async fn schema(corner: &Corner) -> String {
    let database = corner.database().await;
    let mut texts = Vec::new();
    for about in listed(&database, doc! { "listCollections": 1 }).await {
        let name = about.get_str("name").unwrap();
        let options = about.get_document("options").unwrap();
        let kept = ["clusteredIndex", "validator"].map(|option| options.get(option));
        let indexes = listed(&database, doc! { "listIndexes": name }).await;
        let mut indexes: Vec<String> = indexes.iter().map(Document::to_string).collect();
        indexes.sort();
        texts.push(format!("{name}: {kept:?} {indexes:?}"));
    }
    texts.sort();
    let versions = database.collection::<Document>("schema");
    let version = versions.find_one(doc! { "_id": "version" }).await.unwrap();
    let version = version.expect("the schema has a version");
    texts.push(format!("version: {:?}", version.get("version").and_then(Bson::as_i64)));
    texts.join("\n")
}

/// The schema of a database where nothing came in between.
async fn expected() -> String {
    let corner = Corner::new();
    store(&corner, |_| {}).await;
    schema(&corner).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn a_stop_in_the_middle_ends_in_the_same_schema() {
    let expected = expected().await;
    let corner = Corner::new();
    let database = corner.database().await;
    let (mut cut, mut time) = (0, Duration::from_millis(40));
    loop {
        // Each is a process of its own, that is killed.
        let killed = unprepared(corner.url());
        match tokio::time::timeout(time, killed.prepare()).await {
            Ok(Ok(())) => break,
            Ok(Err(StoreError::Failed(error))) => panic!("{error}"),
            Ok(Err(_)) => {}
            Err(_) => cut += 1,
        }
        // As if its lease had run out.
        let leases = database.collection::<Document>("schema");
        leases.delete_one(doc! { "_id": "lock" }).await.unwrap();
        time += time / 4;
        assert!(time < Duration::from_secs(60), "it never comes to its end");
    }
    assert!(cut > 5, "it was stopped {cut} times only");
    assert_eq!(schema(&corner).await, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn names_and_marks_that_lead_nowhere_are_refused() {
    let corner = Corner::new();
    store(&corner, |_| {}).await;
    let database = corner.database().await;
    for (collection, row) in [
        ("links", doc! { "_id": "t1" }),
        ("links", doc! { "_id": "t1", "chain": 1 }),
        ("explanations_thinned", doc! { "_id": "authorizations" }),
        ("explanations_thinned", doc! { "_id": "authorizations", "up_to": "a" }),
    ] {
        let written = database.collection::<Document>(collection).insert_one(&row).await;
        assert!(written.is_err(), "{collection}: {row}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn several_may_prepare_at_once_and_one_may_be_killed() {
    let corner = Corner::new();
    let killed = unprepared(corner.url());
    // It has begun: collections are there, and not all of them.
    let _ = tokio::time::timeout(Duration::from_millis(250), killed.prepare()).await;
    assert!(matches!(killed.probe().await, Err(StoreError::Unavailable(_))), "not prepared yet");
    let stores: Vec<MongoStore> = (0..3).map(|_| unprepared(corner.url())).collect();
    let (first, second, third) =
        tokio::join!(prepared(&stores[0]), prepared(&stores[1]), prepared(&stores[2]));
    for done in [first, second, third] {
        done.unwrap();
    }
    for store in &stores {
        let told = store.probe().await.unwrap().expect("the server's time");
        let ours = SystemClock::new().now();
        assert!(told.as_micros().abs_diff(ours.as_micros()) < 60_000_000, "{told} and {ours}");
        let pools = store.pools();
        let [("calls", pool)] = pools[..] else { panic!("{pools:?}") };
        assert!(0 < pool.open && pool.in_use <= pool.open && pool.open <= pool.max, "{pool:?}");
        store.prepare().await.unwrap();
    }
    let leases = corner.database().await.collection::<Document>("schema");
    assert_eq!(leases.find_one(doc! { "_id": "lock" }).await.unwrap(), None, "given back");
    assert_eq!(schema(&corner).await, expected().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn a_newer_schema_is_refused() {
    let corner = Corner::new();
    store(&corner, |_| {}).await;
    let schema = corner.database().await.collection::<Document>("schema");
    let newer = doc! { "$set": { "version": 99_991_231_000_000_i64 } };
    schema.update_one(doc! { "_id": "version" }, newer).await.unwrap();
    let refused = unprepared(corner.url()).prepare().await;
    assert!(matches!(refused, Err(StoreError::Failed(_))), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn unsafe_and_unreachable_servers_are_told_apart() {
    let corner = Corner::new();
    for unsafe_part in ["w=1", "w=0", "journal=false"] {
        let refused = unprepared(&format!("{}&{unsafe_part}", corner.url())).prepare().await;
        assert!(matches!(refused, Err(StoreError::Failed(_))), "{unsafe_part}: {refused:?}");
    }
    let stranger = corner.url().replacen("mongodb://", "mongodb://nobody:wrong@", 1);
    // Connections that others make may have met the refusal first, and be what was lost.
    let refused = prepared(&unprepared(&stranger)).await;
    assert!(matches!(refused, Err(StoreError::Failed(_))), "{refused:?}");
    assert!(!format!("{refused:?}").contains("wrong"), "no password in errors");
    let nowhere = unprepared("mongodb://127.0.0.1:1/tollgate?replicaSet=rs0").prepare().await;
    assert!(matches!(nowhere, Err(StoreError::Unavailable(_))), "{nowhere:?}");
    assert!(MongoStore::new(MongoOptions::new("postgres://x")).is_err());
}

/// A server of the test's own, without a replica set: the same program as the shared one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn a_server_without_transactions_is_refused() {
    const PORT: u16 = 27_391;
    let corner = Corner::new();
    let started = corner.admin(doc! { "getCmdLineOpts": 1 }).await;
    let program = started.get_array("argv").unwrap()[0].as_str().unwrap().to_owned();
    let folder = tempfile::tempdir().unwrap();
    let mut server = Command::new(program)
        .args(["--bind_ip", "127.0.0.1", "--nounixsocket", "--wiredTigerCacheSizeGB", "0.25"])
        .args(["--port", &PORT.to_string(), "--dbpath"])
        .arg(folder.path())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let refused = prepared(&unprepared(&format!("mongodb://127.0.0.1:{PORT}/tollgate"))).await;
    server.kill().unwrap();
    server.wait().unwrap();
    assert!(matches!(refused, Err(StoreError::Failed(_))), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn counters_that_added_up_currencies_go() {
    let corner = Corner::new();
    store(&corner, |_| {}).await;
    let database = corner.database().await;
    let counters = database.collection::<Document>("counters");
    let row = |key: &str, member: &str| doc! { "_id": key, "member": member };
    let rows = [row("old", "usr_1"), row("new", "usr_1/EUR"), row("cap", "crd_1")];
    counters.insert_many(rows).await.unwrap();
    let schema = database.collection::<Document>("schema");
    let before = doc! { "$set": { "version": 20_261_121_230_000_i64 } };
    schema.update_one(doc! { "_id": "version" }, before).await.unwrap();
    unprepared(corner.url()).prepare().await.unwrap();
    assert_eq!(counters.find_one(doc! { "_id": "old" }).await.unwrap(), None);
    assert_eq!(counters.count_documents(doc! {}).await.unwrap(), 2);
}
