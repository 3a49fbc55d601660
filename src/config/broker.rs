//! The message broker: which, and how its queues are worked.

use std::path::PathBuf;

use secrecy::SecretString;
use serde::Deserialize;

use super::error::{SettingsError, within};
use super::store::scheme;
use super::unset::{path_or_unset, secret_or_unset};

/// Settings of the message broker.
#[derive(Clone, Debug, Deserialize)]
pub struct Broker {
    /// A server.
    pub rabbitmq: Rabbitmq,
    /// Who works the queues in this process.
    pub consumers: Consumers,
}

/// Settings of the server.
#[derive(Clone, Debug, Deserialize)]
pub struct Rabbitmq {
    /// `amqp://user:password@host:port/vhost`; `None`: the embedded broker.
    #[serde(deserialize_with = "secret_or_unset")]
    pub url: Option<SecretString>,
    /// Certificates in PEM of who may vouch for the server; `None`: those that everybody trusts.
    #[serde(deserialize_with = "path_or_unset")]
    pub ca_path: Option<PathBuf>,
    /// What the name of every exchange and queue begins with, so that programs can share a broker.
    pub prefix: String,
    /// How long a message may go unconfirmed, in milliseconds.
    pub confirm_ms: u64,
}

/// Settings of the consumers.
#[derive(Clone, Debug, Deserialize)]
pub struct Consumers {
    /// Whether this process works any queue.
    pub enabled: bool,
    /// Requests to decide.
    pub jit: Consumer,
    /// Raw transactions.
    pub transactions: Consumer,
    /// Notifications.
    pub webhooks: Consumer,
    /// What could not be worked: it is kept where it can be looked through.
    pub dead_letters: Consumer,
}

/// Settings of the consumers of one queue.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Consumer {
    /// How many there are; 0: the queue is left to other processes.
    pub count: u64,
    /// How many messages each has at work at most.
    pub prefetch: u64,
}

impl Broker {
    pub(super) fn check(&self) -> Result<(), SettingsError> {
        let rabbitmq = &self.rabbitmq;
        scheme("broker.rabbitmq.url", &rabbitmq.url, &["amqp", "amqps"])?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-:.".contains(&byte);
        if rabbitmq.prefix.len() > 64 || !rabbitmq.prefix.bytes().all(plain) {
            let expected = "at most 64 letters, digits, and _ - : .";
            return Err(SettingsError::value("broker.rabbitmq.prefix", expected));
        }
        within("broker.rabbitmq.confirm_ms", rabbitmq.confirm_ms, 100..=30_000)?;
        let Consumers { jit, transactions, webhooks, dead_letters, .. } = &self.consumers;
        for (name, consumer) in [
            ("jit", jit),
            ("transactions", transactions),
            ("webhooks", webhooks),
            ("dead_letters", dead_letters),
        ] {
            within(&format!("broker.consumers.{name}.count"), consumer.count, 0..=64)?;
            within(&format!("broker.consumers.{name}.prefetch"), consumer.prefetch, 1..=4_096)?;
        }
        Ok(())
    }
}
