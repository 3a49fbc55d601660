//! A scripted store with any number of cards, and instances of the service's read-through before
//! it: each with its own memory, all with the same server.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;
use tollgate::app::clock::SystemClock;
use tollgate::cache::memory::{MemoryCache, MemoryLimits};
use tollgate::cache::redis::{Lifetimes, RedisCache, RedisOptions, RedisServer};
use tollgate::cache::{CacheStats, FactsCache, SharedStats};
use tollgate::domain::clock::Clock;
use tollgate::domain::facts::{CardFacts, CompanyFacts, LimitFacts, UserFacts};
use tollgate::domain::id::{AccountId, CardId, CompanyId, ControlId, Home, LimitId, UserId};
use tollgate::domain::money::Currency;
use tollgate::domain::party::{
    Account, Card, CardStatus, Company, CompanyStatus, User, UserStatus, Wallet,
};
use tollgate::domain::policy::{Control, Limit, PolicyStamp, Scope};
use tollgate::domain::time::{Timestamp, Zone};
use tollgate::domain::token::Token;
use tollgate::store::cached::CachedStore;
use tollgate::store::{FactsStore, ResourceStore, StoreError, StoreFuture};
use uuid::Uuid;

pub fn token(text: &str) -> Token {
    text.parse().unwrap()
}

pub fn card_token(n: u128) -> Token {
    token(&format!("card-{n}"))
}

pub fn user_token(n: u128) -> Token {
    token(&format!("user-{n}"))
}

pub fn card_id(n: u128) -> CardId {
    CardId::new(Uuid::from_u128(0x3000_0000 + n))
}

pub fn user_id(n: u128) -> UserId {
    UserId::new(Uuid::from_u128(0x2000_0000 + n))
}

pub fn company_id() -> CompanyId {
    CompanyId::new(Uuid::from_u128(0x1000_0000))
}

/// Cards `card-0`, `card-1`, … up to `cards`, each with a user of its own, all of one company.
/// Every subject is at version 1 until it is updated.
#[derive(Default)]
pub struct Scripted {
    versions: Mutex<HashMap<Scope, i64>>,
    pub cards: AtomicU64,
    pub reads: AtomicU64,
    /// Holds the next card read up between reading and answering.
    pub hold: Mutex<Option<Arc<Notify>>>,
}

impl Scripted {
    pub fn with_cards(cards: u64) -> Arc<Self> {
        Arc::new(Self { cards: AtomicU64::new(cards), ..Self::default() })
    }

    pub fn reads(&self) -> u64 {
        self.reads.load(Ordering::SeqCst)
    }

    pub fn version(&self, subject: Scope) -> i64 {
        self.versions.lock().unwrap().get(&subject).copied().unwrap_or(1)
    }

    fn bump(&self, subject: Scope) -> Vec<PolicyStamp> {
        let mut versions = self.versions.lock().unwrap();
        let version = versions.entry(subject).or_insert(1);
        *version += 1;
        vec![PolicyStamp { subject, version: *version }]
    }

    fn number(&self, reference: &Token, kind: &str) -> Option<u128> {
        let known = 0..u128::from(self.cards.load(Ordering::SeqCst));
        if let Some(number) = reference.as_str().strip_prefix(kind) {
            return number.parse().ok().filter(|number| known.contains(number));
        }
        known.into_iter().find(|n| card_id(*n).to_string() == reference.as_str())
    }

    /// At the version of its policy.
    fn card_object(&self, n: u128) -> Card {
        let facts = self.card_facts(n);
        Card {
            id: facts.id,
            user: facts.owner.id,
            account: facts.account,
            marqeta_token: facts.marqeta_token,
            last_four: None,
            product: None,
            expires: None,
            status: facts.status,
            version: facts.policy_version,
            created_at: Timestamp::from_micros(0),
            status_set_at: None,
            status_set_by: None,
        }
    }

    pub fn user_facts(&self, n: u128) -> UserFacts {
        let company = CompanyFacts {
            id: company_id(),
            status: CompanyStatus::Active,
            policy_version: self.version(Scope::Company(company_id())),
        };
        UserFacts {
            id: user_id(n),
            marqeta_token: Some(user_token(n)),
            status: UserStatus::Active,
            company: Some(company),
            policy_version: self.version(Scope::User(user_id(n))),
        }
    }

    pub fn card_facts(&self, n: u128) -> CardFacts {
        CardFacts {
            id: card_id(n),
            marqeta_token: Some(card_token(n)),
            status: CardStatus::Active,
            expires: None,
            owner: self.user_facts(n),
            account: AccountId::new(Home::Business, Uuid::from_u128(4)),
            currency: Currency::parse("USD").unwrap(),
            zone: Zone::utc(),
            policy_version: self.version(Scope::Card(card_id(n))),
        }
    }
}

impl FactsStore for Scripted {
    fn user<'a>(&'a self, reference: &'a Token) -> StoreFuture<'a, Option<Arc<UserFacts>>> {
        Box::pin(async move {
            self.reads.fetch_add(1, Ordering::SeqCst);
            tokio::task::yield_now().await;
            Ok(self.number(reference, "user-").map(|n| Arc::new(self.user_facts(n))))
        })
    }

    fn card<'a>(&'a self, reference: &'a Token) -> StoreFuture<'a, Option<Arc<CardFacts>>> {
        Box::pin(async move {
            let found = self.number(reference, "card-").map(|n| Arc::new(self.card_facts(n)));
            self.reads.fetch_add(1, Ordering::SeqCst);
            let hold = self.hold.lock().unwrap().take();
            match hold {
                Some(hold) => hold.notified().await,
                None => tokio::task::yield_now().await,
            }
            Ok(found)
        })
    }

    fn limits<'a>(&'a self, card: &'a CardFacts) -> StoreFuture<'a, Arc<LimitFacts>> {
        Box::pin(async move {
            self.reads.fetch_add(1, Ordering::SeqCst);
            let subjects = [
                Scope::Card(card.id),
                Scope::User(card.owner.id),
                Scope::Company(company_id()),
                Scope::Program,
            ];
            let stamp = |subject| PolicyStamp { subject, version: self.version(subject) };
            Ok(Arc::new(LimitFacts {
                stamps: subjects.map(stamp).to_vec(),
                ..LimitFacts::default()
            }))
        })
    }
}

macro_rules! not_played {
    ($(fn $name:ident($($ty:ty),+) -> $out:ty;)+) => {
        $(fn $name(&self, $(_: $ty),+) -> StoreFuture<'_, $out> {
            Box::pin(async { Err(StoreError::Failed("not played".into())) })
        })+
    };
}

impl ResourceStore for Scripted {
    fn update_card(&self, card: Card) -> StoreFuture<'_, Vec<PolicyStamp>> {
        Box::pin(async move { Ok(self.bump(Scope::Card(card.id))) })
    }

    fn update_company(&self, company: Company) -> StoreFuture<'_, Vec<PolicyStamp>> {
        Box::pin(async move { Ok(self.bump(Scope::Company(company.id))) })
    }

    fn update_user(&self, user: User) -> StoreFuture<'_, Vec<PolicyStamp>> {
        Box::pin(async move { Ok(self.bump(Scope::User(user.id))) })
    }

    fn card_record(&self, id: CardId) -> StoreFuture<'_, Option<Card>> {
        Box::pin(async move {
            self.reads.fetch_add(1, Ordering::SeqCst);
            let number = self.number(&token(&id.to_string()), "card-");
            Ok(number.map(|n| self.card_object(n)))
        })
    }

    not_played! {
        fn insert_company(Company, Account) -> Vec<PolicyStamp>;
        fn insert_user(User) -> Vec<PolicyStamp>;
        fn insert_card(Card) -> Vec<PolicyStamp>;
        fn insert_wallet(Wallet, Account) -> Vec<PolicyStamp>;
        fn update_wallet(Wallet) -> Vec<PolicyStamp>;
        fn insert_limit(Limit) -> Vec<PolicyStamp>;
        fn update_limit(Limit) -> Vec<PolicyStamp>;
        fn delete_limit(LimitId) -> Option<Vec<PolicyStamp>>;
        fn insert_control(Control) -> Vec<PolicyStamp>;
        fn update_control(Control) -> Vec<PolicyStamp>;
        fn delete_control(ControlId) -> Option<Vec<PolicyStamp>>;
        fn company(CompanyId) -> Option<Company>;
        fn user_record(UserId) -> Option<User>;
        fn wallet(AccountId) -> Option<Wallet>;
        fn wallets_of(UserId) -> Vec<Wallet>;
        fn account(AccountId) -> Option<Account>;
        fn limit(LimitId) -> Option<Limit>;
        fn control(ControlId) -> Option<Control>;
    }
}

/// One process: its memory and its connections.
pub struct Instance {
    pub store: Arc<CachedStore>,
    pub cache: Arc<dyn FactsCache>,
}

impl Instance {
    /// Memory alone.
    pub fn alone(source: &Arc<Scripted>) -> Self {
        Self::of(source, memory())
    }

    /// One more that shares this server; knows where the announcements stand.
    pub async fn sharing(source: &Arc<Scripted>, url: &str, prefix: &str) -> Self {
        let instance = Self::starting(source, url, prefix);
        instance.until("in step", |shared| shared.in_step).await;
        instance
    }

    /// The same, as it is right after its start.
    pub fn starting(source: &Arc<Scripted>, url: &str, prefix: &str) -> Self {
        let server = open(url, prefix);
        let cache: Arc<RedisCache> =
            Arc::new(server.for_home(Home::Business, lifetimes(), memory()));
        Self::of(source, cache)
    }

    fn of(source: &Arc<Scripted>, cache: Arc<dyn FactsCache>) -> Self {
        let (facts, resources) = (Arc::clone(source) as _, Arc::clone(source) as _);
        let store = CachedStore::new(facts, resources, Arc::clone(&cache));
        Self { store: Arc::new(store), cache }
    }

    pub fn stats(&self) -> CacheStats {
        self.store.stats()
    }

    pub fn shared(&self) -> SharedStats {
        self.stats().shared.expect("there is a shared level")
    }

    /// Waits at most 5 s for this of the shared level.
    pub async fn until(&self, what: &str, holds: impl Fn(&SharedStats) -> bool) {
        eventually(what, Duration::from_secs(5), || holds(&self.shared())).await;
    }

    /// What one purchase asks for.
    pub async fn purchase(&self, n: u128) -> Option<(i64, i64)> {
        let (user, card) = (user_token(n), card_token(n));
        self.store.expect(Some(&user), &card).await;
        self.store.user(&user).await.unwrap()?;
        let card = self.store.card(&card).await.unwrap()?;
        let limits = self.store.limits(&card).await.unwrap();
        Some((card.policy_version, limits.stamps[0].version))
    }

    pub async fn card_version(&self, n: u128) -> Option<i64> {
        self.store.card(&card_token(n)).await.unwrap().map(|card| card.policy_version)
    }

    /// The version of a card that is shown.
    pub async fn shown(&self, n: u128) -> Option<i64> {
        self.store.card_view(card_id(n)).await.unwrap().map(|card| card.version)
    }

    pub async fn store_card(&self, n: u128) -> Arc<CardFacts> {
        self.store.card(&card_token(n)).await.unwrap().unwrap()
    }

    pub async fn update_card(&self, source: &Scripted, n: u128) {
        self.store.update_card(source.card_object(n)).await.unwrap();
    }

    pub async fn update_company(&self) {
        let company = Company {
            id: company_id(),
            marqeta_token: None,
            name: "Acme".into(),
            status: CompanyStatus::Active,
            currency: Currency::parse("USD").unwrap(),
            zone: Zone::utc(),
            account: AccountId::new(Home::Business, Uuid::from_u128(4)),
            version: 2,
            created_at: Timestamp::from_micros(0),
            status_set_at: None,
        };
        self.store.update_company(company).await.unwrap();
    }
}

pub fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock::new())
}

/// A connection to the server in the background.
pub fn open(url: &str, prefix: &str) -> RedisServer {
    let options = RedisOptions {
        url: url.to_owned(),
        authority: None,
        prefix: prefix.to_owned(),
        connect: Duration::from_secs(5),
        budget: Duration::from_millis(20),
    };
    RedisServer::open(options, clock()).unwrap()
}

pub fn lifetimes() -> Lifetimes {
    Lifetimes {
        user: Duration::from_secs(3_600),
        card: Duration::from_secs(900),
        limits: Duration::from_secs(300),
    }
}

pub fn memory() -> Arc<dyn FactsCache> {
    let ttl = Duration::from_secs(30);
    let limits =
        MemoryLimits { entries_max: 20_000, user_ttl: ttl, card_ttl: ttl, limits_ttl: ttl };
    Arc::new(MemoryCache::new(limits, clock()))
}

/// Looks every millisecond whether it holds.
pub async fn eventually(what: &str, max: Duration, holds: impl Fn() -> bool) -> Duration {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < max, "not within {max:?}: {what}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    started.elapsed()
}
