//! The cache of this process: bounded, with a lifetime per entry.

use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use moka::Expiry;
use moka::ops::compute::Op;
use moka::sync::Cache;

use crate::domain::clock::Clock;
use crate::domain::facts::{CardFacts, Cardholder, Facts, LimitFacts, UserFacts};
use crate::domain::id::CardId;
use crate::domain::policy::PolicyStamp;
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
            self.users.forget(key, user);
        }
    }

    fn forget_card(&self, card: &CardFacts, limits: &LimitFacts) {
        for key in keys_of(&card.id, &card.marqeta_token) {
            self.cards.forget(key, card);
        }
        self.limits.forget(card.id, limits);
        self.forget_user(&card.owner);
    }
}

/// The references under which an object may be kept: our id and the platform's token.
fn keys_of(id: &impl ToString, token: &Option<Token>) -> impl Iterator<Item = Token> {
    id.to_string().parse().ok().into_iter().chain(token.clone())
}

impl FactsCache for MemoryCache {
    fn user(&self, reference: &Token) -> Option<Arc<UserFacts>> {
        self.users.get(reference, &self.floors)
    }

    fn card(&self, reference: &Token) -> Option<Arc<CardFacts>> {
        self.cards.get(reference, &self.floors)
    }

    fn limits(&self, card: CardId) -> Option<Arc<LimitFacts>> {
        self.limits.get(&card, &self.floors)
    }

    fn keep_user(&self, reference: &Token, facts: &Arc<UserFacts>) {
        self.users.keep(reference.clone(), facts);
    }

    fn keep_card(&self, reference: &Token, facts: &Arc<CardFacts>) {
        self.cards.keep(reference.clone(), facts);
    }

    fn keep_limits(&self, card: CardId, _token: Option<&Token>, facts: &Arc<LimitFacts>) {
        self.limits.keep(card, facts);
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
        self.users.entries.invalidate_all();
        self.cards.entries.invalidate_all();
        self.limits.entries.invalidate_all();
    }

    fn entries(&self) -> u64 {
        let shelves = [
            self.users.entries.entry_count(),
            self.cards.entries.entry_count(),
            self.limits.entries.entry_count(),
        ];
        shelves.iter().sum()
    }
}

/// One kind of facts.
struct Shelf<K, V> {
    entries: Cache<K, Arc<Slot<V>>>,
}

/// One kept value, and the generation of the floors at which it was last found good.
struct Slot<V> {
    facts: Arc<V>,
    checked: AtomicU64,
}

impl<K, V> Shelf<K, V>
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Stamped + Send + Sync + 'static,
{
    fn new(entries_max: u64, ttl: Duration) -> Self {
        let entries = Cache::builder().max_capacity(entries_max).expire_after(Jittered::new(ttl));
        Self { entries: entries.build() }
    }

    fn get(&self, key: &K, floors: &Floors) -> Option<Arc<V>> {
        let slot = self.entries.get(key)?;
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
    fn keep(&self, key: K, facts: &Arc<V>) {
        self.entries.entry(key).and_compute_with(|kept| match kept {
            Some(kept) if is_older(&**facts, &kept.value().facts) => Op::Nop,
            _ => Op::Put(Arc::new(Slot { facts: Arc::clone(facts), checked: AtomicU64::new(0) })),
        });
    }

    fn forget(&self, key: K, stale: &V) {
        self.entries.entry(key).and_compute_with(|kept| match kept {
            Some(kept) if !is_older(stale, &kept.value().facts) => Op::Remove,
            _ => Op::Nop,
        });
    }
}

impl<K, V> Expiry<K, V> for Jittered {
    fn expire_after_create(&self, _key: &K, _value: &V, _at: Instant) -> Option<Duration> {
        self.draw()
    }

    fn expire_after_update(
        &self,
        _key: &K,
        _value: &V,
        _at: Instant,
        _left: Option<Duration>,
    ) -> Option<Duration> {
        self.draw()
    }
}
