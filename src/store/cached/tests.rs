//! Read-through over a scripted store: interleavings of reads, writes and fills.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::sync::Notify;

use crate::cache::tests::{card_at, card_floor, memory, token};

use super::*;

/// A store with one card, whose reads can be held up between reading and answering.
#[derive(Default)]
struct Scripted {
    version: Mutex<i64>,
    reads: AtomicU32,
    hold: Mutex<Option<Arc<Notify>>>,
}

impl Scripted {
    fn at(version: i64) -> Arc<Self> {
        Arc::new(Self { version: Mutex::new(version), ..Self::default() })
    }

    fn reads(&self) -> u32 {
        self.reads.load(Ordering::SeqCst)
    }
}

impl FactsStore for Scripted {
    fn user<'a>(&'a self, _reference: &'a Token) -> StoreFuture<'a, Option<Arc<UserFacts>>> {
        Box::pin(async { Ok(None) })
    }

    fn card<'a>(&'a self, reference: &'a Token) -> StoreFuture<'a, Option<Arc<CardFacts>>> {
        Box::pin(async move {
            self.reads.fetch_add(1, Ordering::SeqCst);
            let version = *self.version.lock().unwrap();
            let hold = self.hold.lock().unwrap().take();
            match hold {
                Some(hold) => hold.notified().await,
                None => tokio::task::yield_now().await,
            }
            Ok((version > 0 && reference.as_str() == "card").then(|| card_at((1, 1, version))))
        })
    }

    fn limits<'a>(&'a self, _card: &'a CardFacts) -> StoreFuture<'a, Arc<LimitFacts>> {
        Box::pin(async { Ok(Arc::default()) })
    }
}

/// Only `update_card` is played; it commits at once and may be slow to say so.
struct Writer {
    store: Arc<Scripted>,
    acknowledge: Option<Arc<Notify>>,
}

macro_rules! not_played {
    ($(fn $name:ident($($ty:ty),+) -> $out:ty;)+) => {
        $(fn $name(&self, $(_: $ty),+) -> StoreFuture<'_, $out> {
            Box::pin(async { Err(StoreError::Failed("not played".into())) })
        })+
    };
}

impl ResourceStore for Writer {
    fn update_card(&self, _card: Card) -> StoreFuture<'_, Vec<PolicyStamp>> {
        Box::pin(async move {
            let version = {
                let mut version = self.store.version.lock().unwrap();
                *version += 1;
                *version
            };
            if let Some(acknowledge) = &self.acknowledge {
                acknowledge.notified().await;
            }
            Ok(vec![card_floor(version)])
        })
    }

    not_played! {
        fn insert_company(Company, Account) -> Vec<PolicyStamp>;
        fn update_company(Company) -> Vec<PolicyStamp>;
        fn insert_user(User) -> Vec<PolicyStamp>;
        fn update_user(User) -> Vec<PolicyStamp>;
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
        fn card_record(CardId) -> Option<Card>;
        fn wallet(AccountId) -> Option<Wallet>;
        fn wallets_of(UserId) -> Vec<Wallet>;
        fn account(AccountId) -> Option<Account>;
        fn limit(LimitId) -> Option<Limit>;
        fn control(ControlId) -> Option<Control>;
    }
}

fn cached(store: &Arc<Scripted>, acknowledge: Option<Arc<Notify>>) -> Arc<CachedStore> {
    let writer = Writer { store: Arc::clone(store), acknowledge };
    let facts = Arc::clone(store) as Arc<dyn FactsStore>;
    Arc::new(CachedStore::new(facts, Arc::new(writer), Arc::new(memory())))
}

fn card_object() -> Card {
    let facts = card_at((1, 1, 1));
    Card {
        id: facts.id,
        user: facts.owner.id,
        account: facts.account,
        marqeta_token: None,
        last_four: None,
        product: None,
        expires: None,
        status: facts.status,
        version: 2,
        created_at: crate::domain::time::Timestamp::from_micros(0),
        status_set_at: None,
        status_set_by: None,
    }
}

async fn version_of(store: &CachedStore) -> Option<i64> {
    store.card(&token("card")).await.unwrap().map(|card| card.policy_version)
}

#[tokio::test]
async fn a_second_lookup_does_not_ask_the_store() {
    let scripted = Scripted::at(1);
    let store = cached(&scripted, None);
    assert_eq!(version_of(&store).await, Some(1));
    assert_eq!(version_of(&store).await, Some(1));
    assert_eq!(scripted.reads(), 1);
    let cards = store.stats().cards;
    assert_eq!((cards.hits, cards.misses), (1, 1));
}

#[tokio::test]
async fn a_thousand_misses_at_once_ask_the_store_once() {
    let scripted = Scripted::at(1);
    let store = cached(&scripted, None);
    let lookups: Vec<_> = (0..1000)
        .map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { version_of(&store).await })
        })
        .collect();
    for lookup in lookups {
        assert_eq!(lookup.await.unwrap(), Some(1));
    }
    assert_eq!(scripted.reads(), 1);
}

#[tokio::test]
async fn nobody_who_asks_after_a_write_was_acknowledged_sees_the_old_version() {
    let scripted = Scripted::at(1);
    let store = cached(&scripted, None);
    let release = Arc::new(Notify::new());
    *scripted.hold.lock().unwrap() = Some(Arc::clone(&release));
    let slow = tokio::spawn({
        let store = Arc::clone(&store);
        async move { version_of(&store).await }
    });
    while scripted.reads() == 0 {
        tokio::task::yield_now().await;
    }
    store.update_card(card_object()).await.unwrap(); // version 2 is acknowledged
    let follower = tokio::spawn({
        let store = Arc::clone(&store);
        async move { version_of(&store).await }
    });
    tokio::task::yield_now().await;
    release.notify_one();
    assert_eq!(slow.await.unwrap(), Some(1), "asked before the write");
    assert_eq!(follower.await.unwrap(), Some(2), "does not take the old value from the other");
    assert_eq!(version_of(&store).await, Some(2), "the old fill is not served");
}

#[tokio::test]
async fn a_write_whose_caller_went_away_still_raises_its_floor() {
    let scripted = Scripted::at(1);
    let acknowledge = Arc::new(Notify::new());
    let store = cached(&scripted, Some(Arc::clone(&acknowledge)));
    assert_eq!(version_of(&store).await, Some(1));
    let write = tokio::spawn({
        let store = Arc::clone(&store);
        async move { store.update_card(card_object()).await.map(|_| ()) }
    });
    while *scripted.version.lock().unwrap() == 1 {
        tokio::task::yield_now().await;
    }
    write.abort();
    let _ = write.await;
    acknowledge.notify_one();
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    assert_eq!(version_of(&store).await, Some(2));
}

#[tokio::test]
async fn an_unknown_card_is_not_remembered() {
    let scripted = Scripted::at(0);
    let store = cached(&scripted, None);
    assert_eq!(version_of(&store).await, None);
    *scripted.version.lock().unwrap() = 1;
    assert_eq!(version_of(&store).await, Some(1));
}
