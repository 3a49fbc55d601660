//! Starting: what is wrong with the settings is said in one line that names the key; a server that
//! is not there yet is waited for.

use std::process::{Command, Output, Stdio};
use std::time::Duration;

use mongodb::bson::{Document, doc};
use serde_json::Value;
use tokio::time::Instant;

use crate::store::mongodb::{Corner, store};
use crate::store::mongodb_rights::Guarded;
use crate::store::postgres_database::{Database, run};
use crate::support::instance::Instance;
use crate::support::own_servers::{OwnServers, free_ports};
use crate::support::{marqeta, servers};

/// Runs `tollgate serve` with these variables until it gives up.
fn refused(environment: &[(&str, &str)]) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate"));
    for server in ["DATABASE_URL", "MONGODB_URI", "REDIS_URL", "RABBITMQ_URL"] {
        command.env_remove(server);
    }
    command
        .env("TOLLGATE__HTTP__LISTEN", "127.0.0.1:0")
        .env("TOLLGATE__DATA_DIR", folder.path())
        .env("TOLLGATE__ADMIN__KEY", "a-key-of-some-length")
        .env("TOLLGATE__JIT__USERNAME", "a-name")
        .env("TOLLGATE__JIT__PASSWORD", "A-password-0001!")
        .env("TOLLGATE__LOG__FILTER", "error,lapin=off") // as off as by default
        .envs(environment.iter().copied())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut process = command.spawn().expect("the program starts");
    let until = Instant::now() + Duration::from_secs(20);
    while process.try_wait().expect("a process").is_none() {
        if Instant::now() > until {
            let _ = process.kill();
            panic!("{environment:?} did not stop the start");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let Output { status, stderr, .. } = process.wait_with_output().expect("an end");
    assert!(!status.success());
    let said = String::from_utf8(stderr).expect("text");
    assert_eq!(said.lines().count(), 1, "one line: {said}");
    assert!(!said.contains("s3cret"), "secrets do not print: {said}");
    said
}

/// The same URL with a password that is not the right one.
fn with_wrong_password(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").expect("a URL");
    let (user, server) = rest.rsplit_once('@').expect("a URL that names a user");
    let name = user.split_once(':').map_or(user, |(name, _)| name);
    format!("{scheme}://{name}:s3cret@{server}")
}

fn check(environment: &[(&str, &str)], names: &str) {
    let said = refused(environment);
    assert!(said.contains(names), "{names} is not in {said}");
}

#[test]
fn settings_that_can_not_be_right_stop_the_start_and_name_the_key() {
    check(&[("DATABASE_URL", "postgres://u:s3cret@host:port/db")], "store.postgres.url");
    check(&[("DATABASE_URL", "mysql://u:s3cret@host/db")], "store.postgres.url");
    check(&[("MONGODB_URI", "mongodb://u:s3cret@/?x")], "store.mongodb.url");
    check(&[("REDIS_URL", "redis://u:s3cret@host:port/0")], "cache.redis.url");
    check(&[("TOLLGATE__STORE__POSTGRES__POOL_MAX", "0")], "store.postgres.pool_max");
    check(
        &[("TOLLGATE__STORE__POSTGRES__POOL_MAXX", "5")],
        "did you mean store.postgres.pool_max?",
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_not_there_is_waited_for_while_the_process_is_up() {
    let ports = free_ports(3);
    let environment = [
        ("DATABASE_URL".to_owned(), format!("postgres://u:p@127.0.0.1:{}/d", ports[0])),
        ("MONGODB_URI".to_owned(), format!("mongodb://127.0.0.1:{}/d?replicaSet=rs0", ports[1])),
        ("REDIS_URL".to_owned(), format!("redis://127.0.0.1:{}/0", ports[2])),
    ];
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("log");
    let instance = Instance::spawn_logged(folder.path(), &environment, &log);
    let mut client = instance.client();
    let until = Instant::now() + Duration::from_secs(10);
    while client.try_get("/live").await.is_none_or(|answer| answer.status != 200) {
        assert!(Instant::now() < until, "the process is not up");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let ready = client.get("/ready").await;
    assert_eq!((ready.status.as_u16(), &ready.json()["phase"]), (503, &Value::from("starting")));
    let health = client.get("/health").await;
    assert_eq!(health.status, 503);
    assert_eq!(health.json()["services"]["postgres"], "unhealthy");
    let asked = Instant::now();
    let answer = client.jit(marqeta::purchase("t1", "a-card", "1.00")).await;
    assert_eq!(answer.says(), (402, "TRANSACTION_NOT_PERMITTED".to_owned()));
    assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
    let said = std::fs::read_to_string(log).expect("a log");
    for setting in ["store.postgres.url", "store.mongodb.url", "cache.redis.url"] {
        let lines = said.lines().filter(|line| line.contains(setting));
        assert_eq!(lines.count(), 1, "one line that names {setting}: {said}");
    }
}

#[test]
#[ignore = "needs servers: scripts/test"]
fn servers_that_can_not_be_used_stop_the_start_and_name_the_key() {
    let servers = OwnServers::start(&["postgres"]);
    let url = servers.url("DATABASE_URL");
    check(&[("DATABASE_URL", &with_wrong_password(&url))], "store.postgres.url");
    let wrong_database = url.replace("/tollgate", "/nowhere");
    check(&[("DATABASE_URL", &wrong_database)], "store.postgres.url");
    let rabbitmq = with_wrong_password(&servers::url("RABBITMQ_URL"));
    check(&[("RABBITMQ_URL", &rabbitmq)], "broker.rabbitmq.url");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn a_wrong_password_for_mongodb_stops_the_start_and_names_the_key() {
    let server = Guarded::start().await;
    let (_owner, url) = server.corner().await;
    let wrong_password = with_wrong_password(&url);
    tokio::task::block_in_place(|| {
        check(&[("MONGODB_URI", &wrong_password)], "store.mongodb.url");
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn a_redis_that_lets_nobody_in_stops_the_start_and_names_the_key() {
    let url = servers::url("REDIS_URL");
    let client = redis::Client::open(url.as_str()).expect("a URL");
    let mut server = client.get_multiplexed_async_connection().await.expect("a server");
    let user = servers::unique();
    let mut rights = redis::cmd("ACL");
    rights.arg(&["SETUSER", &user, "on", ">of-this-test", "~*", "&*", "+@all", "-ping"]);
    let () = rights.query_async(&mut server).await.expect("a user");
    let of = |password: &str| url.replacen("://", &format!("://{user}:{password}@"), 1);
    tokio::task::block_in_place(|| {
        check(&[("REDIS_URL", &of("s3cret"))], "cache.redis.url");
        check(&[("REDIS_URL", &of("of-this-test"))], "cache.redis.url"); // may not do enough
    });
    let () =
        redis::cmd("ACL").arg(&["DELUSER", &user]).query_async(&mut server).await.expect("a user");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn a_schema_that_is_newer_than_this_release_stops_the_start_and_names_the_key() {
    let database = Database::migrated().await;
    let later = "insert into _sqlx_migrations (version, description, success, checksum,
        execution_time) values (20990101000000, 'later', true, '', 0)";
    run(&mut database.connect().await, later).await;
    let corner = Corner::new();
    store(&corner, |_| {}).await;
    let schema = corner.database().await.collection::<Document>("schema");
    let later = doc! { "$set": { "version": 99_991_231_000_000_i64 } };
    schema.update_one(doc! { "_id": "version" }, later).await.expect("a version");
    tokio::task::block_in_place(|| {
        for (variable, url, names) in [
            ("DATABASE_URL", database.service_url(), "store.postgres.url"),
            ("MONGODB_URI", corner.url(), "store.mongodb.url"),
        ] {
            let said = refused(&[(variable, url)]);
            assert!(said.contains(names) && said.contains("newer"), "{said}");
        }
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn a_service_joins_its_servers_when_they_appear() {
    let servers = OwnServers::start(&["postgres", "mongodb", "redis"]);
    for name in ["postgres", "mongodb", "redis"] {
        servers.kill(name);
    }
    let folder = tempfile::tempdir().expect("a folder");
    let instance = Instance::spawn(folder.path(), &servers.environment());
    assert!(!instance.is_ready_within(Duration::from_secs(2)).await);
    for name in ["redis", "postgres", "mongodb"] {
        tokio::task::block_in_place(|| servers.up(name));
    }
    assert!(instance.is_ready_within(Duration::from_secs(5)).await, "joined too late");
}
