//! The embedded broker: one SQLite file, the same queues and rules as on a server, for the consumers of
//! this process. One task writes; whoever waits is woken when something arrives.

mod consumer;
mod dead;
mod hearers;
mod jobs;
mod queues;
mod round;
mod rows;
mod writer;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sqlx::ConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};

use super::topology::{Exchange, Queue};
use super::{Broker, BrokerError, BrokerFuture, Deliveries, Outgoing, QueueStats, Source, Target};
use crate::domain::clock::Clock;
use crate::telemetry::broker::BrokerMetrics;
use consumer::EmbeddedDeliveries;
use hearers::Hearers;
use jobs::{Job, Jobs};
use queues::Queues;
use rows::NewRow;
use writer::Writer;

/// How long a call waits for the disk.
const CALL_MAX: Duration = Duration::from_secs(2);

/// How long to wait for another process to let go of the file.
const BUSY_TIMEOUT: Duration = Duration::from_millis(500);

/// The embedded broker.
pub struct EmbeddedBroker {
    jobs: Jobs,
    queues: Arc<Queues>,
    hearers: Hearers,
    clock: Arc<dyn Clock>,
    metrics: BrokerMetrics,
}

impl EmbeddedBroker {
    /// Opens the file, created with mode 0600 if it is not there, and starts the writer. What was
    /// with a consumer when the file was last used comes again. Needs a tokio runtime.
    ///
    /// # Errors
    /// [`BrokerError::Unavailable`] where the file can not be opened, or another process has it.
    pub async fn open(path: &Path, clock: Arc<dyn Clock>) -> Result<Arc<Self>, BrokerError> {
        create(path).map_err(|error| BrokerError::Unavailable(Box::new(error)))?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(false)
            .busy_timeout(BUSY_TIMEOUT)
            .disable_statement_logging()
            // Two processes with one file would take each other's messages for left behind.
            .locking_mode(sqlx::sqlite::SqliteLockingMode::Exclusive)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .thread_name(|_| "sqlite-broker".to_owned());
        let mut connection = options.connect().await.map_err(unavailable)?;
        sqlx::migrate!("migrations/broker").run(&mut connection).await.map_err(unavailable)?;
        let queues = Arc::new(Queues::default());
        let (jobs, queued) = Jobs::queue();
        let mut writer =
            Writer::new(queued, options, connection, Arc::clone(&queues), Arc::clone(&clock));
        writer.recover().await.map_err(unavailable)?;
        tokio::spawn(writer.run());
        let (hearers, metrics) = (Hearers::new(), BrokerMetrics::new());
        Ok(Arc::new(Self { jobs, queues, hearers, clock, metrics }))
    }

    /// Finishes what has been asked, and closes the file. Later calls are
    /// [`BrokerError::Unavailable`].
    pub async fn close(&self) {
        self.hearers.close();
        self.jobs.close().await;
    }

    /// The queue that a message goes to; `None`: it goes to whoever hears events.
    fn route(&self, target: &Target) -> Result<Option<String>, BrokerError> {
        match target {
            Target::Topic(Exchange::Events, _) => Ok(None),
            Target::Topic(Exchange::Transactions, key) => {
                match Queue::ALL.into_iter().find(|queue| queue.takes(key)) {
                    Some(queue) => Ok(Some(queue.name().to_owned())),
                    None => Err(BrokerError::Unroutable(key.clone())),
                }
            }
            Target::Reply(name) if Queue::parse(name).is_some() || self.queues.replies_to(name) => {
                Ok(Some(name.clone()))
            }
            Target::Reply(name) => Err(BrokerError::Unroutable(name.clone())),
        }
    }

    async fn store(&self, rows: Vec<NewRow>) -> Result<(), Arc<str>> {
        if rows.is_empty() {
            return Ok(());
        }
        let stored = self.jobs.ask(|reply| Job::Publish { rows, reply });
        let in_time = tokio::time::timeout(CALL_MAX, stored).await;
        in_time.unwrap_or_else(|_| Err("the disk did not take it in time".into()))
    }

    async fn publish_all(
        &self,
        messages: Vec<Outgoing>,
    ) -> Result<Vec<Result<(), BrokerError>>, BrokerError> {
        let started = self.clock.monotonic();
        let now_ms = now_ms(&*self.clock);
        let (mut rows, mut events) = (Vec::new(), Vec::new());
        let is_heard = !self.hearers.is_empty();
        let mut routed = Vec::with_capacity(messages.len());
        for Outgoing { target, message } in messages {
            let route = self.route(&target);
            match &route {
                Ok(Some(queue)) => rows.push(NewRow::new(queue.clone(), message, now_ms)),
                Ok(None) if is_heard => events.push(message),
                Ok(None) | Err(_) => {}
            }
            routed.push(route);
        }
        self.hearers.tell(events);
        let stored = self.store(rows).await;
        let results: Vec<_> = routed
            .into_iter()
            .map(|route| match (route?, &stored) {
                (None, _) | (_, Ok(())) => Ok(()),
                (Some(_), Err(error)) => Err(failed(error)),
            })
            .collect();
        let took_us = self.clock.monotonic().since(started);
        let confirmed = results.iter().filter(|result| result.is_ok()).count();
        self.metrics.published(confirmed, results.len().saturating_sub(confirmed), took_us);
        Ok(results)
    }

    fn deliveries(&self, queue: String, prefetch: u16) -> Box<dyn Deliveries> {
        Box::new(EmbeddedDeliveries::new(
            queue,
            prefetch,
            self.jobs.clone(),
            Arc::clone(&self.queues),
        ))
    }
}

impl Broker for EmbeddedBroker {
    fn declare(&self) -> BrokerFuture<'_, ()> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn publish(&self, messages: Vec<Outgoing>) -> BrokerFuture<'_, Vec<Result<(), BrokerError>>> {
        Box::pin(self.publish_all(messages))
    }

    fn consume(&self, queue: Queue, prefetch: u16) -> BrokerFuture<'_, Box<dyn Deliveries>> {
        Box::pin(async move { Ok(self.deliveries(queue.name().to_owned(), prefetch)) })
    }

    fn replies(&self, name: String) -> BrokerFuture<'_, Box<dyn Deliveries>> {
        Box::pin(async move {
            if Queue::parse(&name).is_some() || !self.queues.open_replies(&name) {
                return Err(BrokerError::Refused("another consumer has this reply queue".into()));
            }
            Ok(self.deliveries(name, u16::MAX))
        })
    }

    fn events(&self) -> BrokerFuture<'_, Box<dyn Deliveries>> {
        let heard = self.hearers.join().map(|heard| Box::new(heard) as Box<dyn Deliveries>);
        Box::pin(std::future::ready(heard))
    }

    fn stats(&self) -> BrokerFuture<'_, Vec<QueueStats>> {
        Box::pin(async move {
            let counted = self.jobs.ask(|reply| Job::Count { reply });
            let counted = tokio::time::timeout(CALL_MAX, counted).await;
            let counted = counted.unwrap_or_else(|_| Err("the disk does not answer".into()));
            let counts = counted.map_err(|error| failed(&error))?;
            let stats = Queue::ALL.into_iter().map(|queue| QueueStats {
                queue: queue.name().to_owned(),
                messages: counts.get(queue.name()).copied().unwrap_or(0),
                consumers: self.queues.consumers(queue.name()),
            });
            Ok(stats.collect())
        })
    }
}

/// Creates the file for its owner alone. SQLite gives its WAL the same mode.
fn create(path: &Path) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut options = std::fs::OpenOptions::new();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

fn now_ms(clock: &dyn Clock) -> i64 {
    clock.now().as_micros().div_euclid(1_000)
}

fn unavailable(error: impl Into<Source>) -> BrokerError {
    BrokerError::Unavailable(error.into())
}

/// A failure that concerns several callers at once.
fn failed(error: &Arc<str>) -> BrokerError {
    BrokerError::Unavailable(error.to_string().into())
}
