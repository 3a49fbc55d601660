//! Lists: of the home that keeps what is asked for, or the newest of both.

use futures_util::future::try_join;
use uuid::Uuid;

use crate::domain::authorization::Authorization;
use crate::domain::id::{AccountId, ControlId, Home, LimitId, UserId};
use crate::domain::kyc::KycRecord;
use crate::domain::party::{Account, Card, Company, User, Wallet};
use crate::domain::policy::{Control, Limit, Scope};
use crate::domain::posting::Posting;
use crate::domain::token::Token;
use crate::store::lists::{
    AccountQuery, AuthorizationQuery, Bound, CardQuery, CompanyQuery, HistoryQuery, KycQuery,
    Lists, Page, PolicyQuery, UserQuery, newest,
};
use crate::store::{ResourceStore, StoreError, StoreFuture};

use super::RoutedStore;

impl RoutedStore {
    fn lists(&self, home: Home) -> &dyn Lists {
        &*self.home(home).lists
    }

    /// Asks the homes that can have policy that is looked for. A program's is in both; whatever else a
    /// home has, the other has not.
    async fn policies<T, I, A>(
        &self,
        query: &PolicyQuery<I>,
        ask: impl Fn(Home) -> A,
        id: impl Fn(&T) -> Uuid,
    ) -> Result<Vec<T>, StoreError>
    where
        A: Future<Output = Result<Vec<T>, StoreError>>,
    {
        if let Some(home) = self.keeper(query).await? {
            return ask(home).await;
        }
        let (business, personal) = try_join(ask(Home::Business), ask(Home::Personal)).await?;
        Ok(newest(vec![business, personal], id, query.page.rows_max))
    }

    /// The home that has all that the query can find, if one has: the other need not answer then.
    async fn keeper<I>(&self, query: &PolicyQuery<I>) -> Result<Option<Home>, StoreError> {
        Ok(match query.bound {
            _ if query.company.is_some() => Some(Home::Business),
            Some(Bound::Kind("program" | "company")) => Some(Home::Business),
            Some(Bound::One(Scope::Program | Scope::Company(_))) => Some(Home::Business),
            Some(Bound::One(Scope::User(id))) => {
                self.user_record(id).await?.map(|user| user.home())
            }
            Some(Bound::One(Scope::Card(id))) => {
                self.card_record(id).await?.map(|card| card.account.home())
            }
            Some(Bound::Kind(_)) | None => None,
        })
    }
}

impl Lists for RoutedStore {
    fn companies(&self, query: CompanyQuery) -> StoreFuture<'_, Vec<Company>> {
        self.lists(Home::Business).companies(query)
    }

    fn users(&self, query: UserQuery) -> StoreFuture<'_, Vec<User>> {
        self.lists(query.home).users(query)
    }

    fn cards(&self, query: CardQuery) -> StoreFuture<'_, Vec<Card>> {
        self.lists(query.home).cards(query)
    }

    fn users_named(&self, names: Vec<Token>) -> StoreFuture<'_, Vec<User>> {
        Box::pin(async move {
            let asked = Home::ALL.map(|home| self.lists(home).users_named(names.clone()));
            Ok(futures_util::future::try_join_all(asked).await?.into_iter().flatten().collect())
        })
    }

    fn cards_named(&self, names: Vec<Token>) -> StoreFuture<'_, Vec<Card>> {
        Box::pin(async move {
            let asked = Home::ALL.map(|home| self.lists(home).cards_named(names.clone()));
            Ok(futures_util::future::try_join_all(asked).await?.into_iter().flatten().collect())
        })
    }

    fn accounts(&self, query: AccountQuery) -> StoreFuture<'_, Vec<Account>> {
        self.lists(Home::Business).accounts(query)
    }

    fn wallets(&self, page: Page<AccountId>) -> StoreFuture<'_, Vec<(Wallet, Account)>> {
        self.lists(Home::Personal).wallets(page)
    }

    fn wallets_held_by(&self, users: Vec<UserId>) -> StoreFuture<'_, Vec<Wallet>> {
        self.lists(Home::Personal).wallets_held_by(users)
    }

    /// Of a program's, which both homes have, the business home's count.
    fn limits_binding(&self, whom: Vec<Scope>) -> StoreFuture<'_, Vec<Limit>> {
        Box::pin(async move {
            let asked = Home::ALL.map(|home| self.lists(home).limits_binding(whom.clone()));
            let found = futures_util::future::try_join_all(asked).await?;
            Ok(newest(found, |limit: &Limit| limit.id.uuid(), u32::MAX))
        })
    }

    fn limits_page(&self, query: PolicyQuery<LimitId>) -> StoreFuture<'_, Vec<Limit>> {
        Box::pin(async move {
            let ask = |home| self.lists(home).limits_page(query.clone());
            self.policies(&query, ask, |limit| limit.id.uuid()).await
        })
    }

    fn controls_page(&self, query: PolicyQuery<ControlId>) -> StoreFuture<'_, Vec<Control>> {
        Box::pin(async move {
            let ask = |home| self.lists(home).controls_page(query.clone());
            self.policies(&query, ask, |control| control.id.uuid()).await
        })
    }

    fn kyc_records(&self, query: KycQuery) -> StoreFuture<'_, Vec<KycRecord>> {
        self.lists(Home::Personal).kyc_records(query)
    }

    fn authorizations(&self, query: AuthorizationQuery) -> StoreFuture<'_, Vec<Authorization>> {
        Box::pin(async move {
            if query.company.is_some() {
                return self.lists(Home::Business).authorizations(query).await;
            }
            if let Some(account) = query.account {
                return self.lists(account.home()).authorizations(query).await;
            }
            let rows_max = query.page.rows_max;
            let asked = Home::ALL.map(|home| self.lists(home).authorizations(query.clone()));
            let found = futures_util::future::try_join_all(asked).await?;
            Ok(newest(found, |row: &Authorization| row.id.uuid(), rows_max))
        })
    }

    fn account_history(&self, query: HistoryQuery) -> StoreFuture<'_, Vec<Posting>> {
        self.lists(query.account.home()).account_history(query)
    }
}
