//! What can not be read in the outbox: its neighbours go on at once, those behind it when it was kept as
//! a dead letter. Not before a while has passed: in a rolling update a relay of the old release meets
//! events of the new one, whose own relays read them.

use std::ops::RangeInclusive;
use std::sync::atomic::Ordering;

use super::Relay;
use crate::egress::refusals::Patience;
use crate::store::StoreError;
use crate::store::outbox::{Unreadable, Waiting};

/// For so many times as long as beside others an event is kept that nothing else goes through beside: the
/// home may be quiet, or have no other shard here.
const ALONE: u32 = 4;

/// Events of one shard that are counted at a time.
const COUNTED_MAX: usize = 1_000;

/// Events that are given up in one round: the others go on in between, and the lease is renewed.
const GIVEN_UP_MAX: usize = 100;

/// What waits at the front of the outbox.
#[derive(Default)]
pub(super) struct Found {
    pub(super) waiting: Vec<Waiting>,
    pub(super) unreadable: Vec<Unreadable>,
    /// Why shards could not be read at all.
    pub(super) failed: Vec<String>,
}

/// What holds events up.
#[derive(Debug)]
pub(super) struct Unread {
    pub(super) count: usize,
    /// What is wrong with one of them.
    pub(super) error: String,
}

impl Relay {
    /// The oldest events of shards of which one holds what can not be read: each shard by itself, and of
    /// each what comes before that.
    pub(super) async fn sift(
        &self,
        run: RangeInclusive<u8>,
        found: &mut Found,
    ) -> Result<(), StoreError> {
        for shard in run {
            let left = self.left(found);
            if left == 0 {
                break;
            }
            let mut own = match self.parts.outbox.sift(shard..=shard, left).await {
                Ok(own) => own,
                Err(error @ StoreError::Failed(_)) => {
                    found.failed.push(format!("shard {shard}: {}", error.cause()));
                    continue;
                }
                Err(error) => return Err(error),
            };
            own.unreadable.sort_unstable_by_key(|row| row.place);
            own.unreadable.truncate(COUNTED_MAX);
            let first = own.unreadable.first().map(|row| row.place);
            let is_before = |row: &Waiting| first.is_none_or(|first| row.place < first);
            found.waiting.extend(own.waiting.into_iter().filter(is_before));
            found.unreadable.extend(own.unreadable);
        }
        Ok(())
    }

    /// Keeps as dead letters what could not be read for long enough: those behind it go on. Says what
    /// still holds them up.
    pub(super) async fn give_up(
        &mut self,
        unreadable: Vec<Unreadable>,
        failed: Vec<String>,
        confirmed: u64,
    ) -> Result<Option<Unread>, StoreError> {
        let (now, patience) = (self.parts.clock.monotonic(), self.patience());
        let (mut left, mut given_up) = (failed, 0);
        for row in unreadable {
            let attempts = self.refusals.again(row.place, confirmed, now, patience);
            let Some(attempts) = attempts.filter(|_| given_up < GIVEN_UP_MAX) else {
                left.push(row.error);
                continue;
            };
            given_up += 1;
            self.set_aside(&row, attempts).await?;
        }
        self.unread(left.len());
        let count = left.len();
        Ok(left.into_iter().next().map(|error| Unread { count, error }))
    }

    fn patience(&self) -> Patience {
        let beside_others = self.parts.options.unreadable;
        Patience { beside_others, alone: Some(beside_others.saturating_mul(ALONE)) }
    }

    async fn set_aside(&mut self, row: &Unreadable, attempts: u32) -> Result<(), StoreError> {
        self.parts.desk.set_aside_unreadable(row, attempts).await?;
        let (home, id, error) = (self.parts.home, &row.id, &row.error);
        tracing::error!(
            event.id = id,
            home,
            error,
            "an event can not be read: kept as a dead letter"
        );
        self.parts.outbox.discard(vec![row.place]).await?;
        self.refusals.forget(row.place);
        self.parts.stats.set_aside.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// So many events, or shards, can not be read now.
    pub(super) fn unread(&mut self, count: usize) {
        let (stats, count) = (&self.parts.stats, count as u64);
        if count != self.unread {
            stats.unread.fetch_add(count, Ordering::Relaxed);
            stats.unread.fetch_sub(self.unread, Ordering::Relaxed);
            self.unread = count;
            stats.export(self.parts.home);
        }
    }
}
