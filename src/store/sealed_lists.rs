//! Lists, their personal fields opened on the way out: what [`super::sealed`] does for single objects.

use std::sync::Arc;

use super::lists::{
    AccountQuery, AuthorizationQuery, CardQuery, CompanyQuery, HistoryQuery, KycQuery, Lists, Page,
    PolicyQuery, UserQuery,
};
use super::seal::Seal;
use super::sealed::{opened, opened_kyc};
use super::{StoreError, StoreFuture};
use crate::domain::authorization::Authorization;
use crate::domain::id::{AccountId, ControlId, LimitId, UserId};
use crate::domain::kyc::KycRecord;
use crate::domain::party::{Account, Card, Company, User, Wallet};
use crate::domain::policy::{Control, Limit, Scope};
use crate::domain::posting::Posting;
use crate::domain::token::Token;

/// Lists of a store whose personal fields are sealed.
pub struct SealedLists {
    lists: Arc<dyn Lists>,
    seal: Arc<Seal>,
}

impl SealedLists {
    /// Before a store.
    pub fn new(lists: Arc<dyn Lists>, seal: Arc<Seal>) -> Self {
        Self { lists, seal }
    }

    fn opened(&self, users: Vec<User>) -> Result<Vec<User>, StoreError> {
        users.into_iter().map(|user| opened(&self.seal, user)).collect()
    }
}

impl Lists for SealedLists {
    fn users(&self, query: UserQuery) -> StoreFuture<'_, Vec<User>> {
        Box::pin(async move { self.opened(self.lists.users(query).await?) })
    }

    fn users_named(&self, names: Vec<Token>) -> StoreFuture<'_, Vec<User>> {
        Box::pin(async move { self.opened(self.lists.users_named(names).await?) })
    }

    fn companies(&self, query: CompanyQuery) -> StoreFuture<'_, Vec<Company>> {
        self.lists.companies(query)
    }

    fn cards(&self, query: CardQuery) -> StoreFuture<'_, Vec<Card>> {
        self.lists.cards(query)
    }

    fn cards_named(&self, names: Vec<Token>) -> StoreFuture<'_, Vec<Card>> {
        self.lists.cards_named(names)
    }

    fn accounts(&self, query: AccountQuery) -> StoreFuture<'_, Vec<Account>> {
        self.lists.accounts(query)
    }

    fn wallets(&self, page: Page<AccountId>) -> StoreFuture<'_, Vec<(Wallet, Account)>> {
        self.lists.wallets(page)
    }

    fn wallets_held_by(&self, users: Vec<UserId>) -> StoreFuture<'_, Vec<Wallet>> {
        self.lists.wallets_held_by(users)
    }

    fn limits_binding(&self, whom: Vec<Scope>) -> StoreFuture<'_, Vec<Limit>> {
        self.lists.limits_binding(whom)
    }

    fn limits_page(&self, query: PolicyQuery<LimitId>) -> StoreFuture<'_, Vec<Limit>> {
        self.lists.limits_page(query)
    }

    fn controls_page(&self, query: PolicyQuery<ControlId>) -> StoreFuture<'_, Vec<Control>> {
        self.lists.controls_page(query)
    }

    fn kyc_records(&self, query: KycQuery) -> StoreFuture<'_, Vec<KycRecord>> {
        Box::pin(async move {
            let found = self.lists.kyc_records(query).await?;
            found.into_iter().map(|record| opened_kyc(&self.seal, record)).collect()
        })
    }

    fn authorizations(&self, query: AuthorizationQuery) -> StoreFuture<'_, Vec<Authorization>> {
        self.lists.authorizations(query)
    }

    fn account_history(&self, query: HistoryQuery) -> StoreFuture<'_, Vec<Posting>> {
        self.lists.account_history(query)
    }
}
