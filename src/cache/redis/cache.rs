//! One home's facts in both levels: the memory answers, the server is asked for what it lacks.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use redis::aio::ConnectionManager;
use serde::de::DeserializeOwned;
use tokio::task::JoinSet;

use crate::cache::jitter::Jittered;
use crate::cache::{
    CacheFuture, FactsCache, HitCounts, Nothing, SharedStats, Stamped, Tally, Wanted,
};
use crate::domain::facts::{CardFacts, Cardholder, Facts, LimitFacts, UserFacts};
use crate::domain::id::{CardId, Home};
use crate::domain::policy::PolicyStamp;
use crate::domain::token::Token;

use super::absent::Absent;
use super::announce::Announcer;
use super::codec::{KeptLimits, LimitsOf, decode, encode, stamps_of, version_of};
use super::fills::Fills;
use super::hear::Hearing;
use super::keys::Keys;
use super::link::Link;
use super::scripts::{Fill, Scripts};
use super::{Lifetimes, Watch};

/// One home's facts.
pub struct RedisCache {
    home: Home,
    keys: Keys,
    memory: Arc<dyn FactsCache>,
    link: Arc<Link>,
    fills: Fills,
    announcer: Arc<Announcer>,
    hearing: Arc<Hearing>,
    absent: Absent,
    lifetimes: [Jittered; 3],
    tallies: [Tally; 3],
    unreadable: AtomicU64,
    _watch: Arc<Watch>,
    /// End with the cache.
    _tasks: JoinSet<()>,
}

/// The kinds of facts, in the order of the arrays above.
#[derive(Clone, Copy)]
enum Kind {
    User,
    Card,
    Limits,
}

impl RedisCache {
    pub(super) fn new(
        (link, watch): (Arc<Link>, Arc<Watch>),
        keys: Keys,
        home: Home,
        lifetimes: Lifetimes,
        memory: Arc<dyn FactsCache>,
    ) -> Self {
        let scripts = Arc::new(Scripts::new(keys.clone(), home));
        let announcer = Arc::new(Announcer::new(Arc::clone(&link), Arc::clone(&scripts)));
        let hearing =
            Arc::new(Hearing::new(Arc::clone(&link), keys.clone(), home, Arc::clone(&memory)));
        let mut tasks = JoinSet::new();
        let (telling, listening, looking) =
            (Arc::clone(&announcer), Arc::clone(&hearing), Arc::clone(&hearing));
        tasks.spawn(async move { telling.keep_telling().await });
        tasks.spawn(async move { listening.keep_listening().await });
        tasks.spawn(async move { looking.keep_looking().await });
        Self {
            home,
            keys,
            memory,
            fills: Fills::new(Arc::clone(&link), scripts),
            link,
            announcer,
            hearing,
            absent: Absent::new(),
            lifetimes: [lifetimes.user, lifetimes.card, lifetimes.limits].map(Jittered::new),
            tallies: Default::default(),
            unreadable: AtomicU64::new(0),
            _watch: watch,
            _tasks: tasks,
        }
    }

    /// Asks for all that is wanted at once, and keeps in memory what may be served.
    async fn fetch(&self, wanted: Wanted<'_>) {
        let asked: Vec<(Kind, &Token, String)> = [
            wanted.user.map(|user| (Kind::User, user, self.keys.user(user))),
            wanted.card.map(|card| (Kind::Card, card, self.keys.card(card))),
            wanted.limits.map(|card| (Kind::Limits, card, self.keys.limits(card))),
        ]
        .into_iter()
        .flatten()
        .filter(|(_, _, key)| !self.absent.has(key))
        .collect();
        if asked.is_empty() {
            return;
        }
        let mut get = redis::cmd("MGET");
        for (_, _, key) in &asked {
            get.arg(key);
        }
        let query = |mut to: ConnectionManager| async move {
            get.query_async::<Vec<Option<Vec<u8>>>>(&mut to).await
        };
        let Some(values) = self.link.call(query).await else {
            // One wait is enough for one purchase.
            asked.into_iter().for_each(|(_, _, key)| self.absent.remember(key));
            return;
        };
        for ((kind, reference, key), value) in asked.into_iter().zip(values) {
            let kept = value.and_then(|value| self.take(kind, reference, &key, &value));
            if self.tallies[kind as usize].count(kept).is_none() {
                self.absent.remember(key);
            }
        }
    }

    /// Keeps a value in memory, if it can be read and no floor refuses it.
    fn take(&self, kind: Kind, reference: &Token, key: &str, value: &[u8]) -> Option<()> {
        match kind {
            Kind::User => {
                let user = Arc::new(self.read::<UserFacts>(key, value)?);
                self.memory.admits(&*user).then(|| self.memory.keep_user(reference, &user))
            }
            Kind::Card => {
                let card = Arc::new(self.read::<CardFacts>(key, value)?);
                self.memory.admits(&*card).then(|| self.memory.keep_card(reference, &card))
            }
            Kind::Limits => {
                let kept = self.read::<KeptLimits>(key, value)?;
                let limits = Arc::new(kept.limits);
                self.memory
                    .admits(&*limits)
                    .then(|| self.memory.keep_limits(kept.card, None, &limits))
            }
        }
    }

    fn read<T: DeserializeOwned>(&self, key: &str, value: &[u8]) -> Option<T> {
        decode(self.home, key, value).facts(&self.unreadable)
    }

    fn fill(
        &self,
        kind: Kind,
        facts: &dyn Stamped,
        keys: impl IntoIterator<Item = String>,
        value: impl Fn(&str, &[PolicyStamp]) -> String,
    ) {
        if !self.link.is_available() {
            return;
        }
        let stamps = stamps_of(facts);
        let entries = keys.into_iter().map(|key| {
            let value = value(&key, &stamps);
            (key, value)
        });
        let ttl = self.lifetimes[kind as usize].draw();
        let (entries, version) = (entries.collect(), version_of(&stamps));
        let ttl_ms = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX).max(1);
        self.fills.fill(Fill { entries, version, stamps, ttl_ms });
    }

    /// The keys of everything in these facts, each with the version that is stale.
    fn stale(&self, facts: &Facts) -> Vec<(String, i64)> {
        let mut stale = Vec::new();
        let mut user = |user: &UserFacts| {
            let version = version_of(&stamps_of(user));
            let names = names_of(&user.id, user.marqeta_token.as_ref());
            stale.extend(names.map(|name| (self.keys.user(name), version)));
        };
        if let Cardholder::Known(holder) = &facts.cardholder {
            user(holder);
        }
        if let Some(card) = &facts.card {
            user(&card.owner);
            let (version, limits) =
                (version_of(&stamps_of(&**card)), version_of(&facts.limits.stamps));
            for name in names_of(&card.id, card.marqeta_token.as_ref()) {
                stale.push((self.keys.card(&name), version));
                stale.push((self.keys.limits(&name), limits));
            }
        }
        stale
    }
}

/// What an object is called: our id, and the platform's token.
fn names_of(id: &impl ToString, token: Option<&Token>) -> impl Iterator<Item = String> {
    std::iter::once(id.to_string()).chain(token.map(ToString::to_string))
}

impl FactsCache for RedisCache {
    fn user(&self, reference: &Token) -> Option<Arc<UserFacts>> {
        self.memory.user(reference)
    }

    fn card(&self, reference: &Token) -> Option<Arc<CardFacts>> {
        self.memory.card(reference)
    }

    fn limits(&self, card: CardId) -> Option<Arc<LimitFacts>> {
        self.memory.limits(card)
    }

    fn keep_user(&self, reference: &Token, facts: &Arc<UserFacts>) {
        self.memory.keep_user(reference, facts);
        self.fill(Kind::User, &**facts, [self.keys.user(reference)], |key, stamps| {
            encode(self.home, key, stamps, &**facts)
        });
    }

    fn keep_card(&self, reference: &Token, facts: &Arc<CardFacts>) {
        self.memory.keep_card(reference, facts);
        self.fill(Kind::Card, &**facts, [self.keys.card(reference)], |key, stamps| {
            encode(self.home, key, stamps, &**facts)
        });
    }

    fn keep_limits(&self, card: CardId, token: Option<&Token>, facts: &Arc<LimitFacts>) {
        self.memory.keep_limits(card, token, facts);
        let keys = names_of(&card, token).map(|name| self.keys.limits(name));
        let kept = LimitsOf { card, limits: facts };
        self.fill(Kind::Limits, &**facts, keys, |key, stamps| {
            encode(self.home, key, stamps, &kept)
        });
    }

    fn raise_floor(&self, stamp: PolicyStamp) {
        self.memory.raise_floor(stamp);
    }

    fn admits(&self, facts: &dyn Stamped) -> bool {
        self.memory.admits(facts)
    }

    fn forget(&self, facts: &Facts) {
        self.memory.forget(facts);
        let stale = self.stale(facts);
        if !stale.is_empty() {
            self.fills.forget(stale);
        }
    }

    fn clear(&self) {
        self.memory.clear();
    }

    fn entries(&self) -> u64 {
        self.memory.entries()
    }

    fn is_shared(&self) -> bool {
        self.link.is_available() && self.hearing.is_in_step()
    }

    fn recall<'a>(&'a self, wanted: Wanted<'a>) -> CacheFuture<'a, ()> {
        if wanted.is_nothing() || !self.is_shared() {
            return Box::pin(Nothing);
        }
        Box::pin(self.fetch(wanted))
    }

    fn announce<'a>(&'a self, stamps: &'a [PolicyStamp]) -> CacheFuture<'a, ()> {
        Box::pin(self.announcer.announce(stamps))
    }

    fn shared_stats(&self) -> Option<SharedStats> {
        let (link, fills) = (self.link.stats(), &self.fills.counts);
        let (announced, waiting) = self.announcer.counts();
        let (heard, gaps) = self.hearing.counts();
        Some(SharedStats {
            available: link.available,
            in_step: self.hearing.is_in_step(),
            users: self.tallies[Kind::User as usize].read(),
            cards: self.tallies[Kind::Card as usize].read(),
            limits: self.tallies[Kind::Limits as usize].read(),
            transactions: HitCounts::default(), // they are counted by themselves
            unreadable: self.unreadable.load(Ordering::Relaxed),
            failed: link.failed,
            skipped: link.skipped,
            opened: link.opened,
            filled: fills.filled.load(Ordering::Relaxed),
            refused: fills.refused.load(Ordering::Relaxed),
            dropped: fills.dropped.load(Ordering::Relaxed),
            announced,
            waiting,
            heard,
            gaps,
        })
    }
}
