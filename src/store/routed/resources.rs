//! Resources, each written to its home. A token that the other home has is taken.

use std::sync::Arc;

use crate::domain::audit::Record;
use crate::domain::id::{AccountId, CardId, CompanyId, ControlId, Home, KycId, LimitId, UserId};
use crate::domain::kyc::{KycGrant, KycRecord};
use crate::domain::party::{Account, Card, Company, User, Wallet};
use crate::domain::policy::{Control, Limit, PolicyStamp, Scope};
use crate::domain::token::Token;
use crate::store::ahead::RecordedAhead;
use crate::store::{ResourceStore, StoreError, StoreFuture};

use super::program::{Changed, Following};
use super::{HomeStores, RoutedStore, ask_both, find, other};

const TOKEN: StoreError = StoreError::Taken("marqeta_token");

/// Our ids are references, too.
fn as_reference(id: &impl ToString) -> Result<Token, StoreError> {
    id.to_string().parse().map_err(|error| StoreError::Failed(Box::new(error)))
}

impl RoutedStore {
    async fn user_token_is_free(&self, user: &User) -> Result<(), StoreError> {
        let Some(token) = &user.marqeta_token else { return Ok(()) };
        let elsewhere = self.home(other(user.home())).facts.user(token).await?;
        if elsewhere.is_some() { Err(TOKEN) } else { Ok(()) }
    }

    async fn card_token_is_free(&self, card: &Card) -> Result<(), StoreError> {
        let Some(token) = &card.marqeta_token else { return Ok(()) };
        let elsewhere = self.home(other(card.account.home())).facts.card(token).await?;
        if elsewhere.is_some() { Err(TOKEN) } else { Ok(()) }
    }

    /// Where policy of this scope is kept; `None`: in both homes.
    async fn home_of(&self, scope: Scope) -> Result<Option<Home>, StoreError> {
        let found = match scope {
            Scope::Program => return Ok(None),
            Scope::Company(_) => return Ok(Some(Home::Business)),
            Scope::User(id) => self.user_record(id).await?.map(|user| user.home()),
            Scope::Card(id) => self.card_record(id).await?.map(|card| card.account.home()),
        };
        found.map(Some).ok_or(StoreError::Stale) // whom it was to bind has gone meanwhile
    }

    /// Program policy: the personal home follows the business home.
    async fn follow(&self, changed: Changed) -> Result<Vec<PolicyStamp>, StoreError> {
        let leader = Arc::clone(&self.business.resources);
        let follower = Arc::clone(&self.personal.resources);
        let clock = Arc::clone(&self.clock);
        Following { leader, follower, clock }.follow(changed).await
    }

    /// Writes policy of this scope to its home. The program's goes to the business home, and on from there.
    async fn write_policy(
        &self,
        (scope, changed): (Scope, Changed),
        write: impl for<'a> FnOnce(&'a dyn ResourceStore) -> StoreFuture<'a, Vec<PolicyStamp>>,
    ) -> Result<Vec<PolicyStamp>, StoreError> {
        let home = self.home_of(scope).await?;
        let first = &self.home(home.unwrap_or(Home::Business)).resources;
        let mut stamps = write(&**first).await?;
        if home.is_none() {
            stamps.extend(self.follow(changed).await?);
        }
        Ok(stamps)
    }

    /// Removes it likewise.
    async fn remove_policy(
        &self,
        (scope, changed): (Scope, Changed),
        remove: impl for<'a> FnOnce(&'a dyn ResourceStore) -> StoreFuture<'a, Option<Vec<PolicyStamp>>>,
    ) -> Result<Option<Vec<PolicyStamp>>, StoreError> {
        let home = self.home_of(scope).await?;
        let first = &self.home(home.unwrap_or(Home::Business)).resources;
        let mut removed = remove(&**first).await?;
        if home.is_none() {
            removed.get_or_insert_default().extend(self.follow(changed).await?);
        }
        Ok(removed)
    }
}

impl ResourceStore for RoutedStore {
    /// The log is kept where companies are. Of what is done elsewhere it is told before.
    fn recording(&self, record: &Arc<Record>) -> Option<Arc<dyn ResourceStore>> {
        let resources = self.business.resources.recording(record)?;
        let elsewhere = Arc::clone(&self.personal.resources);
        let ahead = RecordedAhead::new(elsewhere, Arc::clone(&self.log), Arc::clone(record));
        Some(Arc::new(Self {
            business: HomeStores { resources, ..self.business.clone() },
            personal: HomeStores { resources: Arc::new(ahead), ..self.personal.clone() },
            users: Arc::clone(&self.users),
            cards: Arc::clone(&self.cards),
            log: Arc::clone(&self.log),
            clock: Arc::clone(&self.clock),
        }))
    }

    fn insert_company(
        &self,
        company: Company,
        account: Account,
    ) -> StoreFuture<'_, Vec<PolicyStamp>> {
        self.business.resources.insert_company(company, account)
    }

    fn company(&self, id: CompanyId) -> StoreFuture<'_, Option<Company>> {
        self.business.resources.company(id)
    }

    fn update_company(&self, company: Company) -> StoreFuture<'_, Vec<PolicyStamp>> {
        self.business.resources.update_company(company)
    }

    fn insert_user(&self, user: User) -> StoreFuture<'_, Vec<PolicyStamp>> {
        Box::pin(async move {
            self.user_token_is_free(&user).await?;
            let (home, names) = (user.home(), (user.id, user.marqeta_token.clone()));
            let stamps = self.home(home).resources.insert_user(user).await?;
            self.users.keep_route(&as_reference(&names.0)?, home);
            names.1.iter().for_each(|token| self.users.keep_route(token, home));
            Ok(stamps)
        })
    }

    fn user_record(&self, id: UserId) -> StoreFuture<'_, Option<User>> {
        Box::pin(async move {
            let ask = |home| self.home(home).resources.user_record(id);
            find(&*self.users, &as_reference(&id)?, ask).await
        })
    }

    fn update_user(&self, user: User) -> StoreFuture<'_, Vec<PolicyStamp>> {
        Box::pin(async move {
            self.user_token_is_free(&user).await?;
            self.home(user.home()).resources.update_user(user).await
        })
    }

    fn insert_card(&self, card: Card) -> StoreFuture<'_, Vec<PolicyStamp>> {
        Box::pin(async move {
            self.card_token_is_free(&card).await?;
            let (home, names) = (card.account.home(), (card.id, card.marqeta_token.clone()));
            let stamps = self.home(home).resources.insert_card(card).await?;
            self.cards.keep_route(&as_reference(&names.0)?, home);
            names.1.iter().for_each(|token| self.cards.keep_route(token, home));
            Ok(stamps)
        })
    }

    fn card_record(&self, id: CardId) -> StoreFuture<'_, Option<Card>> {
        Box::pin(async move {
            let ask = |home| self.home(home).resources.card_record(id);
            find(&*self.cards, &as_reference(&id)?, ask).await
        })
    }

    fn card_view(&self, id: CardId) -> StoreFuture<'_, Option<Card>> {
        Box::pin(async move {
            let ask = |home| self.home(home).resources.card_view(id);
            find(&*self.cards, &as_reference(&id)?, ask).await
        })
    }

    fn update_card(&self, card: Card) -> StoreFuture<'_, Vec<PolicyStamp>> {
        Box::pin(async move {
            self.card_token_is_free(&card).await?;
            self.home(card.account.home()).resources.update_card(card).await
        })
    }

    /// All are of the home of the first.
    fn insert_users(&self, users: Vec<User>) -> StoreFuture<'_, Vec<PolicyStamp>> {
        let home = users.first().map_or(Home::Business, User::home);
        self.home(home).resources.insert_users(users)
    }

    /// All are of the home of the first.
    fn insert_cards(&self, cards: Vec<Card>) -> StoreFuture<'_, Vec<PolicyStamp>> {
        let home = cards.first().map_or(Home::Business, |card| card.account.home());
        self.home(home).resources.insert_cards(cards)
    }

    /// All bind whom the home of the first keeps. A program's are written to both homes, one by one; the
    /// version that comes first of each stands for it.
    fn insert_limits(&self, limits: Vec<Limit>) -> StoreFuture<'_, Vec<PolicyStamp>> {
        Box::pin(async move {
            let Some(first) = limits.first() else { return Ok(Vec::new()) };
            if let Some(home) = self.home_of(first.scope).await? {
                return self.home(home).resources.insert_limits(limits).await;
            }
            let mut stamps = Vec::new();
            for limit in limits {
                let id = limit.id;
                match self.insert_limit(limit).await {
                    // It is there: in both homes, or whoever put it there has died in between.
                    Err(StoreError::Taken(_)) => {
                        stamps.extend(self.follow(Changed::Limit(id)).await?);
                    }
                    written => stamps.extend(written?.first().copied()),
                }
            }
            Ok(stamps)
        })
    }

    fn insert_wallet(&self, wallet: Wallet, account: Account) -> StoreFuture<'_, Vec<PolicyStamp>> {
        self.personal.resources.insert_wallet(wallet, account)
    }

    fn wallet(&self, account: AccountId) -> StoreFuture<'_, Option<Wallet>> {
        self.personal.resources.wallet(account)
    }

    fn wallets_of(&self, user: UserId) -> StoreFuture<'_, Vec<Wallet>> {
        self.personal.resources.wallets_of(user)
    }

    fn update_wallet(&self, wallet: Wallet) -> StoreFuture<'_, Vec<PolicyStamp>> {
        self.personal.resources.update_wallet(wallet)
    }

    fn account(&self, id: AccountId) -> StoreFuture<'_, Option<Account>> {
        self.home(id.home()).resources.account(id)
    }

    fn insert_limit(&self, limit: Limit) -> StoreFuture<'_, Vec<PolicyStamp>> {
        let policy = (limit.scope, Changed::Limit(limit.id));
        Box::pin(self.write_policy(policy, move |home| home.insert_limit(limit)))
    }

    /// A program's is in both homes; the business home's is the one that counts.
    fn limit(&self, id: LimitId) -> StoreFuture<'_, Option<Limit>> {
        Box::pin(async move {
            if let Ok(Some(limit)) = self.business.resources.limit(id).await {
                return Ok(Some(limit));
            }
            let found = ask_both(|home| self.home(home).resources.limit(id)).await?;
            // The personal home alone has a program's limit only while the other can not be read,
            // or before it has followed a deletion.
            Ok(found.map(|(_, limit)| limit).filter(|limit| limit.scope != Scope::Program))
        })
    }

    fn update_limit(&self, limit: Limit) -> StoreFuture<'_, Vec<PolicyStamp>> {
        let policy = (limit.scope, Changed::Limit(limit.id));
        Box::pin(self.write_policy(policy, move |home| home.update_limit(limit)))
    }

    fn delete_limit(&self, id: LimitId) -> StoreFuture<'_, Option<Vec<PolicyStamp>>> {
        Box::pin(async move {
            let Some(limit) = self.limit(id).await? else { return Ok(None) };
            let policy = (limit.scope, Changed::Limit(id));
            self.remove_policy(policy, move |home| home.delete_limit(id)).await
        })
    }

    fn insert_kyc(&self, record: KycRecord) -> StoreFuture<'_, Vec<PolicyStamp>> {
        self.personal.resources.insert_kyc(record)
    }

    fn kyc(&self, id: KycId) -> StoreFuture<'_, Option<KycRecord>> {
        self.personal.resources.kyc(id)
    }

    fn decide_kyc(
        &self,
        record: KycRecord,
        grant: Option<KycGrant>,
    ) -> StoreFuture<'_, Vec<PolicyStamp>> {
        self.personal.resources.decide_kyc(record, grant)
    }

    fn insert_control(&self, control: Control) -> StoreFuture<'_, Vec<PolicyStamp>> {
        let policy = (control.scope, Changed::Control(control.id));
        Box::pin(self.write_policy(policy, move |home| home.insert_control(control)))
    }

    /// As [`ResourceStore::limit`].
    fn control(&self, id: ControlId) -> StoreFuture<'_, Option<Control>> {
        Box::pin(async move {
            if let Ok(Some(control)) = self.business.resources.control(id).await {
                return Ok(Some(control));
            }
            let found = ask_both(|home| self.home(home).resources.control(id)).await?;
            Ok(found.map(|(_, control)| control).filter(|control| control.scope != Scope::Program))
        })
    }

    fn update_control(&self, control: Control) -> StoreFuture<'_, Vec<PolicyStamp>> {
        let policy = (control.scope, Changed::Control(control.id));
        Box::pin(self.write_policy(policy, move |home| home.update_control(control)))
    }

    fn delete_control(&self, id: ControlId) -> StoreFuture<'_, Option<Vec<PolicyStamp>>> {
        Box::pin(async move {
            let Some(control) = self.control(id).await? else { return Ok(None) };
            let policy = (control.scope, Changed::Control(id));
            self.remove_policy(policy, move |home| home.delete_control(id)).await
        })
    }
}
