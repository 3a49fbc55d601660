//! Accepting: records that wait together are kept in one write, and each caller is told what is kept
//! under its transaction id.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::{Semaphore, oneshot};

use super::{Accepted, Ingest, add};
use crate::domain::id::TransactionId;
use crate::domain::token::Token;
use crate::domain::transaction::{RawTransaction, Record};
use crate::service::error::Error;
use crate::store::ingest::Kept;
use crate::store::{StoreError, StoreFuture};

/// Records of one write at most.
const WRITE_MAX: usize = 512;

/// Writes that are under way at a time: while one waits for the disk, the next is gathered.
const WRITES_AT_ONCE: usize = 2;

/// For how long nobody waits for a store that has not answered.
const DOWN: Duration = Duration::from_millis(500);

/// A record on its way into the store, and who waits for it.
pub(super) struct Waiting {
    raw: RawTransaction,
    reply: oneshot::Sender<Result<Accepted, Error>>,
}

impl Ingest {
    /// Takes a record in. Its transaction id is the idempotency key: a repeat is answered with the
    /// first one's id, another record under it is [`Error::TransactionReused`]. What is accepted is
    /// durable, and will be processed, or parked where somebody sees it.
    pub async fn accept(&self, record: Record) -> Result<Accepted, Error> {
        let clock = &self.parts.clock;
        if clock.monotonic().as_micros() < self.down_until.load(Ordering::Relaxed) {
            add(&self.counters.refused, 1);
            return Err(Error::Unavailable);
        }
        let raw = RawTransaction {
            id: TransactionId::new(clock.uuid()),
            fingerprint: record.fingerprint(),
            record,
            received_at: clock.now(),
        };
        let (reply, answer) = oneshot::channel();
        let accepted = match self.queue.try_send(Waiting { raw, reply }) {
            // The write goes on when its caller has stopped waiting: a repeat finds it.
            Ok(()) => tokio::time::timeout(self.parts.settings.accept_max, answer).await,
            Err(_full) => Ok(Ok(Err(Error::Unavailable))),
        };
        let accepted = accepted.ok().and_then(Result::ok).unwrap_or(Err(Error::Unavailable));
        match &accepted {
            Ok(Accepted { repeated: false, .. }) => add(&self.counters.accepted, 1),
            Ok(Accepted { repeated: true, .. }) => add(&self.counters.repeated, 1),
            Err(_) => add(&self.counters.refused, 1),
        }
        accepted
    }

    /// Keeps whatever waits, for ever. One task of these is enough.
    pub async fn keep_for_ever(self: Arc<Self>) {
        let writes = Arc::new(Semaphore::new(WRITES_AT_ONCE));
        let mut queue = self.waiting.lock().await;
        let mut gathered = Vec::new();
        loop {
            let Ok(permit) = Arc::clone(&writes).acquire_owned().await else { return };
            if queue.recv_many(&mut gathered, WRITE_MAX).await == 0 {
                return;
            }
            let (ingest, batch) = (Arc::clone(&self), std::mem::take(&mut gathered));
            // In a task of its own, which nobody cancels.
            tokio::spawn(async move {
                ingest.keep(batch).await;
                drop(permit);
            });
        }
    }

    /// One write. Records under the same transaction id are compared with the first of them.
    async fn keep(&self, batch: Vec<Waiting>) {
        let mut firsts: Vec<RawTransaction> = Vec::with_capacity(batch.len());
        let mut places: HashMap<Token, usize> = HashMap::with_capacity(batch.len());
        for waiting in &batch {
            let token = &waiting.raw.record.transaction_id;
            if !places.contains_key(token) {
                places.insert(token.clone(), firsts.len());
                firsts.push(waiting.raw.clone());
            }
        }
        let kept = self.kept(firsts).await;
        add(&self.counters.writes, 1);
        if kept.is_ok() {
            self.wake.notify_one();
        }
        for Waiting { raw, reply } in batch {
            let answer = match (&kept, places.get(&raw.record.transaction_id)) {
                (Ok(kept), Some(place)) => match kept.get(*place) {
                    Some(kept) => answer(&raw, *kept),
                    None => Err(Error::Unavailable),
                },
                _ => Err(Error::Unavailable),
            };
            let _ = reply.send(answer); // gone: it will ask again, and be told the same
        }
    }

    fn kept(&self, firsts: Vec<RawTransaction>) -> StoreFuture<'_, Vec<Kept>> {
        Box::pin(async move {
            let kept = self.parts.raw.keep(firsts).await;
            if let Err(error) = &kept {
                tracing::warn!(cause = error.cause(), "could not keep reported transactions");
            }
            if let Err(StoreError::Unavailable(_)) = &kept {
                let until = self.parts.clock.monotonic().as_micros();
                let down = u64::try_from(DOWN.as_micros()).unwrap_or(0);
                self.down_until.store(until.saturating_add(down), Ordering::Relaxed);
            }
            kept
        })
    }
}

fn answer(raw: &RawTransaction, kept: Kept) -> Result<Accepted, Error> {
    if kept.fingerprint != raw.fingerprint {
        return Err(Error::TransactionReused);
    }
    Ok(Accepted {
        id: kept.id,
        transaction_id: raw.record.transaction_id.clone(),
        status: kept.status,
        repeated: kept.id != raw.id,
    })
}
