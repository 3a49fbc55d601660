//! A corner of each server that `scripts/test` starts, for the program in processes of its own.

use std::sync::Arc;

use sqlx::postgres::PgConnection;
use tollgate::broker::Broker;
use tollgate::broker::rabbitmq::RabbitBroker;

use super::servers;
use crate::broker::world as brokers;
use crate::store::mongodb::Corner;
use crate::store::postgres_database::Database;

/// PostgreSQL, MongoDB and RabbitMQ.
pub struct Corners {
    database: Database,
    corner: Corner,
    rabbitmq: String,
    prefix: String,
}

impl Corners {
    pub async fn new() -> Self {
        let rabbitmq = servers::url("RABBITMQ_URL");
        let prefix = format!("{}.", servers::unique());
        Self { database: Database::migrated().await, corner: Corner::new(), rabbitmq, prefix }
    }

    /// What the program needs to be here. It is given time: debug builds and servers share the machine, and
    /// what is looked at is money.
    pub fn environment(&self) -> Vec<(String, String)> {
        let variables = [
            ("DATABASE_URL", self.database.service_url()),
            ("MONGODB_URI", self.corner.url()),
            ("RABBITMQ_URL", self.rabbitmq.as_str()),
            ("TOLLGATE__BROKER__RABBITMQ__PREFIX", self.prefix.as_str()),
            ("TOLLGATE__JIT__DEADLINE_MS", "7000"),
            ("TOLLGATE__JIT__QUEUE_DEADLINE_MS", "30000"),
            ("TOLLGATE__LANE__STALL_MS", "5000"),
        ];
        variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
    }

    /// A connection behind the program's back.
    pub async fn postgres(&self) -> PgConnection {
        self.database.connect().await
    }

    /// Another way to its queues.
    pub async fn broker(&self) -> Arc<RabbitBroker> {
        let broker = brokers::open(&self.rabbitmq, &self.prefix);
        broker.declare().await.expect("declared");
        broker
    }

    /// Takes the queues away, once nobody uses them.
    pub async fn clear(self) {
        brokers::clear(&self.rabbitmq, &self.prefix).await;
    }
}
