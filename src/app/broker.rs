//! The message broker of this process, and who works its queues.

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use secrecy::ExposeSecret;

use crate::broker::embedded::EmbeddedBroker;
use crate::broker::rabbitmq::{RabbitBroker, RabbitOptions};
use crate::broker::topology::Queue;
use crate::broker::{Broker, BrokerError};
use crate::config::Settings;
use crate::config::broker::Consumer;
use crate::domain::clock::Clock;
use crate::ingress::http::Doors;
use crate::ingress::queue::dead_letters::DeadLetterHandler;
use crate::ingress::queue::jit::JitHandler;
use crate::ingress::queue::reply::Replies;
use crate::ingress::queue::transactions::TransactionHandler;
use crate::ingress::queue::waits::Waits;
use crate::ingress::queue::webhooks::WebhookHandler;
use crate::ingress::queue::{Consumers, Handler, Plan, Tools};
use crate::service::attempts::Attempts;
use crate::service::health::State;

use super::roles::Roles;
use super::{AppError, trust};

/// The embedded broker's file in the data folder.
const BROKER_FILE: &str = "broker.db";

const RABBITMQ_URL: &str = "broker.rabbitmq.url";

/// The broker of the settings.
pub(super) struct OpenBroker {
    pub(super) broker: Arc<dyn Broker>,
    close: Box<dyn Fn() -> Closing + Send + Sync>,
}

type Closing = Pin<Box<dyn Future<Output = ()> + Send>>;

impl OpenBroker {
    /// Opens the file, or begins to connect: a server that is down delays the start only a little.
    ///
    /// # Errors
    /// Where there is a server that can not be used: a wrong password, queues that are not as they
    /// must be. What does not answer is waited for while the service runs.
    pub(super) async fn open(
        settings: &Settings,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, AppError> {
        let Some(url) = &settings.broker.rabbitmq.url else {
            return Self::embedded(settings.data_dir.join(BROKER_FILE), clock).await;
        };
        let set = &settings.broker.rabbitmq;
        let mut options = RabbitOptions::new(url.expose_secret())
            .map_err(|error| AppError::Url { setting: RABBITMQ_URL, source: Box::new(error) })?;
        options.prefix.clone_from(&set.prefix);
        options.confirm_timeout = Duration::from_millis(set.confirm_ms);
        options.authority = trust::authority("broker.rabbitmq.ca_path", set.ca_path.as_deref())?;
        let broker = RabbitBroker::open(options, Arc::clone(clock));
        if let Err(source @ BrokerError::Refused(_)) = broker.declare().await {
            broker.close().await;
            return Err(AppError::Broker { setting: RABBITMQ_URL, source });
        }
        let closing = Arc::clone(&broker);
        let close = move || -> Closing {
            let broker = Arc::clone(&closing);
            Box::pin(async move { broker.close().await })
        };
        Ok(Self { broker, close: Box::new(close) })
    }

    /// One that somebody else opens and closes.
    pub(super) fn given(broker: Arc<dyn Broker>) -> Self {
        Self { broker, close: Box::new(|| -> Closing { Box::pin(std::future::ready(())) }) }
    }

    async fn embedded(path: PathBuf, clock: &Arc<dyn Clock>) -> Result<Self, AppError> {
        let broker = EmbeddedBroker::open(&path, Arc::clone(clock)).await;
        let broker = broker.map_err(|source| AppError::Broker { setting: "data_dir", source })?;
        let closing = Arc::clone(&broker);
        let close = move || -> Closing {
            let broker = Arc::clone(&closing);
            Box::pin(async move { broker.close().await })
        };
        Ok(Self { broker, close: Box::new(close) })
    }

    /// Finishes what was asked of it, and closes it.
    pub(super) async fn close(&self) {
        (self.close)().await;
    }
}

/// Starts the consumers that the settings ask for.
pub(super) fn consumers(
    settings: &Settings,
    roles: Roles,
    doors: &Arc<Doors>,
    attempts: &Arc<Attempts>,
) -> Consumers {
    let set = &settings.broker.consumers;
    let jit: Arc<dyn Handler> = Arc::new(JitHandler {
        pipeline: Arc::clone(&doors.pipeline),
        service: Arc::clone(&doors.service),
        replies: Replies::new(Arc::clone(&doors.broker), Arc::clone(&doors.clock)),
        clock: Arc::clone(&doors.clock),
        deadline: Duration::from_millis(settings.jit.queue_deadline_ms),
        waits: Waits::of(set.jit.count.saturating_mul(set.jit.prefetch)),
    });
    let webhooks = Arc::new(WebhookHandler { webhooks: Arc::clone(&doors.webhooks.handler) });
    let transactions = Arc::new(TransactionHandler { ingest: Arc::clone(&doors.service.ingest) });
    let letters = Arc::new(DeadLetterHandler { desk: Arc::clone(&doors.dead_letters) });
    let plans = if set.enabled && roles.worker {
        let mut plans = vec![
            plan(Queue::JitFunding, jit, set.jit),
            plan(Queue::Transactions, transactions, set.transactions),
            plan(Queue::DeadLetters, letters, set.dead_letters),
        ];
        if settings.webhooks.worker {
            plans.push(plan(Queue::Webhooks, webhooks, set.webhooks));
        }
        plans
    } else {
        Vec::new()
    };
    let health = Arc::clone(&doors.health);
    let tools = Tools {
        broker: Arc::clone(&doors.broker),
        attempts: Arc::clone(attempts),
        is_open: Box::new(move || health.status() != State::Unhealthy),
        clock: Arc::clone(&doors.clock),
    };
    Consumers::start(tools, plans)
}

/// The settings' ranges fit.
fn plan(queue: Queue, handler: Arc<dyn Handler>, set: Consumer) -> Plan {
    let prefetch = u16::try_from(set.prefetch).unwrap_or(u16::MAX);
    Plan { queue, handler, count: set.count, prefetch }
}
