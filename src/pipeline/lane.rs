//! A lane: a long-lived task that owns a share of the accounts. It takes whatever has queued up and
//! settles it in one transaction. No caller can cancel it half-way.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::mpsc;

use crate::domain::time::Monotonic;
use crate::ledger::intent::Intent;

use super::attempt::{Bench, Failure, Judged};
use super::lanes::LaneState;
use super::ticket::{Queued, Settled, Unsettled, Waiting};
use super::{LaneSettings, Unavailable};

/// How often a batch on one account is run again after a conflict or an unknown outcome. It is a net:
/// the deadline ends it before, where there is one.
const RETRIES_MAX: u32 = 1_000;

/// So many retries are soon; somebody who is still in the way is given more time.
const RETRIES_SOON: u32 = 20;

/// How often a batch on several accounts is run again before it is halved: a smaller one names fewer
/// accounts that another instance may be working on.
const RETRIES_BEFORE_HALVING: u32 = 2;

/// How long a void waits that could not be settled.
const VOID_RETRY: Duration = Duration::from_millis(200);

/// The task's own half.
pub(super) struct Lane {
    pub(super) bench: Arc<Bench>,
    pub(super) queue: mpsc::Receiver<Queued>,
    pub(super) voids: mpsc::UnboundedReceiver<Queued>,
    /// Where a void goes that could not be settled yet; it does not keep the lane alive.
    pub(super) retry_voids: mpsc::WeakUnboundedSender<Queued>,
    pub(super) state: Arc<LaneState>,
    pub(super) settings: LaneSettings,
}

impl Lane {
    /// Settles batch after batch until nobody can queue any more.
    pub(super) async fn run(mut self) {
        while let Some(batch) = self.gather().await {
            if !batch.is_empty() {
                self.work(batch).await;
            }
        }
    }

    /// Whatever has queued up: requests and steps in order of arrival, then voids. What is too late
    /// is answered, what was abandoned is left. `None`: nobody can queue any more.
    async fn gather(&mut self) -> Option<Vec<Queued>> {
        let batch_max = self.settings.batch_max;
        let mut batch = Vec::new();
        tokio::select! {
            biased;
            taken = self.queue.recv_many(&mut batch, batch_max) => {
                if taken == 0 && self.queue.is_closed() {
                    batch.push(self.voids.recv().await?);
                }
            }
            Some(void) = self.voids.recv() => batch.push(void),
        }
        while batch.len() < batch_max
            && let Ok(void) = self.voids.try_recv()
        {
            batch.push(void);
        }
        let now = self.bench.clock.monotonic();
        batch.retain_mut(|queued| {
            let late = queued.waiting.deadline.is_some_and(|deadline| deadline < now);
            if late {
                let late = Unsettled { why: Unavailable::Late, maybe_stored: false };
                queued.waiting.answer(Err(late));
            }
            !late && !queued.is_abandoned()
        });
        Some(batch)
    }

    /// Runs a batch in a task of its own and watches the time. Past the stall limit, or once the home
    /// did not answer, everything that waits or arrives gets the outage answer at once, until the
    /// home works again.
    async fn work(&mut self, batch: Vec<Queued>) {
        let settle = Settle {
            bench: Arc::clone(&self.bench),
            state: Arc::clone(&self.state),
            retry_voids: self.retry_voids.clone(),
        };
        let mut running = tokio::spawn(settle.run(batch));
        let stall_us = self.settings.stall_us;
        let bench = Arc::clone(&self.bench);
        let mut over =
            match tokio::time::timeout(Duration::from_micros(stall_us), &mut running).await {
                Ok(Ok(true)) => return,
                Ok(_) => tokio::spawn(async move { bench.until_it_answers().await }),
                Err(_) => {
                    tracing::error!(stall_us, "a lane is stalled: its batch takes too long");
                    tokio::spawn(async move {
                        if !running.await.unwrap_or(false) {
                            bench.until_it_answers().await;
                        }
                    })
                }
            };
        self.state.is_stalled.store(true, Ordering::Relaxed);
        let refused = Unsettled { why: Unavailable::Stalled, maybe_stored: false };
        loop {
            tokio::select! {
                biased;
                _ = &mut over => break,
                Some(mut queued) = self.queue.recv() => {
                    count(&self.state.stalled, 1);
                    queued.waiting.answer(Err(refused));
                }
            }
        }
        self.state.is_stalled.store(false, Ordering::Relaxed);
        tracing::warn!("a stalled lane goes on");
    }
}

/// One batch on its way through the home.
struct Settle {
    bench: Arc<Bench>,
    state: Arc<LaneState>,
    retry_voids: mpsc::WeakUnboundedSender<Queued>,
}

impl Settle {
    /// Says whether the home has answered.
    async fn run(self, batch: Vec<Queued>) -> bool {
        let mut answered = true;
        let mut parts = vec![batch];
        while let Some(part) = parts.pop() {
            let (mut intents, waiting) = split(part);
            match self.attempts(&mut intents, &waiting).await {
                Ok(judged) => self.answer_all(waiting, judged),
                Err(Failure::Home) => {
                    answered = false;
                    self.fail_all(intents, waiting);
                    for (intents, waiting) in parts.drain(..).rev().map(split) {
                        self.fail_all(intents, waiting);
                    }
                }
                Err(_) if waiting.len() == 1 => self.fail_all(intents, waiting),
                Err(failure) => {
                    // In order of arrival: what is taken next is the last.
                    let part = rejoin(intents, waiting);
                    parts.extend(smaller(part, failure).into_iter().rev());
                }
            }
        }
        answered
    }

    /// Runs the batch; again after a conflict, and after a commit whose outcome is unknown: what is
    /// there already is then answered from its row. Gives up where nobody can be answered in time.
    async fn attempts(
        &self,
        intents: &mut [Intent],
        waiting: &[Waiting],
    ) -> Result<Vec<Judged>, Failure> {
        let queued_at: Vec<Monotonic> = waiting.iter().map(|waiting| waiting.queued_at).collect();
        let retries_max =
            if names_one_account(intents) { RETRIES_MAX } else { RETRIES_BEFORE_HALVING };
        let mut retries = 0;
        loop {
            let failure = match self.bench.attempt(intents, &queued_at).await {
                Ok(judged) => return Ok(judged),
                Err(failure) => failure,
            };
            if failure != Failure::Again {
                return Err(failure);
            }
            if self.all_late(waiting) {
                return Err(Failure::Home);
            }
            if retries == retries_max {
                return Err(failure);
            }
            retries += 1;
            count(&self.state.retries, 1);
            tokio::time::sleep(self.jitter(retries)).await;
        }
    }

    fn all_late(&self, waiting: &[Waiting]) -> bool {
        let now = self.bench.clock.monotonic();
        waiting.iter().all(|waiting| waiting.deadline.is_some_and(|deadline| deadline < now))
    }

    /// 1 to 5 ms at first, then up to 20: soon enough to find the moment between two batches of
    /// another instance. The random bits of a fresh id will do.
    fn jitter(&self, retries: u32) -> Duration {
        let most_us = if retries < RETRIES_SOON { 4_000 } else { 19_000 };
        let random = self.bench.clock.uuid().as_u128() % most_us;
        Duration::from_micros(1_000 + random as u64)
    }

    fn answer_all(&self, batch: Vec<Waiting>, judged: Vec<Judged>) {
        count(&self.state.batches, 1);
        count(&self.state.items, batch.len() as u64);
        let committed = self.bench.clock.monotonic();
        for (mut waiting, judged) in batch.into_iter().zip(judged) {
            let late = waiting.deadline.is_some_and(|deadline| deadline < committed);
            let result = if late {
                Err(Unsettled { why: Unavailable::Late, maybe_stored: true })
            } else {
                let commit_us = committed.since(judged.ended);
                Ok(Settled { outcome: judged.outcome, stages: judged.stages, commit_us })
            };
            if waiting.reply.is_none() {
                count(&self.state.voids, 1);
            }
            waiting.answer(result);
        }
    }

    fn fail_all(&self, intents: Vec<Intent>, batch: Vec<Waiting>) {
        for (intent, mut waiting) in intents.into_iter().zip(batch) {
            if waiting.reply.is_none() {
                self.void_later(Queued { intent, waiting });
                continue;
            }
            waiting.answer(Err(Unsettled { why: Unavailable::Store, maybe_stored: true }));
        }
    }

    /// A void must not be forgotten: it is tried again for as long as the lane lives.
    fn void_later(&self, void: Queued) {
        let retry_voids = self.retry_voids.clone();
        tokio::spawn(async move {
            tokio::time::sleep(VOID_RETRY).await;
            if let Some(voids) = retry_voids.upgrade() {
                let _ = voids.send(void); // fails only when the lane has ended
            }
        });
    }
}

/// A smaller part of such a batch would clash as much.
fn names_one_account(intents: &[Intent]) -> bool {
    let first = intents.first().and_then(Intent::account);
    intents.iter().all(|intent| intent.account() == first)
}

fn split(batch: Vec<Queued>) -> (Vec<Intent>, Vec<Waiting>) {
    batch.into_iter().map(Queued::split).unzip()
}

fn rejoin(intents: Vec<Intent>, waiting: Vec<Waiting>) -> Vec<Queued> {
    let pairs = intents.into_iter().zip(waiting);
    pairs.map(|(intent, waiting)| Queued { intent, waiting }).collect()
}

/// A batch that could not be settled as one, in parts: halves after conflicts, each item alone where
/// one of them must be to blame, so that it does not sink its neighbours.
fn smaller(mut batch: Vec<Queued>, failure: Failure) -> Vec<Vec<Queued>> {
    if failure == Failure::Again {
        let second = batch.split_off(batch.len() / 2);
        return vec![batch, second];
    }
    batch.into_iter().map(|queued| vec![queued]).collect()
}

fn count(counter: &AtomicU64, by: u64) {
    counter.fetch_add(by, Ordering::Relaxed);
}
