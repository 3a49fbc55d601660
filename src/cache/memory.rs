//! The cache of this process: bounded, with a lifetime per entry.

use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use quick_cache::sync::{Cache, EntryAction, EntryResult};

use crate::domain::clock::Clock;
use crate::domain::facts::{CardFacts, Cardholder, Facts, LimitFacts, UserFacts};
use crate::domain::id::CardId;
use crate::domain::policy::PolicyStamp;
use crate::domain::time::Monotonic;
use crate::domain::token::Token;

use super::floors::{Floors, Raised};
use super::jitter::Jittered;
use super::{FactsCache, Stamped, is_older};

/// How much is kept, and how long.
#[derive(Clone, Copy, Debug)]
pub struct MemoryLimits {
    /// Entries of each kind at most.
    pub entries_max: u64,
    /// How long a user is kept, give or take a tenth.
    pub user_ttl: Duration,
    /// How long a card is kept, give or take a tenth.
    pub card_ttl: Duration,
    /// How long a card's limits are kept, give or take a tenth.
    pub limits_ttl: Duration,
}

/// Facts in the memory of this process.
pub struct MemoryCache {
    users: Shelf<Token, UserFacts>,
    cards: Shelf<Token, CardFacts>,
    limits: Shelf<CardId, LimitFacts>,
    floors: Floors,
    clock: Arc<dyn Clock>,
}

impl MemoryCache {
    /// An empty cache.
    pub fn new(limits: MemoryLimits, clock: Arc<dyn Clock>) -> Self {
        Self {
            users: Shelf::new(limits.entries_max, limits.user_ttl),
            cards: Shelf::new(limits.entries_max, limits.card_ttl),
            limits: Shelf::new(limits.entries_max, limits.limits_ttl),
            floors: Floors::new(),
            clock,
        }
    }

    fn forget_user(&self, user: &UserFacts) {
        for key in keys_of(&user.id, &user.marqeta_token) {
            self.users.forget(&key, user);
        }
    }

    fn forget_card(&self, card: &CardFacts, limits: &LimitFacts) {
        for key in keys_of(&card.id, &card.marqeta_token) {
            self.cards.forget(&key, card);
        }
        self.limits.forget(&card.id, limits);
        self.forget_user(&card.owner);
    }
}

/// The references under which an object may be kept: our id and the platform's token.
fn keys_of(id: &impl ToString, token: &Option<Token>) -> impl Iterator<Item = Token> {
    id.to_string().parse().ok().into_iter().chain(token.clone())
}

impl FactsCache for MemoryCache {
    fn user(&self, reference: &Token) -> Option<Arc<UserFacts>> {
        self.users.get(reference, &self.floors, self.clock.monotonic())
    }

    fn card(&self, reference: &Token) -> Option<Arc<CardFacts>> {
        self.cards.get(reference, &self.floors, self.clock.monotonic())
    }

    fn limits(&self, card: CardId) -> Option<Arc<LimitFacts>> {
        self.limits.get(&card, &self.floors, self.clock.monotonic())
    }

    fn keep_user(&self, reference: &Token, facts: &Arc<UserFacts>) {
        self.users.keep(reference, facts, self.clock.monotonic());
    }

    fn keep_card(&self, reference: &Token, facts: &Arc<CardFacts>) {
        self.cards.keep(reference, facts, self.clock.monotonic());
    }

    fn keep_limits(&self, card: CardId, _token: Option<&Token>, facts: &Arc<LimitFacts>) {
        self.limits.keep(&card, facts, self.clock.monotonic());
    }

    fn raise_floor(&self, stamp: PolicyStamp) {
        if self.floors.raise(stamp, self.clock.monotonic()) == Raised::Overflowed {
            self.clear();
        }
    }

    fn admits(&self, facts: &dyn Stamped) -> bool {
        self.floors.admit(facts)
    }

    fn forget(&self, facts: &Facts) {
        if let Cardholder::Known(user) = &facts.cardholder {
            self.forget_user(user);
        }
        if let Some(card) = &facts.card {
            self.forget_card(card, &facts.limits);
        }
    }

    fn clear(&self) {
        self.users.entries.clear();
        self.cards.entries.clear();
        self.limits.entries.clear();
    }

    fn entries(&self) -> u64 {
        let shelves =
            [self.users.entries.len(), self.cards.entries.len(), self.limits.entries.len()];
        shelves.iter().sum::<usize>() as u64
    }
}

/// One kind of facts. What has outlived its time is not served, and goes when its room is needed.
struct Shelf<K, V> {
    entries: Cache<K, Arc<Slot<V>>>,
    lifetime: Jittered,
}

/// One kept value, until when it is good, and the generation of the floors at which it was last
/// found good.
struct Slot<V> {
    facts: Arc<V>,
    until: Monotonic,
    checked: AtomicU64,
}

impl<K, V> Shelf<K, V>
where
    K: Clone + Hash + Eq,
    V: Stamped,
{
    fn new(entries_max: u64, ttl: Duration) -> Self {
        let entries = Cache::new(usize::try_from(entries_max).unwrap_or(usize::MAX));
        Self { entries, lifetime: Jittered::new(ttl) }
    }

    fn get(&self, key: &K, floors: &Floors, now: Monotonic) -> Option<Arc<V>> {
        let slot = self.entries.get(key).filter(|slot| now < slot.until)?;
        let generation = floors.generation();
        if slot.checked.load(Ordering::Acquire) != generation {
            if !floors.admit(&*slot.facts) {
                return None; // the next fill replaces it
            }
            slot.checked.store(generation, Ordering::Release);
        }
        Some(Arc::clone(&slot.facts))
    }

    /// Compare and set: a slow reader never replaces what is newer.
    fn keep(&self, key: &K, facts: &Arc<V>, now: Monotonic) {
        let lifetime_us = u64::try_from(self.lifetime.draw().as_micros()).unwrap_or(u64::MAX);
        let until = now.plus_micros(lifetime_us);
        let slot = Slot { facts: Arc::clone(facts), until, checked: AtomicU64::new(0) };
        let slot = Arc::new(slot);
        let kept = self.entries.entry(key, None, |_, kept| {
            if now >= kept.until || !is_older(&**facts, &kept.facts) {
                *kept = Arc::clone(&slot);
            }
            EntryAction::Retain(())
        });
        if let EntryResult::Vacant(room) = kept {
            let _ = room.insert(slot); // refused where the shelf was cleared meanwhile
        }
    }

    fn forget(&self, key: &K, stale: &V) {
        self.entries.remove_if(key, |kept| !is_older(stale, &kept.facts));
    }
}
