//! Policy facts, kept between purchases. A cached fact is never trusted: the lane compares its
//! policy versions under lock. The cache only saves lookups, and it never serves a version below
//! its subject's *floor*: the version that an acknowledged change has made.

mod flight;
mod floors;
pub mod memory;
pub mod off;
mod routes;
#[cfg(test)]
pub(crate) mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

use crate::domain::facts::{CardFacts, Facts, LimitFacts, UserFacts};
use crate::domain::id::CardId;
use crate::domain::policy::PolicyStamp;
use crate::domain::token::Token;

pub use flight::Flights;
pub use routes::{MemoryRoutes, Routes};

/// Keeps facts by the reference they were asked for. What is not there is asked of the store;
/// unknown users and cards are not kept.
pub trait FactsCache: Send + Sync {
    /// A user, unless a change has made the kept version old.
    fn user(&self, reference: &Token) -> Option<Arc<UserFacts>>;
    /// A card with its owner, unless a change has made a kept version old.
    fn card(&self, reference: &Token) -> Option<Arc<CardFacts>>;
    /// What binds a card, unless a change has made a kept version old.
    fn limits(&self, card: CardId) -> Option<Arc<LimitFacts>>;

    /// Keeps a user, unless what is kept is newer.
    fn keep_user(&self, reference: &Token, facts: &Arc<UserFacts>);
    /// Keeps a card, unless what is kept is newer.
    fn keep_card(&self, reference: &Token, facts: &Arc<CardFacts>);
    /// Keeps what binds a card, unless what is kept is newer.
    fn keep_limits(&self, card: CardId, facts: &Arc<LimitFacts>);

    /// From now on nothing older is served for this subject, nor anything derived from it: a
    /// company's floor covers its users, cards and limits. Called before a change is acknowledged.
    fn raise_floor(&self, stamp: PolicyStamp);

    /// Whether none of the versions is below its subject's floor. A cache that keeps no floors says
    /// no.
    fn admits(&self, facts: &dyn Stamped) -> bool;

    /// Forgets these facts, unless what is kept is newer.
    fn forget(&self, facts: &Facts);

    /// How many entries are kept.
    fn entries(&self) -> u64;
}

/// Facts that carry the versions they were read at.
pub trait Stamped {
    /// Calls `visit` with each version until it says false; says whether it never did.
    fn all_stamps(&self, visit: &mut dyn FnMut(PolicyStamp) -> bool) -> bool;
}

impl Stamped for UserFacts {
    fn all_stamps(&self, visit: &mut dyn FnMut(PolicyStamp) -> bool) -> bool {
        self.stamps().all(visit)
    }
}

impl Stamped for CardFacts {
    fn all_stamps(&self, visit: &mut dyn FnMut(PolicyStamp) -> bool) -> bool {
        self.stamps().all(visit)
    }
}

impl Stamped for LimitFacts {
    fn all_stamps(&self, visit: &mut dyn FnMut(PolicyStamp) -> bool) -> bool {
        self.stamps.iter().copied().all(visit)
    }
}

/// Whether `left` was read before a change that `right` has seen.
pub(crate) fn is_older<T: Stamped>(left: &T, right: &T) -> bool {
    !left.all_stamps(&mut |mine| {
        right
            .all_stamps(&mut |other| other.subject != mine.subject || other.version <= mine.version)
    })
}

/// Counts how lookups of one kind were answered.
#[derive(Debug, Default)]
pub struct Tally {
    hits: AtomicU64,
    misses: AtomicU64,
}

impl Tally {
    /// Counts one lookup, and passes it on.
    pub fn count<T>(&self, found: Option<T>) -> Option<T> {
        let counter = if found.is_some() { &self.hits } else { &self.misses };
        counter.fetch_add(1, Ordering::Relaxed);
        found
    }

    /// The counts so far.
    pub fn read(&self) -> HitCounts {
        let hits = self.hits.load(Ordering::Relaxed);
        HitCounts { hits, misses: self.misses.load(Ordering::Relaxed) }
    }
}

/// How lookups of one kind were answered since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct HitCounts {
    /// From the cache.
    pub hits: u64,
    /// By the store, or by waiting for another's lookup of the same.
    pub misses: u64,
}

/// How the cache has been doing since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CacheStats {
    /// Users.
    pub users: HitCounts,
    /// Cards.
    pub cards: HitCounts,
    /// Limits and controls of cards.
    pub limits: HitCounts,
    /// Entries that are kept.
    pub entries: u64,
}
