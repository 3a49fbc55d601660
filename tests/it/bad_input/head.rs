//! Services whose every trace can be read afterwards: log, metrics, folder, servers.

use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::TryStreamExt;
use mongodb::bson::{RawDocumentBuf, doc};
use sqlx::{AssertSqlSafe, Row};
use tempfile::TempDir;
use tollgate::broker::Message;
use tollgate::broker::topology::Queue;

use super::planted::{NUMBERS, hits};
use crate::access::tokens;
use crate::broker::world;
use crate::cache::server::OwnRedis;
use crate::store::mongodb::Corner;
use crate::store::postgres_database::{Database, connect};
use crate::support::instance::Instance;
use crate::support::own_servers::free_ports;
use crate::support::{TestApp, marqeta, servers};

/// A service in this process.
pub struct Head {
    pub app: TestApp,
}

impl Head {
    pub async fn embedded() -> Self {
        Self { app: TestApp::start().await }
    }
}

/// A service in a process of its own, that logs all it has to say into a file.
pub struct Logged {
    pub instance: Instance,
    folder: TempDir,
    log: PathBuf,
    admin: u16,
    servers: Option<Servers>,
}

struct Servers {
    database: Database,
    corner: Corner,
    redis: OwnRedis,
    rabbitmq: String,
    prefix: String,
}

impl Logged {
    pub async fn embedded() -> Self {
        Self::start(None).await
    }

    pub async fn on_servers() -> Self {
        let servers = Servers {
            database: Database::migrated().await,
            corner: Corner::new(),
            redis: OwnRedis::start().await,
            rabbitmq: servers::url("RABBITMQ_URL"),
            prefix: format!("{}.", servers::unique()),
        };
        Self::start(Some(servers)).await
    }

    async fn start(servers: Option<Servers>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (log, admin) = (folder.path().join("service.log"), free_ports(1)[0]);
        let pair = |name: &str, value: String| (name.to_owned(), value);
        let mut environment = vec![
            pair("TOLLGATE__LOG__FILTER", "debug".into()),
            pair("TOLLGATE__ADMIN__LISTEN", format!("127.0.0.1:{admin}")),
            pair("TOLLGATE__JIT__DEADLINE_MS", "7000".into()),
            pair("TOLLGATE__LANE__STALL_MS", "5000".into()),
        ];
        let tokens = tokens::environment();
        environment.extend(tokens.map(|(name, value)| pair(name, value.to_owned())));
        if let Some(on) = &servers {
            environment.push(pair("DATABASE_URL", on.database.url.clone()));
            environment.push(pair("MONGODB_URI", on.corner.url().to_owned()));
            environment.push(pair("REDIS_URL", on.redis.url()));
            environment.push(pair("RABBITMQ_URL", on.rabbitmq.clone()));
            environment.push(pair("TOLLGATE__BROKER__RABBITMQ__PREFIX", on.prefix.clone()));
        }
        let data = folder.path().join("data");
        let instance = Instance::spawn_logged(&data, &environment, &log);
        assert!(instance.is_ready_within(Duration::from_secs(60)).await, "not ready");
        Self { instance, folder, log, admin, servers }
    }

    /// Where the embedded stores are.
    pub fn folder(&self) -> &Path {
        self.instance.data_dir()
    }

    /// Stops the service; what it has logged.
    pub fn stop(self) -> String {
        let Self { instance, folder, log, servers, .. } = self;
        instance.kill();
        let log = std::fs::read_to_string(log).unwrap();
        if let Some(Servers { rabbitmq, prefix, .. }) = servers {
            let clearing = std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                runtime.unwrap().block_on(world::clear(&rabbitmq, &prefix));
            });
            clearing.join().unwrap();
        }
        // The embedded files are looked through after this.
        let _ = folder.keep();
        log
    }

    /// As Prometheus reads it.
    pub async fn metrics(&self) -> String {
        let request = b"GET /metrics HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
        let addr = ([127, 0, 0, 1], self.admin).into();
        super::run::exchange(addr, request).await.2
    }

    /// What is on its way arrives.
    pub async fn settled(&self) {
        tokio::time::sleep(Duration::from_secs(3)).await;
    }

    /// Messages with card data in bodies, properties and headers, readable or not.
    pub async fn plant_in_queues(&self) {
        let on = self.servers.as_ref().expect("servers");
        let broker: world::Shared = world::open(&on.rabbitmq, &on.prefix);
        broker.declare().await.unwrap();
        for (place, number) in NUMBERS.into_iter().enumerate() {
            let purchase = marqeta::purchase(&format!("queue-{place}"), "nobody", "1.00");
            let bodies = [
                (Queue::JitFunding, purchase.replace("GHENT", number)),
                (Queue::JitFunding, format!("{{\"a\":\"{number}\"")),
                (Queue::JitFunding, format!("{number}, not JSON")),
                (
                    Queue::Transactions,
                    format!("{{\"metadata\":{{\"a\":\"{number}\",\"cvv2\":\"cvv-planted-731\"}}}}"),
                ),
                (Queue::Webhooks, format!("{{\"note\":\"{number}\"}}")),
            ];
            for (kind, (queue, body)) in bodies.into_iter().enumerate() {
                let mut message = Message {
                    id: format!("planted-{place}-{kind}"),
                    content_type: "application/json".to_owned(),
                    body: body.into(),
                    ..Message::default()
                };
                if kind == 1 {
                    number.clone_into(&mut message.id);
                }
                message.correlation_id = Some(number.to_owned());
                message.reply_to = Some(number.to_owned());
                message.headers.insert("x-note".to_owned(), number.to_owned());
                message.headers.insert(number.to_owned(), "x".to_owned());
                message.headers.insert("cvv2".to_owned(), "cvv-planted-731".to_owned());
                world::publish(&broker, world::to(queue, message)).await.unwrap();
            }
        }
        // All but the first of each kind are dead letters, and those are kept in a table.
        let mut client = self.instance.client();
        for _ in 0..200 {
            let page = client.get("/api/v1/dead-letters?limit=100").await.json();
            let kept = page["items"].as_array().map_or(0, Vec::len);
            if kept >= NUMBERS.len() * 4 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("the dead letters are not kept");
    }

    /// What servers keep.
    pub async fn sinks(&self) -> Vec<String> {
        let Some(on) = &self.servers else { return Vec::new() };
        let mut found = postgres(&on.database).await;
        let mongo = on.corner.database().await;
        for name in mongo.list_collection_names().await.unwrap() {
            let rows = mongo.collection::<RawDocumentBuf>(&name).find(doc! {}).await.unwrap();
            let rows: Vec<RawDocumentBuf> = rows.try_collect().await.unwrap();
            for row in rows {
                found.extend(hits(&format!("mongodb.{name}"), row.as_bytes()));
            }
        }
        found.extend(redis(&on.redis).await);
        found.extend(queues(on).await);
        found
    }
}

async fn postgres(database: &Database) -> Vec<String> {
    let mut connection = connect(&database.url).await;
    let names = "select table_name::text from information_schema.tables \
                 where table_schema = 'public' and table_type = 'BASE TABLE'";
    let mut found = Vec::new();
    for name in sqlx::query(names).fetch_all(&mut connection).await.unwrap() {
        let name: String = name.get(0);
        let rows = format!("select t::text from \"{name}\" as t");
        for row in sqlx::query(AssertSqlSafe(rows)).fetch_all(&mut connection).await.unwrap() {
            let row: Option<String> = row.get(0);
            found.extend(hits(&format!("postgres.{name}"), row.unwrap_or_default().as_bytes()));
        }
    }
    found
}

/// Its dump, uncompressed.
async fn redis(server: &OwnRedis) -> Vec<String> {
    let mut connection = server.raw().await.expect("a connection");
    let set = redis::cmd("CONFIG").arg("SET").arg("rdbcompression").arg("no").to_owned();
    let () = set.query_async(&mut connection).await.unwrap();
    let () = redis::cmd("SAVE").query_async(&mut connection).await.unwrap();
    let dump = std::fs::read(server.folder().join("dump.rdb")).unwrap();
    assert!(dump.len() > 100, "there is something in the cache");
    hits("redis", &dump)
}

async fn queues(on: &Servers) -> Vec<String> {
    let broker: world::Shared = world::open(&on.rabbitmq, &on.prefix);
    let mut found = Vec::new();
    for queue in Queue::ALL {
        let mut deliveries = world::consume(&broker, queue, 1_000).await;
        let mut held = Vec::new();
        while let Ok(next) =
            tokio::time::timeout(Duration::from_millis(500), deliveries.next()).await
        {
            let delivery = next.unwrap();
            let shown = format!("{:?}", delivery.message());
            found.extend(hits(queue.name(), shown.as_bytes()));
            found.extend(hits(queue.name(), &delivery.message().body));
            held.push(delivery);
        }
    }
    found
}
