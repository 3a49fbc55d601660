//! Policy facts, kept between purchases. A cached fact is never trusted: the lane compares its
//! policy versions under lock. The cache only saves lookups, and it never serves a version below
//! its subject's *floor*: the version that an acknowledged change has made.
//!
//! Two levels: the memory of this process answers at once, and behind it there may be a server that
//! all instances share, which is asked to recall what the memory lacks.
//!
//! Beside the facts, and in the same two levels, is what never changes: where cards live, and reported
//! transactions that are processed.

mod flight;
mod floors;
mod jitter;
pub mod memory;
pub mod off;
pub mod redis;
mod routes;
mod stats;
#[cfg(test)]
pub(crate) mod tests;
mod transactions;
mod views;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::domain::facts::{CardFacts, Facts, LimitFacts, UserFacts};
use crate::domain::id::CardId;
use crate::domain::policy::PolicyStamp;
use crate::domain::token::Token;

pub use flight::Flights;
pub use routes::{MemoryRoutes, Routes};
pub use stats::{CacheStats, HitCounts, SharedStats, Tally};
pub use transactions::{MemoryTransactions, TransactionsCache};
pub use views::CardViews;

/// A boxed future of a cache call. A cache that fails says nothing: it is as if it were empty.
pub type CacheFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

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
    /// Keeps what binds a card, unless what is kept is newer. `token` is the card's other name.
    fn keep_limits(&self, card: CardId, token: Option<&Token>, facts: &Arc<LimitFacts>);

    /// From now on nothing older is served for this subject, nor anything derived from it: a
    /// company's floor covers its users, cards and limits. Called before a change is acknowledged.
    fn raise_floor(&self, stamp: PolicyStamp);

    /// Whether none of the versions is below its subject's floor. A cache that keeps no floors says
    /// no.
    fn admits(&self, facts: &dyn Stamped) -> bool;

    /// Forgets these facts, unless what is kept is newer.
    fn forget(&self, facts: &Facts);

    /// Forgets every fact kept in memory, but no floor.
    fn clear(&self);

    /// How many entries are kept in memory.
    fn entries(&self) -> u64;

    /// Whether there is a level behind the memory that can be asked right now.
    fn is_shared(&self) -> bool {
        false
    }

    /// Brings into memory what the shared level has of these. One round trip, within its budget.
    fn recall<'a>(&'a self, _wanted: Wanted<'a>) -> CacheFuture<'a, ()> {
        Box::pin(Nothing)
    }

    /// Tells all other instances of floors that were raised here. Returns when they have been told,
    /// or when the budget is spent: then they are told later, and nobody waits for it.
    fn announce<'a>(&'a self, _stamps: &'a [PolicyStamp]) -> CacheFuture<'a, ()> {
        Box::pin(Nothing)
    }

    /// How the shared level has been doing; `None` without one.
    fn shared_stats(&self) -> Option<SharedStats> {
        None
    }
}

/// Nothing to do, done at once. It has no size, so that boxing it costs no allocation.
#[derive(Clone, Copy, Debug)]
pub struct Nothing;

impl Future for Nothing {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }
}

/// What is looked for in the shared level.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wanted<'a> {
    /// A user, by the platform's token or our id.
    pub user: Option<&'a Token>,
    /// A card, by either.
    pub card: Option<&'a Token>,
    /// What binds a card, by either name of the card.
    pub limits: Option<&'a Token>,
}

impl Wanted<'_> {
    /// Whether nothing is.
    pub const fn is_nothing(&self) -> bool {
        self.user.is_none() && self.card.is_none() && self.limits.is_none()
    }
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
