//! The outbox is dealt into shards by key, and relays lease shards: each key has one relay at a time,
//! and so keeps its order. The lease table is one value that stores keep under a lock; who gets what
//! is computed here, the same for all of them.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::domain::time::Timestamp;

/// Into how many shards the outbox is dealt. Stored with every event: never to be changed.
pub const SHARDS: u8 = 16;

/// The shard of a key: the same on every machine and in every release.
pub(super) fn shard(key: &str) -> u8 {
    let fnv = key
        .bytes()
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    (fnv % u32::from(SHARDS)) as u8
}

/// A set of shards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shards(u16);

impl Shards {
    /// None of them.
    pub const NONE: Self = Self(0);
    /// Every one.
    pub const ALL: Self = Self(u16::MAX);

    /// Whether there are none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// How many there are.
    pub const fn len(self) -> u32 {
        self.0.count_ones()
    }

    /// Whether this one is among them.
    pub const fn contains(self, shard: u8) -> bool {
        shard < SHARDS && self.0 & (1 << shard) != 0
    }

    fn insert(&mut self, shard: u8) {
        self.0 |= 1 << shard;
    }

    /// Neighbours together, in order: a store reads each of these from one place to another.
    pub fn runs(self) -> Vec<RangeInclusive<u8>> {
        let mut runs: Vec<RangeInclusive<u8>> = Vec::new();
        for shard in (0..SHARDS).filter(|shard| self.contains(*shard)) {
            match runs.last_mut() {
                Some(run) if *run.end() + 1 == shard => *run = *run.start()..=shard,
                _ => runs.push(shard..=shard),
            }
        }
        runs
    }
}

/// Which relays there are, until when each is to be believed alive, and which shards each has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LeaseTable {
    relays: BTreeMap<Uuid, i64>,
    holders: [Option<Uuid>; SHARDS as usize],
}

impl LeaseTable {
    /// Gives a relay its fair share until `until`, or makes what it has last longer. What it has above
    /// its share is given up, for the others to take when they ask next.
    pub(super) fn lease(&mut self, relay: Uuid, now: Timestamp, until: Timestamp) -> Shards {
        self.relays.retain(|_, until| *until > now.as_micros());
        self.relays.insert(relay, until.as_micros());
        for holder in &mut self.holders {
            *holder = holder.filter(|holder| self.relays.contains_key(holder));
        }
        let fair = usize::from(SHARDS).div_ceil(self.relays.len());
        let own = self.holders.iter_mut().filter(|holder| **holder == Some(relay));
        own.skip(fair).for_each(|holder| *holder = None);
        let has = self.of(relay).len() as usize;
        let free = self.holders.iter_mut().filter(|holder| holder.is_none());
        free.take(fair.saturating_sub(has)).for_each(|holder| *holder = Some(relay));
        self.of(relay)
    }

    /// The table as it was kept. What can not be read is no table: relays then lease anew.
    pub(super) fn read(body: &str) -> Self {
        serde_json::from_str(body).unwrap_or_default()
    }

    /// The table, to be kept.
    pub(super) fn written(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Gives up all that a relay has, and forgets it.
    pub(super) fn release(&mut self, relay: Uuid) {
        self.relays.remove(&relay);
        for holder in &mut self.holders {
            *holder = holder.filter(|holder| *holder != relay);
        }
    }

    fn of(&self, relay: Uuid) -> Shards {
        let mut shards = Shards::NONE;
        for (shard, holder) in (0..SHARDS).zip(&self.holders) {
            if *holder == Some(relay) {
                shards.insert(shard);
            }
        }
        shards
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEASE_US: i64 = 10;

    fn lease(table: &mut LeaseTable, relay: u128, now: i64) -> Shards {
        let until = Timestamp::from_micros(now + LEASE_US);
        table.lease(Uuid::from_u128(relay), Timestamp::from_micros(now), until)
    }

    #[test]
    fn a_relay_alone_has_all_and_shares_with_those_that_come() {
        let mut table = LeaseTable::default();
        assert_eq!(lease(&mut table, 1, 0), Shards::ALL);
        assert_eq!(lease(&mut table, 2, 1), Shards::NONE, "nothing is taken away from the first");
        let first = lease(&mut table, 1, 2);
        let second = lease(&mut table, 2, 3);
        assert_eq!((first.len(), second.len()), (8, 8));
        assert_eq!(first.0 & second.0, 0);
        lease(&mut table, 3, 4);
        let shares: Vec<u32> = (1..=3).map(|relay| lease(&mut table, relay, 5).len()).collect();
        assert_eq!(shares, [6, 6, 4]);
    }

    #[test]
    fn what_a_dead_relay_had_is_free_when_its_lease_is_over() {
        let mut table = LeaseTable::default();
        lease(&mut table, 1, 0);
        lease(&mut table, 2, 0);
        assert_eq!(lease(&mut table, 2, LEASE_US - 1), Shards::NONE);
        assert_eq!(lease(&mut table, 2, LEASE_US), Shards::ALL);
        assert_eq!(LeaseTable::read(&table.written()), table);
        table.release(Uuid::from_u128(2));
        assert_eq!(table, LeaseTable::default());
        assert_eq!(LeaseTable::read(""), table);
    }

    #[test]
    fn every_shard_has_one_holder_whatever_happens() {
        let mut table = LeaseTable::default();
        for step in 0..2_000_u64 {
            // A small generator: which relay asks, and how long after.
            let random = step.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
            lease(&mut table, u128::from(random % 5), (step * (random % 3)) as i64);
            let held: u32 = (0..5).map(|relay| table.of(Uuid::from_u128(relay)).len()).sum();
            assert!(held <= 16);
        }
    }

    #[test]
    fn neighbours_are_read_together() {
        assert_eq!(Shards::ALL.runs(), [0..=15]);
        assert_eq!(Shards(0b1000_0000_0110_0001).runs(), [0..=0, 5..=6, 15..=15]);
        assert_eq!(Shards::NONE.runs(), []);
    }

    #[test]
    fn shards_of_keys_never_change() {
        assert!((0..1_000).map(|n| shard(&n.to_string())).all(|shard| shard < SHARDS));
        assert_eq!(shard("a"), (0xe40c_292c_u32 % 16) as u8);
    }
}
