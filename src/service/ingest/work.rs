//! Workers: each claims a batch under a lease, looks up what it names, writes it to the tables in one
//! go, and settles every record. Any number of them may work, in any number of processes. Those of one
//! process claim in turn: while one does, others write and settle.
//!
//! A store that does not answer is nobody's failed attempt: what was claimed is given back, and the
//! worker waits until the store answers again.

use std::sync::Arc;
use std::time::Duration;

use super::transform::Named;
use super::{Ingest, add};
use crate::domain::id::TransactionId;
use crate::domain::time::Monotonic;
use crate::domain::transaction::{Attempt, Ending, Obstacle, Transaction};
use crate::store::StoreError;
use crate::store::ingest::{Claim, Claimed, Outcome, Settled};
use crate::telemetry::faults::Fault;

/// Pauses while a store does not answer: from, to.
const AGAIN_MIN: Duration = Duration::from_millis(100);
const AGAIN_MAX: Duration = Duration::from_secs(1);

/// How often what a worker has in hand is tried to be settled: then its lease runs out.
const SETTLE_TRIES: u32 = 5;

/// A claimed batch.
struct Batch {
    worker: Arc<str>,
    lease: uuid::Uuid,
    began: Monotonic,
    claimed: Vec<Claimed>,
}

impl Ingest {
    /// Works until [`Ingest::stop`].
    pub async fn work_until_stopped(self: Arc<Self>) {
        let worker: Arc<str> = self.parts.clock.uuid().simple().to_string().into();
        let mut pause = AGAIN_MIN;
        while !self.stopped() {
            match self.work_once(&worker).await {
                Ok(0) => {
                    pause = AGAIN_MIN;
                    let _ =
                        tokio::time::timeout(self.parts.settings.poll, self.wake.notified()).await;
                }
                Ok(_) => pause = AGAIN_MIN,
                Err(error) => {
                    if pause == AGAIN_MIN {
                        let cause = error.cause();
                        tracing::warn!(cause, "reported transactions wait for a store");
                    }
                    self.until_stores_answer(&mut pause).await;
                }
            }
        }
    }

    /// Claims and settles one batch; says how many records it was. An error is a store's, and nothing
    /// has been counted as an attempt.
    pub async fn work_once(&self, worker: &Arc<str>) -> Result<usize, StoreError> {
        let batch = self.claim(worker).await?;
        let count = batch.claimed.len();
        if count == 0 {
            return Ok(0);
        }
        self.wake.notify_one(); // there may be more for a neighbour
        match self.process(&batch).await {
            Ok(results) => self.settle(&batch, &results).await.map(|()| count),
            Err(error) => {
                add(&self.counters.released, count);
                // If this fails as well, the lease runs out.
                let _ = self.parts.raw.settle(batch.lease, batch.released(), Vec::new()).await;
                Err(error)
            }
        }
    }

    /// Two that claim at a time would find the same records, and one of them take none.
    async fn claim(&self, worker: &Arc<str>) -> Result<Batch, StoreError> {
        let _turn = self.claiming.lock().await;
        let claim = Claim {
            lease: self.parts.clock.uuid(),
            lasts: self.parts.settings.lease,
            rows_max: self.parts.settings.batch_max,
        };
        let began = self.parts.clock.monotonic();
        let claimed = if self.stopped() { Vec::new() } else { self.parts.raw.claim(claim).await? };
        Ok(Batch { worker: Arc::clone(worker), lease: claim.lease, began, claimed })
    }

    async fn until_stores_answer(&self, pause: &mut Duration) {
        loop {
            tokio::time::sleep(*pause).await;
            *pause = (*pause * 2).min(AGAIN_MAX);
            let nobody = TransactionId::new(uuid::Uuid::nil());
            let answers = self.parts.raw.progress(nobody).await.is_ok()
                && self.parts.processed.transaction(nobody).await.is_ok();
            if answers || self.stopped() {
                return;
            }
        }
    }

    /// What became of each record. An error is an outage: nothing is known of any of them.
    async fn process(&self, batch: &Batch) -> Result<Vec<Option<Obstacle>>, StoreError> {
        if let [only] = batch.claimed.as_slice()
            && only.lost
            && self.is_last(only)
        {
            // Its last attempts have all ended with their worker.
            return Ok(vec![Some(Obstacle::WorkerLost)]);
        }
        let named = self.named(&batch.claimed).await?;
        let (mut rows, mut results) = (Vec::new(), Vec::new());
        for claimed in &batch.claimed {
            let row = self.transform(&claimed.raw, &named);
            results.push(row.as_ref().err().copied());
            rows.extend(row.ok());
        }
        let stored = self.store(rows, batch, &named).await?;
        for (claimed, result) in batch.claimed.iter().zip(&mut results) {
            if result.is_none() {
                let missing = Some(Obstacle::TransactionIdTaken);
                *result = stored.get(&claimed.raw.id).copied().unwrap_or(missing);
            }
        }
        Ok(results)
    }

    /// Writes the rows of a batch in one go; where the store refuses them, each by itself.
    async fn store(
        &self,
        rows: Vec<Transaction>,
        batch: &Batch,
        named: &Named,
    ) -> Result<Stored, StoreError> {
        if rows.is_empty() {
            return Ok(Stored::new());
        }
        match self.parts.processed.record(rows).await {
            Ok(stored) => Ok(stored.into_iter().map(|id| (id, None)).collect()),
            Err(StoreError::Failed(source)) => {
                tracing::error!(error.source = %source, "a batch of transactions was refused");
                self.store_each(batch, named).await
            }
            Err(outage) => Err(outage),
        }
    }

    async fn store_each(&self, batch: &Batch, named: &Named) -> Result<Stored, StoreError> {
        let mut stored = Stored::new();
        let rows = batch.claimed.iter().map(|claimed| self.transform(&claimed.raw, named));
        for row in rows.filter_map(Result::ok) {
            let id = row.id;
            match self.parts.processed.record(vec![row]).await {
                Ok(found) => stored.extend(found.into_iter().map(|id| (id, None))),
                Err(StoreError::Failed(_)) => {
                    stored.insert(id, Some(Obstacle::NotStorable));
                }
                Err(outage) => return Err(outage),
            }
        }
        Ok(stored)
    }

    async fn settle(&self, batch: &Batch, results: &[Option<Obstacle>]) -> Result<(), StoreError> {
        let now = self.parts.clock.now();
        let took_us = self.parts.clock.monotonic().since(batch.began);
        let (mut settled, mut log) = (Vec::new(), Vec::new());
        for (claimed, obstacle) in batch.claimed.iter().zip(results) {
            let outcome = self.outcome(claimed, *obstacle);
            settled.push(Settled {
                transaction_id: claimed.raw.record.transaction_id.clone(),
                outcome,
            });
            let attempt = |number, ending, obstacle| Attempt {
                transaction: claimed.raw.id,
                number,
                ending,
                obstacle,
                worker: Arc::clone(&batch.worker),
                at: now,
                took_us,
            };
            if claimed.lost {
                let lost = claimed.attempt.saturating_sub(1);
                log.push(attempt(lost, Ending::Retried, Some(Obstacle::WorkerLost)));
            }
            log.push(attempt(claimed.attempt, ending(outcome), *obstacle));
        }
        self.count(&settled);
        let mut tries = 1;
        loop {
            let (outcomes, log) = (settled.clone(), log.clone());
            match self.parts.raw.settle(batch.lease, outcomes, log).await {
                Ok(()) => {
                    let parked = |one: &&Settled| matches!(one.outcome, Outcome::Park(_));
                    for _ in settled.iter().filter(parked) {
                        self.parts.faults.tell(Fault::TransactionParked, now);
                    }
                    return Ok(());
                }
                Err(error) if tries == SETTLE_TRIES => return Err(error),
                Err(_) => tokio::time::sleep(AGAIN_MIN * tries).await,
            }
            tries += 1;
        }
    }

    fn outcome(&self, claimed: &Claimed, obstacle: Option<Obstacle>) -> Outcome {
        match obstacle {
            None => Outcome::Processed,
            Some(obstacle) if obstacle.may_pass() && !self.is_last(claimed) => {
                Outcome::Retry(obstacle, self.pause(claimed))
            }
            Some(obstacle) => Outcome::Park(obstacle),
        }
    }

    fn is_last(&self, claimed: &Claimed) -> bool {
        counted(claimed) >= self.parts.settings.attempts_max
    }

    /// Five times as long after each attempt.
    fn pause(&self, claimed: &Claimed) -> Duration {
        let factor = 5_u32.saturating_pow(counted(claimed).saturating_sub(1).min(8));
        self.parts.settings.retry.saturating_mul(factor)
    }

    fn count(&self, settled: &[Settled]) {
        for Settled { outcome, .. } in settled {
            let counter = match outcome {
                Outcome::Processed => &self.counters.processed,
                Outcome::Retry(..) => &self.counters.retried,
                Outcome::Park(_) => &self.counters.parked,
                Outcome::Release => &self.counters.released,
            };
            add(counter, 1);
        }
    }
}

/// Which rows are stored; an obstacle where the store refuses one.
type Stored = std::collections::HashMap<TransactionId, Option<Obstacle>>;

/// The attempts since the record was last put back.
fn counted(claimed: &Claimed) -> u32 {
    claimed.attempt.saturating_sub(claimed.forgiven)
}

const fn ending(outcome: Outcome) -> Ending {
    match outcome {
        Outcome::Processed => Ending::Processed,
        Outcome::Park(_) => Ending::Parked,
        Outcome::Retry(..) | Outcome::Release => Ending::Retried,
    }
}

impl Batch {
    fn released(&self) -> Vec<Settled> {
        let release = |claimed: &Claimed| Settled {
            transaction_id: claimed.raw.record.transaction_id.clone(),
            outcome: Outcome::Release,
        };
        self.claimed.iter().map(release).collect()
    }
}
