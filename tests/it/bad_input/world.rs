//! A service with one of everything, and how much there is in its tables, queues and cache.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use mongodb::bson::doc;
use serde_json::{Value, json};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Row};

use crate::cache::server::OwnRedis;
use crate::store::mongodb::Corner;
use crate::store::postgres_database::{Database, connect};
use crate::support::program::{created, text};
use crate::support::{Client, Program, TestApp, servers};

/// What rows name.
pub struct Names {
    pub card: String,
    /// A card that has been terminated, at version 2.
    pub terminated: String,
    /// That card's limit of a day, 40,000 and 10 uses, beside one of a week, 50,000 and 20 uses.
    pub limit: String,
    pub user: String,
    pub company: String,
    pub account: String,
    pub basic: String,
    pub bearer: String,
}

/// Where the service keeps what it keeps.
pub enum Stores {
    Embedded(PathBuf),
    /// And the address of the broker, with the beginning of its names.
    Servers {
        database: Box<Database>,
        corner: Corner,
        redis: OwnRedis,
        rabbitmq: (String, String),
    },
}

pub struct World {
    pub app: TestApp,
    pub names: Names,
    pub stores: Stores,
}

/// How many rows each table and collection has, how many messages each queue, and how many changes the cache
/// was told of.
pub type Counts = BTreeMap<String, i64>;

impl World {
    pub async fn embedded() -> Self {
        let app = TestApp::start().await;
        let stores = Stores::Embedded(app.dir().to_owned());
        Self::with(app, stores).await
    }

    pub async fn servers() -> Self {
        let (database, corner) = (Box::new(Database::migrated().await), Corner::new());
        let (redis, rabbitmq) = (OwnRedis::start().await, servers::url("RABBITMQ_URL"));
        let prefix = format!("{}.", servers::unique());
        let app = TestApp::start_with(|settings| {
            settings.store.postgres.url = Some(database.url.as_str().into());
            settings.store.mongodb.url = Some(corner.url().into());
            settings.cache.redis.url = Some(redis.url().into());
            settings.broker.rabbitmq.url = Some(rabbitmq.as_str().into());
            settings.broker.rabbitmq.prefix.clone_from(&prefix);
        })
        .await;
        ready(&app).await;
        Self::with(app, Stores::Servers { database, corner, redis, rabbitmq: (rabbitmq, prefix) })
            .await
    }

    async fn with(app: TestApp, stores: Stores) -> Self {
        let mut client = app.client();
        let program = Program::set_up(&mut client, 1_000_000, 2).await;
        let personal = Program::set_up_personal(&mut client, 500_000, 1).await;
        assert_eq!(personal.cards.len(), 1);
        let terminated = program.cards[1].clone();
        let path = format!("/api/v1/cards/{terminated}");
        let answer = client.patch(&path, 1, json!({"status": "TERMINATED"})).await;
        assert_eq!(answer.status, 200);
        let limit = |window: &str, amount: i64, count: i64| json!({"scope": "card", "scope_id": terminated, "window": window, "amount": amount, "count": count});
        program.limit(&mut client, limit("week", 50_000, 20)).await;
        let limit = program.limit(&mut client, limit("day", 40_000, 10)).await;
        let names = Names {
            limit,
            card: program.cards[0].clone(),
            terminated,
            user: program.user.clone(),
            company: program.company.clone(),
            account: program.account.clone(),
            basic: client.basic().to_owned(),
            bearer: client.bearer().to_owned(),
        };
        Self { app, names, stores }
    }

    /// What there is, once nothing is on its way any more.
    pub async fn counts(&self) -> Counts {
        let mut before = self.now().await;
        for _ in 0..40 {
            tokio::time::sleep(Duration::from_millis(150)).await;
            let now = self.now().await;
            let waiting: i64 = now
                .iter()
                .filter(|(name, _)| name.ends_with(".outbox"))
                .map(|(_, rows)| rows)
                .sum();
            if now == before && waiting == 0 {
                return now;
            }
            before = now;
        }
        before
    }

    async fn now(&self) -> Counts {
        let mut counts = self.stores.counts().await;
        for queue in self.app.broker().stats().await.expect("the broker answers") {
            let messages = i64::try_from(queue.messages).expect("few");
            counts.insert(format!("queue.{}", queue.queue), messages);
        }
        counts
    }

    /// The names of all facts that the shared cache holds.
    pub async fn cached(&self) -> BTreeSet<String> {
        let Stores::Servers { redis, .. } = &self.stores else { return BTreeSet::new() };
        let mut names = keys(redis, "*").await;
        names.retain(|name| !name.contains("floors:"));
        names
    }

    pub async fn stop(self) {
        self.app.stop().await;
        if let Stores::Servers { rabbitmq: (url, prefix), .. } = &self.stores {
            crate::broker::world::clear(url, prefix).await;
        }
    }

    /// What the company's account holds.
    pub async fn held(&self) -> Value {
        self.app.get(&format!("/api/v1/accounts/{}", self.names.account)).await.1["held"].clone()
    }
}

impl Stores {
    async fn counts(&self) -> Counts {
        match self {
            Self::Embedded(folder) => {
                let mut counts = Counts::new();
                for (table, rows) in tables(folder).await {
                    counts.insert(table, i64::try_from(rows.len()).expect("few"));
                }
                counts
            }
            Self::Servers { database, corner, redis, .. } => {
                let mut counts = postgres_counts(database).await;
                counts.extend(announced(redis).await);
                let mongo = corner.database().await;
                for name in mongo.list_collection_names().await.unwrap() {
                    let rows = mongo.collection::<mongodb::bson::Document>(&name);
                    let rows = rows.count_documents(doc! {}).await.unwrap();
                    counts.insert(format!("mongodb.{name}"), i64::try_from(rows).expect("few"));
                }
                counts
            }
        }
    }
}

async fn keys(redis: &OwnRedis, pattern: &str) -> BTreeSet<String> {
    let mut connection = redis.raw().await.expect("a connection");
    redis::cmd("KEYS").arg(pattern).query_async(&mut connection).await.unwrap()
}

/// The number of changes that each home has announced.
async fn announced(redis: &OwnRedis) -> Counts {
    let mut connection = redis.raw().await.expect("a connection");
    let mut counts = Counts::new();
    for home in keys(redis, "*floors:*").await {
        if !home.ends_with(":at") {
            let read = redis::cmd("HGET").arg(&home).arg("number").to_owned();
            let number: Option<i64> = read.query_async(&mut connection).await.unwrap();
            counts.extend(number.map(|number| (format!("redis.{home}"), number)));
        }
    }
    counts
}

async fn postgres_counts(database: &Database) -> Counts {
    let mut connection = connect(&database.url).await;
    let names = "select table_name::text from information_schema.tables \
                 where table_schema = 'public' and table_type = 'BASE TABLE'";
    let names = sqlx::query(names).fetch_all(&mut connection).await.unwrap();
    let mut counts = Counts::new();
    for name in names {
        let name: String = name.get(0);
        let count = format!("select count(*) from \"{name}\"");
        let count = sqlx::query(AssertSqlSafe(count)).fetch_one(&mut connection).await.unwrap();
        counts.insert(format!("postgres.{name}"), count.get(0));
    }
    counts
}

/// The tables of the embedded store, each row as text. (The embedded broker has its file for itself.)
pub async fn tables(folder: &Path) -> Vec<(String, Vec<String>)> {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut tables = Vec::new();
    for path in files.filter(|path| path.ends_with("tollgate.db")) {
        let file = path.file_stem().unwrap().to_string_lossy().into_owned();
        let options = SqliteConnectOptions::new().filename(&path).read_only(true);
        let mut connection = options.connect().await.unwrap();
        let names =
            "select name from sqlite_master where type = 'table' and name not like 'sqlite_%'";
        for name in sqlx::query(names).fetch_all(&mut connection).await.unwrap() {
            let name: String = name.get(0);
            let columns = format!("select name from pragma_table_info('{name}')");
            let columns =
                sqlx::query(AssertSqlSafe(columns)).fetch_all(&mut connection).await.unwrap();
            let each = columns.iter().map(|column| {
                let column: String = column.get(0);
                format!("coalesce(cast(\"{column}\" as text), '')")
            });
            let all = each.collect::<Vec<_>>().join(" || ' | ' || ");
            let rows = format!("select cast({all} as blob) from \"{name}\"");
            let rows = sqlx::query(AssertSqlSafe(rows)).fetch_all(&mut connection).await.unwrap();
            let texts = rows.iter().map(|row| {
                let bytes: Vec<u8> = row.get(0);
                String::from_utf8_lossy(&bytes).into_owned()
            });
            tables.push((format!("{file}.{name}"), texts.collect()));
        }
    }
    tables
}

async fn ready(app: &TestApp) {
    for _ in 0..600 {
        if app.get("/ready").await.0 == 200 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("not ready after 30 s");
}

/// A person with personal fields.
pub async fn person(client: &mut Client) -> Value {
    let body = json!({"first_name": "Jennifer-Planted", "last_name": "Wren-Planted",
        "email": "jenny.planted@example.org", "role": "Role-Planted"});
    let user = created(client.post("/api/v1/personal/users", body).await);
    assert!(!text(&user["id"]).is_empty());
    user
}
