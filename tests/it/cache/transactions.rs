//! A processed transaction over HTTP, on servers: read again it comes from the cache, to those who may
//! see it, and whatever becomes of Redis, it is read as it is.

use std::time::Duration;

use redis::AsyncCommands;
use redis::aio::MultiplexedConnection;
use serde_json::{Value, json};

use super::server::OwnRedis;
use crate::ingest::door::{report, settled};
use crate::store::mongodb::Corner;
use crate::store::postgres_database::Database;
use crate::support::program::{created, text};
use crate::support::{Client, Program, TestApp};

/// Two instances on the same servers.
struct Scene {
    /// With a memory.
    first: TestApp,
    /// Its memory keeps nothing: what it reads it asks Redis for.
    second: TestApp,
    program: Program,
    redis: OwnRedis,
    raw: MultiplexedConnection,
    _stores: (Database, Corner),
}

async fn instance(
    (database, corner): &(Database, Corner),
    redis: &OwnRedis,
    memory_ttl_s: u64,
) -> TestApp {
    let app = TestApp::start_with(|settings| {
        settings.store.postgres.url = Some(database.service_url().into());
        settings.store.mongodb.url = Some(corner.url().into());
        settings.cache.redis.url = Some(redis.url().into());
        settings.cache.redis.budget_ms = 1_000; // these machines are slow and shared
        settings.cache.redis.memory_ttl_s = memory_ttl_s;
        settings.ingest.poll_ms = 10;
    });
    let app = app.await;
    while app.get("/ready").await.0 != 200 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    app
}

impl Scene {
    async fn start() -> Self {
        let stores = (Database::migrated().await, Corner::new());
        let redis = OwnRedis::start().await;
        let first = instance(&stores, &redis, 600).await;
        let second = instance(&stores, &redis, 0).await;
        let program = Program::set_up(&mut first.client(), 0, 1).await;
        let raw = redis.raw().await.expect("it answers");
        Self { first, second, program, redis, raw, _stores: stores }
    }

    /// Reports one to the first instance, which then has it in memory, and Redis, too.
    async fn processed(&self, name: &str) -> Reported {
        let mut client = self.first.client();
        let answer = client.post("/api/v1/transactions", report(name, self.program.card(), 500));
        let id = text(&answer.await.json()["id"]);
        let told = settled(&mut client, &id).await;
        assert_eq!(told["status"], "processed", "{told}");
        let (path, key) =
            (format!("/api/v1/transactions/{id}"), format!("tollgate:transaction:{id}"));
        let kept = self.kept(&key, |_| true).await;
        Reported { told, path, key, kept }
    }

    /// What Redis has under this key, once it is what is waited for.
    async fn kept(&self, key: &str, is_awaited: impl Fn(&str) -> bool) -> String {
        for _ in 0..1_000 {
            // A key of another type is none.
            let found = self.raw.clone().get::<_, Option<String>>(key).await.ok().flatten();
            if let Some(found) = found.filter(|found| is_awaited(found)) {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("{key} is not kept");
    }

    async fn stop(self) {
        self.first.stop().await;
        self.second.stop().await;
    }
}

/// How it is told of, where it is read, and what Redis has of it.
struct Reported {
    told: Value,
    path: String,
    key: String,
    kept: String,
}

impl Reported {
    async fn is_read_as_it_is(&self, app: &TestApp, when: &str) {
        let (status, told) = app.get(&self.path).await;
        assert_eq!((status.as_u16(), &told), (200, &self.told), "{when}");
    }
}

/// Hits and misses of the memory, and of Redis; the metrics are made of the same.
async fn lookups(app: &TestApp) -> [u64; 4] {
    let (_, health) = app.get("/health").await;
    let cache = &health["details"]["cache"]["business"];
    let (memory, shared) = (&cache["transactions"], &cache["shared"]["transactions"]);
    [&memory["hits"], &memory["misses"], &shared["hits"], &shared["misses"]]
        .map(|count| count.as_u64().expect("a count"))
}

/// By how much each has grown.
fn grown(before: [u64; 4], after: [u64; 4]) -> [u64; 4] {
    std::array::from_fn(|at| after[at] - before[at])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn read_again_it_comes_from_memory_and_elsewhere_from_redis() {
    let scene = Scene::start().await;
    let reported = scene.processed("t-1").await;
    let ttl_s: i64 = scene.raw.clone().ttl(&reported.key).await.unwrap();
    assert!((240..=330).contains(&ttl_s), "five minutes, give or take a tenth: {ttl_s} s");
    for (app, expected) in [(&scene.first, [1, 0, 0, 0]), (&scene.second, [0, 1, 1, 0])] {
        let before = lookups(app).await;
        reported.is_read_as_it_is(app, "again").await;
        assert_eq!(grown(before, lookups(app).await), expected);
    }
    scene.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn one_that_is_cached_is_shown_to_no_other_company() {
    let scene = Scene::start().await;
    let reported = scene.processed("t-1").await;
    let mut client = scene.first.client();
    let stranger = json!({"name": "Stranger", "currency": "USD"});
    let stranger = text(&created(client.post("/api/v1/companies", stranger).await)["id"]);
    let mut keys = Vec::new();
    for company in [&scene.program.company, &stranger] {
        let key = json!({"name": "test", "scopes": ["read"], "company_id": company});
        keys.push(text(&created(client.post("/api/v1/api-keys", key).await)["key"]));
    }
    for (app, expected) in [(&scene.first, [2, 0, 0, 0]), (&scene.second, [0, 2, 2, 0])] {
        let before = lookups(app).await;
        let [mut own, mut other] =
            [&keys[0], &keys[1]].map(|key| Client::new(app.addr, key, "", ""));
        let found = own.get(&reported.path).await;
        assert_eq!((found.status.as_u16(), found.json()), (200, reported.told.clone()));
        assert_eq!(other.get(&reported.path).await.says(), (404, "not_found".to_owned()));
        assert_eq!(grown(before, lookups(app).await), expected, "both were in the cache");
    }
    scene.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn an_entry_that_is_broken_is_no_answer_and_is_mended() {
    let scene = Scene::start().await;
    let (reported, other) = (scene.processed("t-1").await, scene.processed("t-2").await);
    let (mut raw, key, good) = (scene.raw.clone(), &reported.key, reported.kept.as_str());
    let older = good.replace(r#"{"v":1,"#, r#"{"v":0,"#);
    assert_ne!(older, good);
    let half = &good[..good.len() / 2];
    for (what, value) in
        [("cut", half), ("older schema", &older), ("of another", &other.kept), ("empty", "")]
    {
        let () = raw.set(key, value).await.unwrap();
        let before = lookups(&scene.second).await;
        reported.is_read_as_it_is(&scene.second, what).await;
        assert_eq!(grown(before, lookups(&scene.second).await), [0, 1, 0, 1], "{what}");
        scene.kept(key, |kept| kept == good).await;
    }
    let () = raw.del(key).await.unwrap();
    let () = raw.lpush(key, "x").await.unwrap();
    reported.is_read_as_it_is(&scene.second, "of another type").await;
    scene.kept(key, |kept| kept == good).await;
    scene.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn a_redis_that_is_emptied_or_gone_changes_nothing() {
    let mut scene = Scene::start().await;
    let reported = scene.processed("t-1").await;
    let () = redis::cmd("FLUSHALL").query_async(&mut scene.raw).await.unwrap();
    for app in [&scene.first, &scene.second] {
        reported.is_read_as_it_is(app, "emptied").await;
    }
    scene.kept(&reported.key, |kept| kept == reported.kept).await;
    scene.redis.kill();
    for app in [&scene.first, &scene.second] {
        reported.is_read_as_it_is(app, "gone").await;
    }
    scene.stop().await;
}
