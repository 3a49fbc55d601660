//! Read-through: facts come from the cache where it has them. Writes pass through to the store, and
//! what they make old is refused by the cache before they are acknowledged.

use std::convert::Infallible;
use std::sync::Arc;

use crate::cache::{CacheStats, CardViews, FactsCache, Flights, Nothing, Tally, Wanted};
use crate::domain::facts::{CardFacts, Facts, LimitFacts, UserFacts};
use crate::domain::id::{AccountId, CardId, CompanyId, ControlId, KycId, LimitId, UserId};
use crate::domain::kyc::{KycGrant, KycRecord};
use crate::domain::party::{Account, Card, Company, User, Wallet};
use crate::domain::policy::{Control, Limit, PolicyStamp};
use crate::domain::token::Token;

use super::each_resource::each_resource;
use super::{FactsStore, Hint, ResourceStore, StoreError, StoreFuture};
use crate::domain::audit::Record;

/// A store behind a cache.
pub struct CachedStore {
    facts: Arc<dyn FactsStore>,
    resources: Arc<dyn ResourceStore>,
    cache: Arc<dyn FactsCache>,
    users: Lookups<Token, UserFacts>,
    cards: Lookups<Token, CardFacts>,
    limits: Lookups<CardId, LimitFacts>,
    expected: Flights<Token, ()>,
    views: Arc<CardViews>,
}

/// The lookups of one kind.
struct Lookups<K, V> {
    under_way: Flights<K, V>,
    tally: Tally,
}

impl<K, V> Default for Lookups<K, V> {
    fn default() -> Self {
        Self { under_way: Flights::default(), tally: Tally::default() }
    }
}

impl CachedStore {
    /// Puts the cache before the store.
    pub fn new(
        facts: Arc<dyn FactsStore>,
        resources: Arc<dyn ResourceStore>,
        cache: Arc<dyn FactsCache>,
    ) -> Self {
        Self {
            facts,
            resources,
            cache,
            users: Lookups::default(),
            cards: Lookups::default(),
            limits: Lookups::default(),
            expected: Flights::default(),
            views: Arc::default(),
        }
    }

    /// How the cache has been doing since the start.
    pub fn stats(&self) -> CacheStats {
        CacheStats {
            users: self.users.tally.read(),
            cards: self.cards.tally.read(),
            limits: self.limits.tally.read(),
            entries: self.cache.entries(),
            shared: self.cache.shared_stats(),
            ..CacheStats::default()
        }
    }

    async fn load_user(&self, reference: &Token) -> Result<Option<Arc<UserFacts>>, StoreError> {
        let load = async {
            let wanted = Wanted { user: Some(reference), ..Wanted::default() };
            if let Some(kept) = self.recalled(wanted, || self.cache.user(reference)).await {
                return Ok(Some(kept));
            }
            let user = self.facts.user(reference).await?;
            user.iter().for_each(|user| self.cache.keep_user(reference, user));
            Ok(user)
        };
        self.users.under_way.join(reference, |user| self.cache.admits(user), load).await
    }

    async fn load_card(&self, reference: &Token) -> Result<Option<Arc<CardFacts>>, StoreError> {
        let load = async {
            let wanted = Wanted { card: Some(reference), ..Wanted::default() };
            if let Some(kept) = self.recalled(wanted, || self.cache.card(reference)).await {
                return Ok(Some(kept));
            }
            let card = self.facts.card(reference).await?;
            card.iter().for_each(|card| self.cache.keep_card(reference, card));
            Ok(card)
        };
        self.cards.under_way.join(reference, |card| self.cache.admits(card), load).await
    }

    async fn load_limits(&self, card: &CardFacts) -> Result<Arc<LimitFacts>, StoreError> {
        let load = async {
            let name = card.marqeta_token.clone().or_else(|| card.id.to_string().parse().ok());
            let wanted = Wanted { limits: name.as_ref(), ..Wanted::default() };
            if let Some(kept) = self.recalled(wanted, || self.cache.limits(card.id)).await {
                return Ok(Some(kept));
            }
            let limits = self.facts.limits(card).await?;
            self.cache.keep_limits(card.id, card.marqeta_token.as_ref(), &limits);
            Ok(Some(limits))
        };
        let loaded = self.limits.under_way.join(&card.id, |limits| self.cache.admits(limits), load);
        Ok(loaded.await?.unwrap_or_default())
    }

    /// What someone else has brought into memory meanwhile, or the shared level now brings.
    async fn recalled<T>(&self, wanted: Wanted<'_>, find: impl Fn() -> Option<T>) -> Option<T> {
        if let Some(filled) = find() {
            return Some(filled);
        }
        if !self.cache.is_shared() {
            return None;
        }
        self.cache.recall(wanted).await;
        find()
    }

    /// What the memory lacks of what will be asked for.
    fn lacking<'a>(&self, user: Option<&'a Token>, card: &'a Token) -> Wanted<'a> {
        let user = user.filter(|user| self.cache.user(user).is_none());
        let (card, limits) = match self.cache.card(card) {
            Some(known) => (None, self.cache.limits(known.id).is_none().then_some(card)),
            None => (Some(card), Some(card)),
        };
        Wanted { user, card, limits }
    }

    /// One asks for all who expect the same card.
    async fn bring(&self, wanted: Wanted<'_>, card: &Token) {
        let bring = async {
            self.cache.recall(wanted).await;
            Ok::<_, Infallible>(Some(Arc::new(())))
        };
        let Ok(_brought) = self.expected.join(card, |()| true, bring).await;
    }

    async fn view_card(&self, id: CardId) -> Result<Option<Card>, StoreError> {
        let name: Option<Token> = id.to_string().parse().ok();
        let (true, Some(name)) = (self.cache.is_shared(), name) else {
            // Changes that others make are not heard of.
            return self.resources.card_record(id).await;
        };
        let Some(facts) = self.card(&name).await? else {
            return self.resources.card_record(id).await;
        };
        let version = facts.policy_version;
        if let Some(card) = self.views.get(id, version) {
            return Ok(Some(card));
        }
        let found = self.resources.card_record(id).await?;
        found.iter().for_each(|card| self.views.keep(version, card));
        Ok(found)
    }

    /// Runs a write to its end even if its caller goes away, and raises the floors it has made
    /// before it says so.
    fn write<T: Floors + Send + 'static>(
        &self,
        write: impl FnOnce(Arc<dyn ResourceStore>) -> WriteFuture<T> + Send + 'static,
    ) -> StoreFuture<'_, T> {
        let (resources, cache) = (Arc::clone(&self.resources), Arc::clone(&self.cache));
        let written = tokio::spawn(async move {
            let written = write(resources).await?;
            written.stamps().iter().for_each(|stamp| cache.raise_floor(*stamp));
            cache.announce(written.stamps()).await;
            Ok(written)
        });
        Box::pin(async move { written.await.map_err(|panic| StoreError::Failed(panic.into()))? })
    }
}

type WriteFuture<T> =
    std::pin::Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'static>>;

/// What a write answers: the versions it has made.
trait Floors {
    fn stamps(&self) -> &[PolicyStamp];
}

impl Floors for Vec<PolicyStamp> {
    fn stamps(&self) -> &[PolicyStamp] {
        self
    }
}

impl Floors for Option<Vec<PolicyStamp>> {
    fn stamps(&self) -> &[PolicyStamp] {
        self.as_deref().unwrap_or_default()
    }
}

impl FactsStore for CachedStore {
    fn user<'a>(&'a self, reference: &'a Token) -> StoreFuture<'a, Option<Arc<UserFacts>>> {
        Box::pin(async move {
            match self.users.tally.count(self.cache.user(reference)) {
                Some(hit) => Ok(Some(hit)),
                // Boxed again, so that a hit does not pay for the room that a miss needs.
                None => Box::pin(self.load_user(reference)).await,
            }
        })
    }

    fn card<'a>(&'a self, reference: &'a Token) -> StoreFuture<'a, Option<Arc<CardFacts>>> {
        Box::pin(async move {
            match self.cards.tally.count(self.cache.card(reference)) {
                Some(hit) => Ok(Some(hit)),
                None => Box::pin(self.load_card(reference)).await,
            }
        })
    }

    fn limits<'a>(&'a self, card: &'a CardFacts) -> StoreFuture<'a, Arc<LimitFacts>> {
        Box::pin(async move {
            match self.limits.tally.count(self.cache.limits(card.id)) {
                Some(hit) => Ok(hit),
                None => Box::pin(self.load_limits(card)).await,
            }
        })
    }

    fn expect<'a>(&'a self, user: Option<&'a Token>, card: &'a Token) -> Hint<'a> {
        if self.cache.is_shared() {
            let wanted = self.lacking(user, card);
            if !wanted.is_nothing() {
                return Box::pin(self.bring(wanted, card));
            }
        }
        Box::pin(Nothing)
    }

    fn outdated(&self, facts: &Facts) {
        self.cache.forget(facts);
        self.facts.outdated(facts);
    }
}

/// Writes go through [`CachedStore::write`], reads straight to the store.
macro_rules! resources {
    (
        writes { $(fn $write:ident($($arg:ident: $ty:ty),+) -> $out:ty;)+ }
        removals { $(fn $remove:ident($gone:ident: $gone_ty:ty);)+ }
        reads { $(fn $read:ident($id:ident: $id_ty:ty) -> $found:ty;)+ }
    ) => {
        impl ResourceStore for CachedStore {
    fn recording(&self, record: &Arc<Record>) -> Option<Arc<dyn ResourceStore>> {
        let resources = self.resources.recording(record)?;
        let (facts, cache) = (Arc::clone(&self.facts), Arc::clone(&self.cache));
        let views = Arc::clone(&self.views);
        Some(Arc::new(Self { views, ..Self::new(facts, resources, cache) }))
    }

            $(fn $write(&self, $($arg: $ty),+) -> StoreFuture<'_, $out> {
                self.write(move |store| Box::pin(async move { store.$write($($arg),+).await }))
            })+

            $(fn $remove(&self, $gone: $gone_ty) -> StoreFuture<'_, Option<Vec<PolicyStamp>>> {
                self.write(move |store| Box::pin(async move { store.$remove($gone).await }))
            })+

            fn card_view(&self, id: CardId) -> StoreFuture<'_, Option<Card>> {
                Box::pin(self.view_card(id))
            }

            $(fn $read(&self, $id: $id_ty) -> StoreFuture<'_, $found> {
                self.resources.$read($id)
            })+
        }
    };
}

each_resource!(resources);

#[cfg(test)]
mod tests;
