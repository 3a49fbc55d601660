//! Starting: what is wrong with the settings, or with what is at the broker, is said in one line that names
//! it; a server that is not there yet is waited for.

use std::process::{Command, Output, Stdio};
use std::time::Duration;

use lapin::ExchangeKind;
use lapin::options::{ExchangeDeclareOptions, QueueDeclareOptions, QueueDeleteOptions};
use lapin::types::FieldTable;
use mongodb::bson::{Document, doc};
use serde_json::Value;
use sqlx::PgConnection;
use tokio::time::Instant;

use crate::broker::world as brokers;
use crate::store::mongodb::{Corner, store};
use crate::store::mongodb_rights::Guarded;
use crate::store::postgres_database::{Database, connect, run};
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

#[test]
fn secrets_that_could_be_guessed_stop_the_start_in_production() {
    let production = ("TOLLGATE_ENV", "production");
    let key = ("TOLLGATE__ADMIN__KEY", "k7Qw2-vR9x_Lm4Zt8Hs1.Bn5");
    let password = ("TOLLGATE__JIT__PASSWORD", "Zt8Hs1.Bn5-k7Qw2-vR9x");
    check(&[production], "admin.key");
    check(&[production, key], "jit.password");
    let guessed = ("MONGODB_URI", "mongodb://app:s3cret@localhost/tollgate?replicaSet=rs0");
    check(&[production, key, password, guessed], "store.mongodb.url");
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
async fn what_is_otherwise_at_the_broker_stops_the_start_and_is_named() {
    let (url, prefix) = (servers::url("RABBITMQ_URL"), format!("{}.", servers::unique()));
    let stops = |name: &str, what: &str| {
        let environment = [
            ("RABBITMQ_URL", url.as_str()),
            ("TOLLGATE__BROKER__RABBITMQ__PREFIX", prefix.as_str()),
        ];
        let said = tokio::task::block_in_place(|| refused(&environment));
        for part in ["broker.rabbitmq.url", name, what, "Delete it or rename it"] {
            assert!(said.contains(part), "{part} is not in {said}");
        }
    };
    let connection = brokers::connect(&url).await;
    let channel = connection.create_channel().await.unwrap();
    for queue in ["webhook-queue", "webhook-queue.retry.1s"] {
        let (name, options) = (format!("{prefix}{queue}"), QueueDeclareOptions::durable());
        let declaring = channel.queue_declare(name.as_str().into(), options, FieldTable::default());
        declaring.await.unwrap();
        stops(&name, "inequivalent arg 'x-");
        let deleting = channel.queue_delete(name.into(), QueueDeleteOptions::default());
        deleting.await.unwrap();
    }
    brokers::clear(&url, &prefix).await;
    let name = format!("{prefix}transactions");
    let options = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
    let (kind, arguments) = (ExchangeKind::Fanout, FieldTable::default());
    let declaring = channel.exchange_declare(name.as_str().into(), kind, options, arguments);
    declaring.await.unwrap();
    stops(&name, "inequivalent arg 'type'");
    connection.close(200, "done".into()).await.unwrap();
    brokers::clear(&url, &prefix).await;
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

/// Sets one of the server's settings, and waits until it counts.
async fn set(admin: &mut PgConnection, name: &str, value: &str) {
    run(admin, format!("alter system set {name} = {value}")).await;
    run(admin, "select pg_reload_conf()").await;
    let until = Instant::now() + Duration::from_secs(5);
    loop {
        let shown = sqlx::query_scalar("select current_setting($1)").bind(name);
        let shown: String = shown.fetch_one(&mut *admin).await.unwrap();
        if shown == value {
            return;
        }
        assert!(Instant::now() < until, "{name} is still {shown}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn a_server_that_may_lose_what_it_acknowledged_is_used_only_where_that_is_allowed() {
    let servers = OwnServers::start(&["postgres"]);
    let mut environment = servers.environment();
    let url = servers.url("DATABASE_URL");
    // The server's superuser has the same password.
    let mut admin = connect(&url.replace("/tollgate", "/postgres")).await;
    for name in ["fsync", "full_page_writes"] {
        set(&mut admin, name, "off").await;
        let said = tokio::task::block_in_place(|| refused(&[("DATABASE_URL", &url)]));
        assert!(said.contains(&format!("{name} is off")), "the cause: {said}");
        assert!(said.contains("store.postgres.allow_unsafe_commit"), "what allows it: {said}");
        set(&mut admin, name, "on").await;
    }
    set(&mut admin, "fsync", "off").await;
    environment.push(("TOLLGATE__STORE__POSTGRES__ALLOW_UNSAFE_COMMIT".into(), "true".into()));
    let folder = tempfile::tempdir().expect("a folder");
    Instance::start_on(folder.path(), &environment).await;
}
