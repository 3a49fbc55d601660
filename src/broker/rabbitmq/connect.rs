//! How connections are opened.

use std::time::Duration;

use lapin::tcp::OwnedTLSConfig;
use lapin::uri::{AMQPScheme, AMQPUri};
use lapin::{Connection, ConnectionProperties, runtime};

use super::error::{Silence, bounded_by, silent, translate};
use crate::broker::BrokerError;

/// How long connecting may take, the handshake included.
const CONNECT_MAX: Duration = Duration::from_secs(5);

/// Between two heartbeats, in seconds. A peer that has been silent for twice as long has gone; the driver
/// looks every half of it, so up to 15 s pass, and consumers have to be back within 25.
const HEARTBEAT_S: u16 = 6;

/// Where the server is, and who may vouch for it beside those whom the system trusts (PEM).
#[derive(Clone)]
pub(super) struct Server {
    pub(super) uri: AMQPUri,
    pub(super) authority: Option<String>,
}

/// Reads a URL.
pub(super) fn parse(url: &str) -> Option<AMQPUri> {
    let mut uri: AMQPUri = url.parse().ok()?;
    uri.query.heartbeat.get_or_insert(HEARTBEAT_S);
    let millis = u64::try_from(CONNECT_MAX.as_millis()).unwrap_or(u64::MAX);
    uri.query.connection_timeout.get_or_insert(millis);
    matches!(uri.scheme, AMQPScheme::AMQP | AMQPScheme::AMQPS).then_some(uri)
}

/// Connects once. `name` is what operators see.
pub(super) async fn connect(server: Server, name: &str) -> Result<Connection, BrokerError> {
    let Server { uri, authority } = server;
    let properties = ConnectionProperties::default().with_connection_name(name.into());
    let tls = OwnedTLSConfig { identity: None, cert_chain: authority };
    let runtime = runtime::default_runtime().map_err(translate)?;
    // In a task of its own: one that is stopped half-way may leave the driver in the middle of a
    // handshake.
    let connecting = Connection::connect_uri_with_config(uri, properties, tls, runtime);
    let connecting = tokio::spawn(connecting);
    match bounded_by(CONNECT_MAX, connecting).await? {
        Ok(Ok(connection)) => Ok(connection),
        Ok(Err(error)) => Err(translate(error)),
        Err(_panicked) => Err(silent(Silence::Broken)),
    }
}
