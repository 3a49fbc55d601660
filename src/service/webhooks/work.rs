//! The worker: takes what is due with a lease, so that any number of processes may work, and writes
//! down what has become of it.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{FutureExt, StreamExt, stream};
use tokio::sync::mpsc;

use super::apply::Failure;
use super::{Applied, Webhooks};
use crate::broker::topology::{Exchange, Queue};
use crate::broker::{Broker, Message, Outgoing, Target};
use crate::domain::clock::Clock;
use crate::domain::id::EventId;
use crate::domain::time::Timestamp;
use crate::domain::webhook::{ClaimedWebhook, WebhookEnd, WebhookStatus};
use crate::store::StoreError;
use crate::store::webhooks::{Claim, Which};
use crate::telemetry::faults::Fault;
use crate::telemetry::webhooks;

/// How long a worker has what it has taken to itself.
const LEASE: Duration = Duration::from_secs(15);

/// How long one that the queue has delivered waits for its turn. Then it is left to the sweeper.
pub const TURN_MAX: Duration = Duration::from_secs(2);

/// Between two looks for what is due.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// Taken at a time.
const ROWS_MAX: u32 = 64;

/// Between two rounds of forgetting, and rows of one statement.
const FORGET_EVERY: Duration = Duration::from_secs(60);
const FORGET_MAX: u32 = 500;

/// Pauses after attempts that failed; after one more it is parked.
const AGAIN_MS: [i64; 3] = [100, 1_000, 5_000];

/// The first pause while a store does not answer, or the card is not known; each doubles, up to the
/// last.
const PATIENCE_MS: i64 = 500;
const PATIENCE_MS_MAX: i64 = 600_000;

/// More tries than any pause above leads to: something goes wrong before it can be written down.
const ATTEMPTS_MAX: u32 = 1_000;

/// How long a notification waits for its card to become known.
const UNKNOWN_DAYS_MAX: u16 = 3;

impl Webhooks {
    /// Applies one notification, if it is still to be applied and nobody else has it.
    pub async fn apply(&self, id: EventId) -> Applied {
        // Before it is claimed: its lease is for the work alone.
        let Ok(_turn) = tokio::time::timeout(TURN_MAX, self.turns.next()).await else {
            return Applied::Elsewhere;
        };
        match self.claim(Which::One(id)).await {
            Ok(claimed) => match claimed.into_iter().next() {
                Some(one) => self.work(one).await,
                None => Applied::Elsewhere,
            },
            Err(_) => Applied::Unavailable,
        }
    }

    /// Looks for what is due, for ever: what the queue has lost, and what is to be tried again.
    pub async fn sweep_for_ever(&self) {
        loop {
            let swept = self.sweep().await.inspect_err(|error| {
                tracing::debug!(%error, "could not look for notifications");
            });
            if swept.unwrap_or(0) == 0 {
                tokio::time::sleep(SWEEP_EVERY).await;
            }
        }
    }

    /// One look: applies what is due, and says how many that were.
    pub async fn sweep(&self) -> Result<usize, StoreError> {
        let workers = self.settings.workers.max(1);
        // No more than are begun at once: the leases of what waits would run out.
        let rows_max = u32::try_from(workers).unwrap_or(u32::MAX).min(ROWS_MAX);
        let claimed = self.claim(Which::Due { rows_max }).await?;
        let count = claimed.len();
        let mut unavailable = false;
        let mut working = stream::iter(claimed)
            .map(|one| async {
                let _turn = self.turns.next().await;
                self.work(one).await
            })
            .buffer_unordered(workers);
        while let Some(applied) = working.next().await {
            unavailable |= matches!(applied, Applied::Later | Applied::Unavailable);
        }
        Ok(if unavailable { 0 } else { count }) // a store that does not answer is given time
    }

    /// Forgets what is done and older than its retention, for ever.
    pub async fn forget_for_ever(&self) {
        loop {
            tokio::time::sleep(FORGET_EVERY).await;
            match self.forget().await {
                Ok(0) => {}
                Ok(rows) => tracing::info!(rows, "forgot old notifications"),
                Err(error) => {
                    tracing::debug!(%error, "could not forget old notifications");
                }
            }
        }
    }

    /// Forgets what is done and older than its retention; says how many.
    pub async fn forget(&self) -> Result<u64, StoreError> {
        let retention = i64::try_from(self.settings.retention.as_micros()).unwrap_or(i64::MAX);
        let before = self.service.clock.now().plus_micros(retention.saturating_neg());
        let mut forgotten = 0;
        loop {
            let rows = self.events.forget_before(before, FORGET_MAX).await?;
            forgotten += rows;
            if rows < u64::from(FORGET_MAX) {
                return Ok(forgotten);
            }
            tokio::task::yield_now().await;
        }
    }

    async fn claim(&self, which: Which) -> Result<Vec<ClaimedWebhook>, StoreError> {
        let claim = Claim {
            which,
            key_ids: self.seal.key_ids(),
            now: self.service.clock.now(),
            lease_us: i64::try_from(LEASE.as_micros()).unwrap_or(i64::MAX),
        };
        self.events.claim(claim).await
    }

    async fn work(&self, one: ClaimedWebhook) -> Applied {
        let outcome = if one.attempts >= ATTEMPTS_MAX {
            Err(Failure::Refused("attempts")) // whoever tried it before has not lived to tell
        } else {
            let taking = AssertUnwindSafe(self.take_in(&one)).catch_unwind();
            taking.await.unwrap_or(Err(Failure::Failed("panicked")))
        };
        let (end, applied) = self.end(&one, outcome);
        let family = one.family.as_str();
        if applied != Applied::Later {
            webhooks::count(family, end.status.as_str());
        }
        if end.status == WebhookStatus::Parked {
            let reason = end.reason.as_deref().unwrap_or_default();
            tracing::warn!(event.id = %one.id, event.family = family, reason, "parked a notification");
        }
        // Not one that only waits for its card, or for its next attempt.
        let stuck = end.status == WebhookStatus::Parked && end.retry_at.is_none();
        match self.events.settle(one.id, end).await {
            Ok(()) => {
                if stuck {
                    self.faults.tell(Fault::NotificationParked, self.service.clock.now());
                }
                applied
            }
            // Its lease runs out, and it is applied again: to no effect.
            Err(_) => Applied::Unavailable,
        }
    }

    fn end(
        &self,
        one: &ClaimedWebhook,
        outcome: Result<(WebhookStatus, Option<String>), Failure>,
    ) -> (WebhookEnd, Applied) {
        let now = self.service.clock.now();
        let after = |ms: i64| now.plus_micros(ms.saturating_mul(1_000));
        let end = |status, reason: Option<String>, retry_at, counted| {
            let applied = Applied::Done(status, reason.clone());
            (WebhookEnd { status, reason, retry_at, counted }, applied)
        };
        match outcome {
            Ok((status, reason)) => end(status, reason, None, true),
            Err(Failure::Refused(why)) => {
                end(WebhookStatus::Parked, Some(why.to_owned()), None, true)
            }
            Err(Failure::Unknown(what)) => {
                let given_up = one.received_at.plus_days(UNKNOWN_DAYS_MAX) < now;
                let retry_at = (!given_up).then(|| after(patience(one.attempts)));
                end(WebhookStatus::Parked, Some(what.to_owned()), retry_at, true)
            }
            Err(Failure::Failed(why)) => {
                tracing::error!(event.id = %one.id, why, "could not apply a notification");
                let pause = usize::try_from(one.attempts).ok().and_then(|at| AGAIN_MS.get(at));
                let retry_at = pause.map(|ms| after(*ms));
                end(WebhookStatus::Parked, Some("failed".to_owned()), retry_at, true)
            }
            Err(Failure::Unavailable) => {
                let waited = now.as_micros().saturating_sub(one.received_at.as_micros()) / 1_000;
                let pause = waited.clamp(PATIENCE_MS, 30_000);
                let (end, _) = end(WebhookStatus::Received, None, Some(after(pause)), false);
                (end, Applied::Later)
            }
        }
    }
}

/// How long to wait after so many attempts.
fn patience(attempts: u32) -> i64 {
    PATIENCE_MS.checked_shl(attempts.min(24)).unwrap_or(PATIENCE_MS_MAX).min(PATIENCE_MS_MAX)
}

/// Passes fresh ids on to the queue, until nobody can hand any in.
pub(super) async fn pass_on(
    broker: Arc<dyn Broker>,
    clock: Arc<dyn Clock>,
    mut fresh: mpsc::Receiver<Vec<EventId>>,
) {
    while let Some(mut ids) = fresh.recv().await {
        while let Ok(more) = fresh.try_recv() {
            ids.extend(more);
        }
        publish(&*broker, ids, clock.now()).await;
    }
}

async fn publish(broker: &dyn Broker, ids: Vec<EventId>, now: Timestamp) {
    let outgoing = |id: &EventId| Outgoing {
        target: Target::Topic(Exchange::Transactions, Queue::Webhooks.binding().to_owned()),
        message: Message {
            id: id.to_string(),
            content_type: "application/json".to_owned(),
            published_ms: Some(now.as_micros() / 1_000),
            body: Bytes::from(format!("{{\"id\":\"{id}\"}}")),
            ..Message::default()
        },
    };
    let published = broker.publish(ids.iter().map(outgoing).collect()).await;
    let confirmed = published.map_or(0, |each| each.iter().filter(|it| it.is_ok()).count());
    if confirmed < ids.len() {
        let missing = ids.len() - confirmed;
        tracing::warn!(missing, "could not enqueue notifications; the sweeper will find them");
    }
}
