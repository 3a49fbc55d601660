//! What brokers and consumers record: publishes, deliveries, and how the connection is doing.

use std::time::Duration;

use metrics::{Counter, Gauge, Histogram, Unit};

use super::metrics::{Metric, exporter, metric};

/// Messages published, by `result`: confirmed, failed.
pub const PUBLISHED: Metric = metric(
    "tollgate_broker_published_total",
    Unit::Count,
    "Messages published, by whether the broker has confirmed them",
);
/// Messages settled by consumers, by `queue` and `outcome`.
pub const CONSUMED: Metric = metric(
    "tollgate_broker_consumed_total",
    Unit::Count,
    "Messages that consumers have settled, by queue and outcome",
);
/// Answers that those who read decisions got instead of whoever has asked.
pub const DIVERTED: Metric = metric(
    "tollgate_broker_answers_diverted_total",
    Unit::Count,
    "Answers that all who read decisions got, as the asker's queue has not taken them or was silent",
);
/// Messages that were dropped because nobody had read them in time. RabbitMQ counts its own.
pub const EXPIRED: Metric = metric(
    "tollgate_broker_expired_total",
    Unit::Count,
    "Messages of the embedded broker that were dropped because nobody had read them in time",
);
/// Connections that were lost.
pub const LOST: Metric = metric(
    "tollgate_broker_connections_lost_total",
    Unit::Count,
    "Connections to the message broker that were lost",
);
/// 1 while the broker can be published to.
pub const AVAILABLE: Metric = metric(
    "tollgate_broker_available",
    Unit::Count,
    "1 while the message broker is connected, 0 while it is not",
);
/// Messages that wait, by `queue`.
pub const QUEUE_DEPTH: Metric = metric(
    "tollgate_broker_queue_messages",
    Unit::Count,
    "Messages that wait for a consumer, by queue",
);
/// How long publishing takes, confirms included.
pub const PUBLISH_SECONDS: Metric = metric(
    "tollgate_broker_publish_seconds",
    Unit::Seconds,
    "Duration of publish calls until all their messages are confirmed",
);
/// How long handling a message takes, its answer included.
pub const CONSUME_SECONDS: Metric = metric(
    "tollgate_broker_consume_seconds",
    Unit::Seconds,
    "Duration from a delivery to the end of its handling",
);

/// An answer went to those who read decisions: the asker's queue has not taken it, or was silent.
pub fn answer_diverted() {
    exporter();
    metrics::counter!(DIVERTED.name).increment(1);
}

/// What a broker's adapter records. The handles are looked up once.
#[derive(Clone)]
pub struct BrokerMetrics {
    confirmed: Counter,
    failed: Counter,
    expired: Counter,
    lost: Counter,
    available: Gauge,
    publish_seconds: Histogram,
}

impl Default for BrokerMetrics {
    fn default() -> Self {
        Self::new()
    }
}

impl BrokerMetrics {
    /// Handles of this process's exporter.
    pub fn new() -> Self {
        exporter();
        Self {
            confirmed: metrics::counter!(PUBLISHED.name, "result" => "confirmed"),
            failed: metrics::counter!(PUBLISHED.name, "result" => "failed"),
            expired: metrics::counter!(EXPIRED.name),
            lost: metrics::counter!(LOST.name),
            available: metrics::gauge!(AVAILABLE.name),
            publish_seconds: metrics::histogram!(PUBLISH_SECONDS.name),
        }
    }

    /// One publish call has ended.
    pub fn published(&self, confirmed: usize, failed: usize, took_us: u64) {
        self.confirmed.increment(confirmed as u64);
        self.failed.increment(failed as u64);
        self.publish_seconds.record(Duration::from_micros(took_us));
    }

    /// Messages were dropped: their time had passed.
    pub fn expired(&self, messages: usize) {
        self.expired.increment(messages as u64);
    }

    /// The embedded broker's file could not be written.
    pub fn write_failed(&self, error: &(dyn std::error::Error + 'static)) {
        tracing::warn!(error, "the embedded broker could not write");
    }

    /// A connection works. `what` says what it is for.
    pub fn connected(&self, what: &'static str) {
        self.available.set(1.0);
        tracing::info!(connection = what, "connected to the message broker");
    }

    /// A connection that worked does so no more.
    pub fn lost(&self, what: &'static str, why: &str) {
        self.available.set(0.0);
        self.lost.increment(1);
        tracing::warn!(connection = what, why, "lost the message broker; connecting again");
    }

    /// The broker does not answer. Said once for each outage.
    pub fn unreachable(&self, what: &'static str, why: &str) {
        self.available.set(0.0);
        tracing::warn!(connection = what, why, "the message broker does not answer; trying again");
    }

    /// The broker answers, and can not be used as it is.
    pub fn refused(&self, what: &'static str, why: &str) {
        self.available.set(0.0);
        tracing::error!(connection = what, why, "the message broker can not be used");
    }
}

/// What the consumers of one queue record.
pub struct ConsumerMetrics {
    queue: &'static str,
    seconds: Histogram,
}

impl ConsumerMetrics {
    /// Handles of this process's exporter.
    pub fn new(queue: &'static str) -> Self {
        exporter();
        Self { queue, seconds: metrics::histogram!(CONSUME_SECONDS.name, "queue" => queue) }
    }

    /// A message was settled, or could not be.
    pub fn settled(&self, outcome: &'static str, took_us: u64) {
        metrics::counter!(CONSUMED.name, "queue" => self.queue, "outcome" => outcome).increment(1);
        self.seconds.record(Duration::from_micros(took_us));
    }
}
