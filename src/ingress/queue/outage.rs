//! How a consumer waits for a store that does not answer.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// Pauses while a store does not answer.
pub(super) const OUTAGE_MIN: Duration = Duration::from_millis(100);
const OUTAGE_MAX: Duration = Duration::from_secs(2);

/// How long a message is kept waiting for a store before it is given back: brokers give up on consumers
/// that keep one for longer (RabbitMQ after half an hour).
pub(super) const KEEP_MAX: Duration = Duration::from_secs(600);

/// A store that does not answer, as one message sees it.
pub(super) struct Outage {
    pause: Duration,
    waited: Duration,
}

impl Outage {
    pub(super) const fn begin() -> Self {
        Self { pause: OUTAGE_MIN, waited: Duration::ZERO }
    }

    /// Waits a while; `false`: it is time to give the message back.
    pub(super) async fn wait(&mut self, stop: &CancellationToken) -> bool {
        if self.waited >= KEEP_MAX {
            return false;
        }
        tokio::select! {
            () = stop.cancelled() => return false,
            () = tokio::time::sleep(self.pause) => {}
        }
        self.waited += self.pause;
        self.pause = self.pause.saturating_mul(2).min(OUTAGE_MAX);
        true
    }
}
