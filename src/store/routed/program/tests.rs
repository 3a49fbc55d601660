//! What the leader does between a look at it and the write that follows.

use std::sync::Mutex;

use uuid::Uuid;

use super::*;
use crate::domain::clock::tests::StillClock;
use crate::domain::id::{AccountId, CardId, CompanyId, UserId};
use crate::domain::party::{Account, Card, Company, User, Wallet};
use crate::domain::policy::{LimitMode, MerchantScope, Scope};
use crate::domain::time::Window;
use crate::store::StoreFuture;

type Meanwhile = Box<dyn FnOnce() + Send>;

/// A store with one limit or none. Something may happen elsewhere just before it is written to.
#[derive(Default)]
struct Shelf {
    limit: Mutex<Option<Limit>>,
    meanwhile: Mutex<Option<Meanwhile>>,
}

impl Shelf {
    fn put(&self, limit: Option<Limit>) {
        *self.limit.lock().unwrap() = limit;
    }

    fn found(&self) -> Option<Limit> {
        self.limit.lock().unwrap().clone()
    }

    fn write(&self, limit: Option<Limit>) {
        let meanwhile = self.meanwhile.lock().unwrap().take();
        meanwhile.into_iter().for_each(|happens| happens());
        self.put(limit);
    }
}

macro_rules! not_played {
    ($(fn $name:ident($($ty:ty),+) -> $out:ty;)+) => {
        $(fn $name(&self, $(_: $ty),+) -> StoreFuture<'_, $out> {
            Box::pin(async { Err(StoreError::Failed("not played".into())) })
        })+
    };
}

impl ResourceStore for Shelf {
    fn limit(&self, _id: LimitId) -> StoreFuture<'_, Option<Limit>> {
        Box::pin(async { Ok(self.found()) })
    }

    fn insert_limit(&self, limit: Limit) -> StoreFuture<'_, Vec<PolicyStamp>> {
        Box::pin(async move {
            self.write(Some(limit));
            Ok(Vec::new())
        })
    }

    fn delete_limit(&self, _id: LimitId) -> StoreFuture<'_, Option<Vec<PolicyStamp>>> {
        Box::pin(async {
            self.write(None);
            Ok(Some(Vec::new()))
        })
    }

    not_played! {
        fn insert_company(Company, Account) -> Vec<PolicyStamp>;
        fn update_company(Company) -> Vec<PolicyStamp>;
        fn insert_user(User) -> Vec<PolicyStamp>;
        fn update_user(User) -> Vec<PolicyStamp>;
        fn insert_card(Card) -> Vec<PolicyStamp>;
        fn update_card(Card) -> Vec<PolicyStamp>;
        fn insert_wallet(Wallet, Account) -> Vec<PolicyStamp>;
        fn update_wallet(Wallet) -> Vec<PolicyStamp>;
        fn update_limit(Limit) -> Vec<PolicyStamp>;
        fn insert_control(Control) -> Vec<PolicyStamp>;
        fn update_control(Control) -> Vec<PolicyStamp>;
        fn delete_control(ControlId) -> Option<Vec<PolicyStamp>>;
        fn company(CompanyId) -> Option<Company>;
        fn user_record(UserId) -> Option<User>;
        fn card_record(CardId) -> Option<Card>;
        fn wallet(AccountId) -> Option<Wallet>;
        fn wallets_of(UserId) -> Vec<Wallet>;
        fn account(AccountId) -> Option<Account>;
        fn control(ControlId) -> Option<Control>;
    }
}

fn limit() -> Limit {
    Limit {
        id: LimitId::new(Uuid::from_u128(1)),
        scope: Scope::Program,
        merchant: MerchantScope::Any,
        window: Window::Day,
        amount: Some(1_000),
        count: None,
        currency: None,
        mode: LimitMode::Cap,
        version: 1,
        created_at: Timestamp::from_micros(0),
    }
}

/// What the follower has in the end, where both homes begin like this and the leader's limit becomes
/// another one just before the follower is written to.
async fn followed(
    leader: Option<Limit>,
    follower: Option<Limit>,
    then: Option<Limit>,
) -> Option<Limit> {
    let [leads, follows] = [leader, follower].map(|limit| {
        let shelf = Arc::new(Shelf::default());
        shelf.put(limit);
        shelf
    });
    let changing = Arc::clone(&leads);
    *follows.meanwhile.lock().unwrap() = Some(Box::new(move || changing.put(then)));
    let (leader, follower) = (leads, Arc::clone(&follows));
    let following = Following { leader, follower, clock: Arc::<StillClock>::default() };
    following.follow(Changed::Limit(limit().id)).await.unwrap();
    follows.found()
}

/// Limits that are loaded have the same id again: who creates it finds what the follower still has.
#[tokio::test]
async fn what_is_created_anew_while_its_deletion_is_followed_is_there() {
    assert_eq!(followed(None, Some(limit()), Some(limit())).await, Some(limit()));
}

/// Who deletes it finds nothing at the follower yet.
#[tokio::test]
async fn what_is_deleted_while_its_creation_is_followed_is_gone() {
    assert_eq!(followed(Some(limit()), None, None).await, None);
}
