//! One consumer: takes messages for as long as it is not stopped, and begins anew whenever they end.

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::{Mutex, RwLock};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::cleanse::{Scanned, cleanse};
use super::outage::{KEEP_MAX, OUTAGE_MIN, Outage};
use super::turns::Turns;
use super::{Handled, Handler, Tools, settle};
use crate::broker::topology::{Queue, RETRY_AFTER};
use crate::broker::{Deliveries, Delivery, Message, Settlement};
use crate::service::error::Error;
use crate::telemetry::broker::ConsumerMetrics;

/// Pauses between attempts to consume: from the first to the longest.
const AGAIN_MIN: Duration = Duration::from_millis(50);
const AGAIN_MAX: Duration = Duration::from_millis(500);

/// So many attempts at a message may be among others. Whoever dies during one of them may have died of a
/// neighbour; the attempts after them are alone, and so its own.
const SHARED_MAX: u32 = 2;

/// One consumer of one queue.
pub(super) struct Consumer {
    pub(super) queue: Queue,
    pub(super) prefetch: u16,
    pub(super) handler: Arc<dyn Handler>,
    pub(super) tools: Arc<Tools>,
    /// Held by many for messages that may be worked among others, by one alone for a suspect.
    pub(super) gate: Arc<RwLock<()>>,
    /// Taken before the gate, by one delivery of each message that came again.
    pub(super) turns: Arc<Turns>,
    /// Held by the only suspect, of whatever queue, that is at work in this process: of two, nobody
    /// could tell which one the process has died of.
    pub(super) suspects: Arc<Mutex<()>>,
    pub(super) metrics: ConsumerMetrics,
    pub(super) stop: CancellationToken,
    /// Nobody waits any longer for what is still at work.
    pub(super) leave: CancellationToken,
    pub(super) tasks: TaskTracker,
}

/// A message that was not tried, because a store or the broker did not answer.
struct Untried {
    delivery: Box<dyn Delivery>,
    /// The number of an attempt at it that is written down all the same, or may be.
    counted: Option<u32>,
}

/// The attempt that comes next at a message that came again.
#[derive(Clone, Copy)]
struct Next {
    number: u32,
    /// Nothing was written down of the message before. Once an attempt was taken back there is.
    is_first: bool,
}

impl Consumer {
    /// Consumes until it is stopped.
    pub(super) async fn run(self: Arc<Self>) {
        let mut pause = AGAIN_MIN;
        let mut told = false;
        while !self.stop.is_cancelled() {
            let consuming = self.tools.broker.consume(self.queue, self.prefetch);
            let consuming = tokio::select! {
                () = self.stop.cancelled() => return,
                consuming = consuming => consuming,
            };
            match consuming {
                Ok(mut deliveries) => {
                    pause = AGAIN_MIN;
                    told = false;
                    tracing::info!(queue = self.queue.name(), "consuming");
                    self.work(&mut *deliveries).await;
                }
                Err(error) if !told => {
                    told = true;
                    let (queue, error) = (self.queue.name(), &error as &dyn std::error::Error);
                    tracing::warn!(queue, error, "can not consume; trying again");
                }
                Err(_) => {}
            }
            self.rest(pause).await;
            pause = pause.saturating_mul(2).min(AGAIN_MAX);
        }
    }

    /// Takes one message after the other, each to be handled in a task of its own; their number is
    /// bounded by the prefetch. Comes back when nothing comes any more.
    async fn work(self: &Arc<Self>, deliveries: &mut dyn Deliveries) {
        loop {
            let next = async {
                while !(self.tools.is_open)() {
                    tokio::time::sleep(OUTAGE_MIN).await;
                }
                deliveries.next().await
            };
            let next = tokio::select! {
                biased;
                () = self.stop.cancelled() => return,
                next = next => next,
            };
            match next {
                Ok(delivery) => {
                    let consumer = Arc::clone(self);
                    self.tasks.spawn(async move { consumer.handle(delivery).await });
                }
                Err(error) => {
                    let (queue, error) = (self.queue.name(), &error as &dyn std::error::Error);
                    tracing::warn!(queue, error, "lost a consumer; consuming anew");
                    return;
                }
            }
        }
    }

    async fn handle(&self, mut delivery: Box<dyn Delivery>) {
        let started = self.tools.clock.monotonic();
        let (clean, body) = cleanse(delivery.message());
        if let Some(clean) = clean {
            delivery.replace(clean);
        }
        // Dead letters may lack anything; that is what they may have died of. Nor are attempts at them
        // counted: their headers tell of those that they died of, and there is nowhere further.
        let works = self.queue.dead_letter_key().is_some();
        let outcome = if works && delivery.message().id.is_empty() {
            let error = "a message needs an id (property message_id)".to_owned();
            let reason = "missing_message_id".to_owned();
            self.settle(delivery, Settlement::Dead { reason, error }).await
        } else if works && delivery.redelivered() {
            self.handle_again(delivery, body).await
        } else {
            self.handle_new(delivery, body).await
        };
        self.metrics.settled(outcome, self.tools.clock.monotonic().since(started));
    }

    async fn handle_new(&self, delivery: Box<dyn Delivery>, body: Scanned) -> &'static str {
        let mut outage = Outage::begin();
        loop {
            let among_others = self.gate.read().await;
            let handled = self.attempt(delivery.message(), body).await;
            if let Some(settlement) = settle::settlement(handled) {
                return self.settle(delivery, settlement).await;
            }
            drop(among_others); // a suspect need not wait for the outage to end
            if !outage.wait(&self.stop).await {
                return self.settle(delivery, Settlement::Return).await;
            }
        }
    }

    /// A message that came again may be what its last consumer died of. Most are only what was beside
    /// it: they go among others once more. Whoever was there when that ended badly, too, is a suspect.
    async fn handle_again(&self, mut delivery: Box<dyn Delivery>, body: Scanned) -> &'static str {
        let id = delivery.message().id.clone();
        // What it tells of itself, and the delivery before this one, which nobody has lived to count.
        let before = delivery.failures().saturating_add(1);
        let mut outage = Outage::begin();
        loop {
            let turn = tokio::select! {
                () = self.stop.cancelled() => {
                    return self.settle(delivery, Settlement::Return).await;
                }
                turn = self.turns.next(&id) => turn,
                () = tokio::time::sleep(KEEP_MAX) => {
                    return self.settle(delivery, Settlement::Return).await;
                }
            };
            let untried = match self.try_again(delivery, before, body).await {
                Ok(outcome) => return outcome,
                Err(untried) => untried,
            };
            // Nothing is in doubt any more when the next try begins, but for a write that nobody was told of
            // and that is done only now: it counts.
            if let Some(attempt) = untried.counted {
                while self.tools.attempts.undo(self.queue, &id, attempt).await.is_err()
                    && outage.wait(&self.stop).await
                {}
            }
            drop(turn); // once nothing is counted any more: another delivery of it counts from there
            if !outage.wait(&self.stop).await {
                return self.settle(untried.delivery, Settlement::Return).await;
            }
            delivery = untried.delivery;
        }
    }

    /// Tries it among others or alone, as its count says. Whoever waits for an outage to end holds
    /// nobody up.
    async fn try_again(
        &self,
        delivery: Box<dyn Delivery>,
        before: u32,
        body: Scanned,
    ) -> Result<&'static str, Untried> {
        let Ok(next) = self.next(&delivery.message().id, before).await else {
            return Err(Untried { delivery, counted: None });
        };
        if next.number <= SHARED_MAX {
            let _among_others = self.gate.read().await;
            self.handle_counted(delivery, before, body).await
        } else {
            let _only_suspect = self.suspects.lock().await;
            let _alone = self.gate.write().await;
            self.handle_counted(delivery, before, body).await
        }
    }

    /// What is written down now. Another delivery of the same message may be at work in another process.
    async fn next(&self, id: &str, before: u32) -> Result<Next, Error> {
        let written = self.tools.attempts.begun(self.queue, id).await?;
        let number = written.max(before).saturating_add(1);
        Ok(Next { number, is_first: written == 0 })
    }

    /// The attempt is written down before it begins, and that count decides.
    async fn handle_counted(
        &self,
        mut delivery: Box<dyn Delivery>,
        before: u32,
        body: Scanned,
    ) -> Result<&'static str, Untried> {
        if self.stop.is_cancelled() {
            return Err(Untried { delivery, counted: None }); // its turn has come too late
        }
        let id = delivery.message().id.clone();
        let Ok(next) = self.next(&id, before).await else {
            return Err(Untried { delivery, counted: None });
        };
        let attempts_max = u32::try_from(RETRY_AFTER.len()).unwrap_or(u32::MAX).saturating_add(1);
        let Ok(attempts) = self.tools.attempts.begin(self.queue, &id, next.number).await else {
            return Err(Untried { delivery, counted: Some(next.number) });
        };
        let failures = attempts.min(attempts_max.saturating_add(1)).saturating_sub(1);
        if attempts > attempts_max {
            delivery.recount(failures.saturating_sub(1));
            return Ok(self.settle_counted(delivery, settle::of_silence()).await);
        }
        delivery.recount(failures);
        let may_be_none = next.is_first && attempts <= SHARED_MAX;
        let attempt = self.attempt_counted(delivery.message(), attempts, may_be_none, body);
        let (handled, is_counted) = attempt.await;
        match settle::settlement(handled) {
            None => Err(Untried { delivery, counted: is_counted.then_some(attempts) }),
            Some(failed @ Settlement::Retry { .. }) => {
                Ok(self.settle_counted(delivery, failed).await)
            }
            // Whoever has handled it has lived: should it come again, that was the broker's fault.
            Some(settlement) => {
                self.tools.attempts.end(self.queue, &id).await;
                Ok(self.settle(delivery, settlement).await)
            }
        }
    }

    /// An attempt, and whether it still counts. One that the process does not wait for, because it was
    /// told to stop, is taken back before the process ends, where it `may_be_none`: once, and only from
    /// whoever was among others. A message that makes its process be told to stop (it hangs, and does not
    /// answer its probes) would be tried for ever.
    async fn attempt_counted(
        &self,
        message: &Message,
        attempt: u32,
        may_be_none: bool,
        body: Scanned,
    ) -> (Handled, bool) {
        let mut handling = pin!(self.attempt(message, body));
        tokio::select! {
            handled = &mut handling => (handled, true),
            () = self.leave.cancelled(), if may_be_none => {
                let undone = self.tools.attempts.undo(self.queue, &message.id, attempt).await;
                (handling.await, undone.is_err())
            }
        }
    }

    /// Settles what has failed, and then forgets the count: what is counted from here on is in the
    /// message's own headers. One that could not be settled comes again, and still counts.
    async fn settle_counted(
        &self,
        delivery: Box<dyn Delivery>,
        settlement: Settlement,
    ) -> &'static str {
        let id = delivery.message().id.clone();
        let outcome = self.settle(delivery, settlement).await;
        if outcome != UNSETTLED {
            self.tools.attempts.end(self.queue, &id).await;
        }
        outcome
    }

    /// Runs the handler once, within its deadline. A panic is a failure like others.
    async fn attempt(&self, message: &Message, body: Scanned) -> Handled {
        let handling = AssertUnwindSafe(self.handler.handle(message, body)).catch_unwind();
        match tokio::time::timeout(self.handler.deadline(), handling).await {
            Ok(Ok(handled)) => handled,
            Ok(Err(_panic)) => {
                tracing::error!(queue = self.queue.name(), "a handler panicked");
                Handled::Failed { error: "the handler panicked".to_owned() }
            }
            Err(_) => Handled::Failed { error: "the handler did not end in time".to_owned() },
        }
    }

    async fn settle(&self, delivery: Box<dyn Delivery>, settlement: Settlement) -> &'static str {
        let queue = self.queue.name();
        if let Settlement::Dead { reason, .. } = &settlement {
            tracing::warn!(queue, reason, "a message can not be worked: dead-lettered");
        }
        let outcome = settle::name(&settlement);
        match delivery.settle(settlement).await {
            Ok(()) => outcome,
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::debug!(queue, error, "could not settle a message: it comes again");
                UNSETTLED
            }
        }
    }

    async fn rest(&self, pause: Duration) {
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// The outcome of a message that could not be settled.
const UNSETTLED: &str = "unsettled";
