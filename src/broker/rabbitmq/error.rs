//! What the driver says, in the words of the port; and the bound that every call to it has.

use std::time::Duration;

use lapin::ErrorKind;
use lapin::protocol::{AMQPErrorKind, AMQPHardError, AMQPSoftError};

use crate::broker::BrokerError;

/// How long one call to the broker may take.
pub(super) const CALL_MAX: Duration = Duration::from_secs(5);

/// Why a call has no answer, where the driver has said nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Silence {
    #[error("RabbitMQ does not answer in time")]
    Late,
    #[error("RabbitMQ has not confirmed in time")]
    Unconfirmed,
    #[error("RabbitMQ could not store the message (nack)")]
    Nacked,
    #[error("RabbitMQ is short of memory or disk and takes no messages")]
    Blocked,
    #[error("there is no connection to RabbitMQ")]
    Disconnected,
    #[error("the consumer was cancelled: its queue has gone, or its node")]
    Cancelled,
    #[error("the channel of this delivery has closed: it comes again")]
    Gone,
    #[error("the driver has failed")]
    Broken,
    #[error("the broker is closed")]
    Closed,
}

pub(super) fn silent(silence: Silence) -> BrokerError {
    BrokerError::Unavailable(Box::new(silence))
}

/// Something exists at the broker, and not as we need it.
#[derive(Debug, thiserror::Error)]
#[error("the {what} {name} can not be used: {said}. Delete it or rename it, then it is made anew")]
pub(super) struct Differs {
    pub(super) what: &'static str,
    pub(super) name: String,
    /// The broker names the argument, what we want and what it is.
    pub(super) said: String,
}

/// Translates an error of the driver. What no repeat can mend is refused.
pub(super) fn translate(error: lapin::Error) -> BrokerError {
    let refused = match error.kind() {
        ErrorKind::ProtocolError(said) => match said.kind() {
            AMQPErrorKind::Soft(
                AMQPSoftError::ACCESSREFUSED | AMQPSoftError::PRECONDITIONFAILED,
            ) => true,
            // A virtual host that is down is one that is still starting.
            AMQPErrorKind::Hard(AMQPHardError::NOTALLOWED) => {
                said.get_message().as_str().contains("not found")
            }
            _ => false,
        },
        ErrorKind::InvalidProtocolVersion(_) | ErrorKind::AuthProviderError(_) => true,
        _ => false,
    };
    if refused {
        BrokerError::Refused(Box::new(error))
    } else {
        BrokerError::Unavailable(Box::new(error))
    }
}

/// Whether an exchange or a queue is not there: somebody has deleted it.
pub(super) fn is_missing(error: &BrokerError) -> bool {
    let BrokerError::Unavailable(source) = error else { return false };
    let kind = source.downcast_ref::<lapin::Error>().map(lapin::Error::kind);
    matches!(kind, Some(ErrorKind::ProtocolError(said))
        if said.kind() == &AMQPErrorKind::Soft(AMQPSoftError::NOTFOUND))
}

/// Runs one call to the broker.
pub(super) async fn bounded<T>(
    call: impl Future<Output = lapin::Result<T>>,
) -> Result<T, BrokerError> {
    bounded_by(CALL_MAX, call).await?.map_err(translate)
}

/// Waits so long, and no longer.
pub(super) async fn bounded_by<T>(
    most: Duration,
    call: impl Future<Output = T>,
) -> Result<T, BrokerError> {
    tokio::time::timeout(most, call).await.map_err(|_| silent(Silence::Late))
}

/// An error with all that is behind it, in one line.
pub(super) fn line(error: &BrokerError) -> String {
    let mut line = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        line = format!("{line}: {error}");
        cause = error.source();
    }
    line.replace('\n', " ")
}
