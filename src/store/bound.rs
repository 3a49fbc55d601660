//! The stores as far as a caller sees them. What belongs to another company is not found, whoever asks
//! for it and by whatever name; what a caller changes is named in the record that it leaves.
//!
//! Cards, users and companies never change hands, so that a cached fact is as good as a row.

use std::sync::Arc;

use tokio::sync::OnceCell;

use crate::domain::access::Reach;
use crate::domain::audit::Recording;
use crate::domain::authorization::Authorization;
use crate::domain::chain::{Chain, Link};
use crate::domain::facts::{CardFacts, Facts, LimitFacts, UserFacts};
use crate::domain::id::{
    AccountId, AuthorizationId, CardId, CompanyId, ControlId, KycId, LimitId, UserId,
};
use crate::domain::kyc::{KycGrant, KycRecord};
use crate::domain::party::{Account, Card, Company, User, Wallet};
use crate::domain::policy::{Control, Limit, PolicyStamp, Scope};
use crate::domain::posting::Posting;
use crate::domain::token::Token;

use super::{FactsStore, History, ResourceStore, StoreError, StoreFuture};

/// The stores behind a reach.
pub struct BoundStore {
    /// Resources, which leave a record where one is asked for.
    pub resources: Arc<dyn ResourceStore>,
    /// Policy facts.
    pub facts: Arc<dyn FactsStore>,
    /// What has been decided.
    pub history: Arc<dyn History>,
    /// How far the caller sees.
    pub reach: Reach,
    /// What the caller's act leaves.
    pub record: Recording,
    own: OnceCell<Option<AccountId>>,
}

/// What is out of reach can not be written.
fn out_of_reach() -> StoreError {
    StoreError::Stale
}

impl BoundStore {
    /// Binds these stores.
    pub fn new(
        (resources, facts, history): (
            Arc<dyn ResourceStore>,
            Arc<dyn FactsStore>,
            Arc<dyn History>,
        ),
        reach: Reach,
        record: Recording,
    ) -> Self {
        let recorded = record.as_ref().and_then(|record| resources.recording(record));
        let resources = recorded.unwrap_or(resources);
        Self { resources, facts, history, reach, record, own: OnceCell::new() }
    }

    fn name(&self, object: &impl ToString) {
        self.record.iter().for_each(|record| record.name(object));
    }

    fn is_user_seen(&self, user: &UserFacts) -> bool {
        self.reach.covers(user.company.as_ref().map(|company| company.id))
    }

    /// The one account of the caller's company.
    async fn is_account_seen(&self, id: AccountId) -> Result<bool, StoreError> {
        let Some(company) = self.reach.company() else { return Ok(true) };
        let load = || async {
            let found = self.resources.company(company).await?;
            Ok::<_, StoreError>(found.map(|company| company.account))
        };
        Ok(*self.own.get_or_try_init(load).await? == Some(id))
    }

    async fn is_card_seen(&self, id: CardId) -> Result<bool, StoreError> {
        if self.reach == Reach::Program {
            return Ok(true);
        }
        let name = id.to_string().parse().map_err(|error| StoreError::Failed(Box::new(error)))?;
        let facts = self.facts.card(&name).await?;
        Ok(facts.is_some_and(|card| self.is_user_seen(&card.owner)))
    }

    async fn is_user_id_seen(&self, id: UserId) -> Result<bool, StoreError> {
        if self.reach == Reach::Program {
            return Ok(true);
        }
        let found = self.resources.user_record(id).await?;
        Ok(found.is_some_and(|user| self.reach.covers(user.company)))
    }

    /// Whether policy of this scope is the caller's own. A program's is not a company's to see or change.
    async fn is_scope_seen(&self, scope: Scope) -> Result<bool, StoreError> {
        match scope {
            Scope::Program => Ok(self.reach == Reach::Program),
            Scope::Company(id) => Ok(self.reach.covers(Some(id))),
            Scope::User(id) => self.is_user_id_seen(id).await,
            Scope::Card(id) => self.is_card_seen(id).await,
        }
    }

    /// Where the account is not known, nobody's card was asked for.
    async fn is_authorization_seen(&self, found: &Authorization) -> Result<bool, StoreError> {
        match found.account {
            Some(account) => self.is_account_seen(account).await,
            None => Ok(self.reach == Reach::Program),
        }
    }
}

/// The object, if it is seen.
macro_rules! seen {
    ($found:expr, $object:ident => $seen:expr) => {{
        let Some($object) = $found else { return Ok(None) };
        Ok(if $seen { Some($object) } else { None })
    }};
}

/// Writes, unless what is written is out of reach.
macro_rules! within {
    ($seen:expr, $write:expr) => {{
        if !$seen {
            return Err(out_of_reach());
        }
        $write.await
    }};
}

type Stamps<'a> = StoreFuture<'a, Vec<PolicyStamp>>;

impl ResourceStore for BoundStore {
    fn insert_company(&self, company: Company, account: Account) -> Stamps<'_> {
        Box::pin(async move {
            self.name(&company.id);
            let seen = self.reach == Reach::Program;
            within!(seen, self.resources.insert_company(company, account))
        })
    }

    fn company(&self, id: CompanyId) -> StoreFuture<'_, Option<Company>> {
        Box::pin(async move {
            let seen = self.reach.covers(Some(id));
            if seen { self.resources.company(id).await } else { Ok(None) }
        })
    }

    fn update_company(&self, company: Company) -> Stamps<'_> {
        Box::pin(async move {
            self.name(&company.id);
            let seen = self.reach.covers(Some(company.id));
            within!(seen, self.resources.update_company(company))
        })
    }

    fn insert_user(&self, user: User) -> Stamps<'_> {
        Box::pin(async move {
            self.name(&user.id);
            within!(self.reach.covers(user.company), self.resources.insert_user(user))
        })
    }

    fn user_record(&self, id: UserId) -> StoreFuture<'_, Option<User>> {
        Box::pin(async move {
            let found = self.resources.user_record(id).await?;
            seen!(found, user => self.reach.covers(user.company))
        })
    }

    fn update_user(&self, user: User) -> Stamps<'_> {
        Box::pin(async move {
            self.name(&user.id);
            within!(self.reach.covers(user.company), self.resources.update_user(user))
        })
    }

    fn insert_card(&self, card: Card) -> Stamps<'_> {
        Box::pin(async move {
            self.name(&card.id);
            let seen = self.is_account_seen(card.account).await?;
            within!(
                seen && self.is_user_id_seen(card.user).await?,
                self.resources.insert_card(card)
            )
        })
    }

    fn card_record(&self, id: CardId) -> StoreFuture<'_, Option<Card>> {
        Box::pin(async move {
            let found = self.resources.card_record(id).await?;
            seen!(found, card => self.is_account_seen(card.account).await?)
        })
    }

    fn card_view(&self, id: CardId) -> StoreFuture<'_, Option<Card>> {
        Box::pin(async move {
            let found = self.resources.card_view(id).await?;
            seen!(found, card => self.is_account_seen(card.account).await?)
        })
    }

    fn update_card(&self, card: Card) -> Stamps<'_> {
        Box::pin(async move {
            self.name(&card.id);
            within!(self.is_account_seen(card.account).await?, self.resources.update_card(card))
        })
    }

    /// Whole programs are loaded, not companies' parts of them.
    fn insert_users(&self, users: Vec<User>) -> Stamps<'_> {
        Box::pin(async move {
            within!(self.reach == Reach::Program, self.resources.insert_users(users))
        })
    }

    fn insert_cards(&self, cards: Vec<Card>) -> Stamps<'_> {
        Box::pin(async move {
            within!(self.reach == Reach::Program, self.resources.insert_cards(cards))
        })
    }

    fn insert_limits(&self, limits: Vec<Limit>) -> Stamps<'_> {
        Box::pin(async move {
            within!(self.reach == Reach::Program, self.resources.insert_limits(limits))
        })
    }

    fn insert_kyc(&self, record: KycRecord) -> Stamps<'_> {
        Box::pin(async move {
            self.name(&record.id);
            within!(self.reach == Reach::Program, self.resources.insert_kyc(record))
        })
    }

    fn kyc(&self, id: KycId) -> StoreFuture<'_, Option<KycRecord>> {
        Box::pin(async move {
            let seen = self.reach == Reach::Program;
            if seen { self.resources.kyc(id).await } else { Ok(None) }
        })
    }

    fn decide_kyc(&self, record: KycRecord, grant: Option<KycGrant>) -> Stamps<'_> {
        Box::pin(async move {
            self.name(&record.id);
            within!(self.reach == Reach::Program, self.resources.decide_kyc(record, grant))
        })
    }

    fn insert_wallet(&self, wallet: Wallet, account: Account) -> Stamps<'_> {
        Box::pin(async move {
            self.name(&wallet.account);
            let seen = self.reach == Reach::Program;
            within!(seen, self.resources.insert_wallet(wallet, account))
        })
    }

    fn wallet(&self, account: AccountId) -> StoreFuture<'_, Option<Wallet>> {
        Box::pin(async move {
            let seen = self.reach == Reach::Program;
            if seen { self.resources.wallet(account).await } else { Ok(None) }
        })
    }

    fn wallets_of(&self, user: UserId) -> StoreFuture<'_, Vec<Wallet>> {
        Box::pin(async move {
            let seen = self.reach == Reach::Program;
            if seen { self.resources.wallets_of(user).await } else { Ok(Vec::new()) }
        })
    }

    fn update_wallet(&self, wallet: Wallet) -> Stamps<'_> {
        Box::pin(async move {
            self.name(&wallet.account);
            within!(self.reach == Reach::Program, self.resources.update_wallet(wallet))
        })
    }

    fn account(&self, id: AccountId) -> StoreFuture<'_, Option<Account>> {
        Box::pin(async move {
            let seen = self.is_account_seen(id).await?;
            if seen { self.resources.account(id).await } else { Ok(None) }
        })
    }

    fn insert_limit(&self, limit: Limit) -> Stamps<'_> {
        Box::pin(async move {
            self.name(&limit.id);
            within!(self.is_scope_seen(limit.scope).await?, self.resources.insert_limit(limit))
        })
    }

    fn limit(&self, id: LimitId) -> StoreFuture<'_, Option<Limit>> {
        Box::pin(async move {
            let found = self.resources.limit(id).await?;
            seen!(found, limit => self.is_scope_seen(limit.scope).await?)
        })
    }

    fn update_limit(&self, limit: Limit) -> Stamps<'_> {
        Box::pin(async move {
            self.name(&limit.id);
            within!(self.is_scope_seen(limit.scope).await?, self.resources.update_limit(limit))
        })
    }

    fn delete_limit(&self, id: LimitId) -> StoreFuture<'_, Option<Vec<PolicyStamp>>> {
        Box::pin(async move {
            if self.limit(id).await?.is_none() {
                return Ok(None);
            }
            self.name(&id);
            self.resources.delete_limit(id).await
        })
    }

    fn insert_control(&self, control: Control) -> Stamps<'_> {
        Box::pin(async move {
            self.name(&control.id);
            within!(
                self.is_scope_seen(control.scope).await?,
                self.resources.insert_control(control)
            )
        })
    }

    fn control(&self, id: ControlId) -> StoreFuture<'_, Option<Control>> {
        Box::pin(async move {
            let found = self.resources.control(id).await?;
            seen!(found, control => self.is_scope_seen(control.scope).await?)
        })
    }

    /// Whoever may not see it can not change it either, by whatever scope.
    fn update_control(&self, control: Control) -> Stamps<'_> {
        Box::pin(async move {
            self.name(&control.id);
            let is_seen = self.is_scope_seen(control.scope).await?
                && self.control(control.id).await?.is_some();
            within!(is_seen, self.resources.update_control(control))
        })
    }

    fn delete_control(&self, id: ControlId) -> StoreFuture<'_, Option<Vec<PolicyStamp>>> {
        Box::pin(async move {
            if self.control(id).await?.is_none() {
                return Ok(None);
            }
            self.name(&id);
            self.resources.delete_control(id).await
        })
    }
}

impl FactsStore for BoundStore {
    fn user<'a>(&'a self, reference: &'a Token) -> StoreFuture<'a, Option<Arc<UserFacts>>> {
        Box::pin(async move {
            let found = self.facts.user(reference).await?;
            seen!(found, user => self.is_user_seen(&user))
        })
    }

    fn card<'a>(&'a self, reference: &'a Token) -> StoreFuture<'a, Option<Arc<CardFacts>>> {
        Box::pin(async move {
            let found = self.facts.card(reference).await?;
            seen!(found, card => self.is_user_seen(&card.owner))
        })
    }

    /// Whoever has the card's facts has seen the card.
    fn limits<'a>(&'a self, card: &'a CardFacts) -> StoreFuture<'a, Arc<LimitFacts>> {
        self.facts.limits(card)
    }

    fn outdated(&self, facts: &Facts) {
        self.facts.outdated(facts);
    }
}

impl History for BoundStore {
    fn authorization(&self, id: AuthorizationId) -> StoreFuture<'_, Option<Authorization>> {
        Box::pin(async move {
            let found = self.history.authorization(id).await?;
            seen!(found, found => self.is_authorization_seen(&found).await?)
        })
    }

    fn known<'a>(&'a self, ids: &'a [AuthorizationId]) -> StoreFuture<'a, Vec<AuthorizationId>> {
        Box::pin(async move {
            let mut seen = Vec::new();
            for id in self.history.known(ids).await? {
                if self.reach == Reach::Program || self.authorization(id).await?.is_some() {
                    seen.push(id);
                }
            }
            Ok(seen)
        })
    }

    fn chain(&self, id: AuthorizationId) -> StoreFuture<'_, Option<Chain>> {
        Box::pin(async move {
            let found = self.history.chain(id).await?;
            seen!(found, chain => self.is_account_seen(chain.account).await?)
        })
    }

    fn postings(&self, source: AuthorizationId) -> StoreFuture<'_, Vec<Posting>> {
        Box::pin(async move {
            let seen = self.reach == Reach::Program || self.chain(source).await?.is_some();
            if seen { self.history.postings(source).await } else { Ok(Vec::new()) }
        })
    }

    fn taken_on<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Vec<AccountId>> {
        self.history.taken_on(key) // the key names its caller; whose the accounts are is not shown
    }

    fn decided_under<'a>(
        &'a self,
        tokens: &'a [Token],
    ) -> StoreFuture<'a, Vec<(Token, AuthorizationId)>> {
        Box::pin(async move {
            let mut seen = Vec::new();
            for found in self.history.decided_under(tokens).await? {
                if self.reach == Reach::Program || self.authorization(found.1).await?.is_some() {
                    seen.push(found);
                }
            }
            Ok(seen)
        })
    }

    fn linked<'a>(&'a self, names: &'a [Link]) -> StoreFuture<'a, Vec<(Link, AuthorizationId)>> {
        Box::pin(async move {
            let mut seen = Vec::new();
            for found in self.history.linked(names).await? {
                let is_seen = self.reach == Reach::Program
                    || self.chain(found.1).await?.is_some()
                    || self.authorization(found.1).await?.is_some();
                if is_seen {
                    seen.push(found);
                }
            }
            Ok(seen)
        })
    }
}
