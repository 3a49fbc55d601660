//! The service on servers of its own, whoever is killed.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use sqlx::Connection;
use sqlx::postgres::PgConnection;
use tokio::time::Instant;
use tollgate::broker::Broker;
use tollgate::broker::topology::{Exchange, Queue};
use tollgate::broker::{Message, Outgoing, Target};

use crate::broker::world as brokers;
use crate::store::postgres_database::connect;
use crate::support::instance::Instance;
use crate::support::own_servers::OwnServers;
use crate::support::{Client, marqeta};

/// A number from the environment.
pub fn number(variable: &str, usual: u64) -> u64 {
    std::env::var(variable).map_or(usual, |text| text.parse().expect("a number"))
}

/// Servers, one instance of the service, and a way to publish beside it.
pub struct Scene {
    pub servers: Arc<OwnServers>,
    pub broker: Arc<dyn Broker>,
    folder: tempfile::TempDir,
    environment: Vec<(String, String)>,
    instance: Option<Instance>,
    door: Door,
}

/// Where the service is now, for those who call it while it is killed and started elsewhere.
#[derive(Clone, Default)]
pub struct Door(Arc<Mutex<Option<Client>>>);

impl Door {
    /// A connection, if somebody is there.
    pub fn client(&self) -> Option<Client> {
        self.0.lock().unwrap().as_ref().map(Client::another)
    }

    fn leads_to(&self, client: Option<Client>) {
        *self.0.lock().unwrap() = client;
    }
}

impl Scene {
    /// Starts them, with these settings of the service.
    pub async fn start(names: &[&'static str], settings: &[(&str, &str)]) -> Self {
        let own = names.to_vec();
        let servers = tokio::task::spawn_blocking(move || OwnServers::start(&own));
        let servers = Arc::new(servers.await.expect("servers"));
        let mut environment = servers.environment();
        environment.extend(
            settings.iter().map(|(name, value)| (format!("TOLLGATE__{name}"), (*value).to_owned())),
        );
        let folder = tempfile::tempdir().expect("a folder");
        let broker = brokers::open(&servers.url("RABBITMQ_URL"), "");
        let door = Door::default();
        let mut scene = Self { servers, broker, folder, environment, instance: None, door };
        scene.start_service().await;
        scene
    }

    fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub async fn start_service(&mut self) {
        let instance = Instance::start_on(&self.data_dir(), &self.environment).await;
        self.door.leads_to(Some(instance.client()));
        self.instance = Some(instance);
    }

    /// kill -9, and nothing else.
    pub fn kill_service(&mut self) {
        self.door.leads_to(None);
        self.instance.take().expect("a running service").kill();
    }

    /// Kills a server and starts it again after a while.
    pub async fn restart(&self, server: &'static str, down: Duration) {
        self.kill(server).await;
        tokio::time::sleep(down).await;
        self.up(server).await;
    }

    pub async fn kill(&self, server: &'static str) {
        let servers = Arc::clone(&self.servers);
        tokio::task::spawn_blocking(move || servers.kill(server)).await.expect("killed");
    }

    pub async fn up(&self, server: &'static str) {
        let servers = Arc::clone(&self.servers);
        tokio::task::spawn_blocking(move || servers.up(server)).await.expect("up");
    }

    /// Tells the broker's own tool something.
    pub async fn rabbitmqctl(&self, arguments: &'static [&'static str]) {
        let servers = Arc::clone(&self.servers);
        let telling = tokio::task::spawn_blocking(move || servers.rabbitmqctl(arguments));
        telling.await.expect("told");
    }

    pub fn service(&self) -> &Instance {
        self.instance.as_ref().expect("a running service")
    }

    pub fn client(&self) -> Client {
        self.service().client()
    }

    pub fn door(&self) -> Door {
        self.door.clone()
    }

    /// Recomputes the books.
    pub fn verify(&self) {
        self.service().verify();
    }

    /// A connection behind the service's back.
    pub async fn postgres(&self) -> PgConnection {
        connect(&self.servers.url("DATABASE_URL")).await
    }

    /// One number of the database.
    pub async fn count(&self, sql: &'static str) -> i64 {
        let mut connection = self.postgres().await;
        let count = sqlx::query_scalar(sql).fetch_one(&mut connection).await.expect("a number");
        connection.close().await.expect("closed");
        count
    }

    /// How many messages wait in a queue.
    pub async fn waiting(&self, queue: Queue) -> u64 {
        let stats = self.broker.stats().await.unwrap_or_default();
        let own = stats.iter().find(|stats| stats.queue == queue.name());
        own.map_or(0, |own| own.messages)
    }

    /// The funding tokens of notifications in this state. (Those of the transactions are `t-` and them.)
    pub async fn notices(&self, state: &str) -> BTreeSet<String> {
        let query = format!("state={state}");
        let all = all(&mut self.client(), "/api/v1/webhook-events", &query).await;
        let tokens = all.iter().filter_map(|event| event["token"].as_str()?.strip_prefix("t-"));
        tokens.map(str::to_owned).collect()
    }
}

/// A request to decide on a purchase of 0.01.
pub fn purchase(token: &str, card: &str) -> Outgoing {
    let body = marqeta::purchase(token, card, "0.01");
    to(Queue::JitFunding, token, body)
}

/// A reported transaction.
pub fn report(token: &str, card: &str) -> Outgoing {
    let body = serde_json::json!({"transaction_id": token, "card": card, "amount": 500,
        "currency": "USD", "type": "purchase", "occurred_at": "2026-11-20T12:00:00Z"});
    to(Queue::Transactions, token, body.to_string())
}

pub fn to(queue: Queue, id: &str, body: String) -> Outgoing {
    let message = Message {
        id: id.to_owned(),
        content_type: "application/json".to_owned(),
        body: body.into(),
        ..Message::default()
    };
    let key = queue.binding().to_owned();
    Outgoing { target: Target::Topic(Exchange::Transactions, key), message }
}

/// Everything that a list has, page by page.
pub async fn all(client: &mut Client, path: &str, query: &str) -> Vec<Value> {
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let answer = client.get(&format!("{path}?limit=200&{query}{cursor}")).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let page = answer.json();
        found.extend(page["items"].as_array().expect("items").clone());
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return found,
        }
    }
}

/// Waits until this is so, and says how long that took.
pub async fn until(what: &str, at_most: Duration, so: impl AsyncFn() -> bool) -> Duration {
    let started = Instant::now();
    while !so().await {
        assert!(started.elapsed() < at_most, "not within {at_most:?}: {what}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    started.elapsed()
}
