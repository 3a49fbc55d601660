//! Resolves what callers name: companies, users and cards by our id or the platform's token.

use super::Service;
use super::error::Error;
use crate::domain::access::Reach;
use crate::domain::id::{CardId, CompanyId, Home, UserId};
use crate::domain::party::{Card, Company, User};
use crate::domain::policy::Scope;
use crate::domain::token::Token;
use crate::store::lists::{CompanyQuery, Page};
use crate::wire::v1::limit::ScopeRef;

impl Service {
    /// The company. Read past the cache, which knows companies by their cards alone.
    pub(super) async fn find_company(&self, reference: &Token) -> Result<Option<Company>, Error> {
        if let Ok(id) = reference.as_str().parse() {
            return Ok(self.resources.company(id).await?);
        }
        let query = CompanyQuery {
            company: None,
            status: None,
            token: Some(reference.clone()),
            page: Page { before: None, rows_max: 1 },
        };
        Ok(self.lists.companies(query).await?.into_iter().next())
    }

    /// The user, in either home.
    pub(super) async fn find_user(&self, reference: &Token) -> Result<Option<User>, Error> {
        let id = match reference.as_str().parse::<UserId>() {
            Ok(id) => Some(id),
            Err(_) => self.facts.user(reference).await?.map(|facts| facts.id),
        };
        match id {
            Some(id) => Ok(self.resources.user_record(id).await?),
            None => Ok(None),
        }
    }

    /// The user, if it belongs to `home`: the other home's objects do not exist here.
    pub(super) async fn user_of(&self, home: Home, reference: &Token) -> Result<User, Error> {
        let user = self.find_user(reference).await?;
        user.filter(|user| user.home() == home).ok_or(Error::NotFound(None))
    }

    /// The card, in either home.
    pub(super) async fn find_card(&self, reference: &Token) -> Result<Option<Card>, Error> {
        match self.card_id(reference).await? {
            Some(id) => Ok(self.resources.card_record(id).await?),
            None => Ok(None),
        }
    }

    async fn card_id(&self, reference: &Token) -> Result<Option<CardId>, Error> {
        match reference.as_str().parse() {
            Ok(id) => Ok(Some(id)),
            Err(_) => Ok(self.facts.card(reference).await?.map(|facts| facts.id)),
        }
    }

    /// The same, for those who only look at it.
    pub(super) async fn card_seen(&self, home: Home, reference: &Token) -> Result<Card, Error> {
        let found = match self.card_id(reference).await? {
            Some(id) => self.resources.card_view(id).await?,
            None => None,
        };
        found.filter(|card| card.account.home() == home).ok_or(Error::NotFound(None))
    }

    /// The card, if it draws on an account of `home`.
    pub(super) async fn card_of(&self, home: Home, reference: &Token) -> Result<Card, Error> {
        let card = self.find_card(reference).await?;
        card.filter(|card| card.account.home() == home).ok_or(Error::NotFound(None))
    }

    /// Whom a limit or control is to bind; what it names must exist.
    pub(super) async fn scope(&self, scope: ScopeRef) -> Result<Scope, Error> {
        const POINTER: Error = Error::NotFound(Some("/scope_id"));
        match scope {
            ScopeRef::Program if self.reach != Reach::Program => Err(Error::Forbidden),
            ScopeRef::Program => Ok(Scope::Program),
            ScopeRef::Company(id) => self.company_scope(id).await,
            ScopeRef::User(token) => {
                Ok(Scope::User(self.find_user(&token).await?.ok_or(POINTER)?.id))
            }
            ScopeRef::Card(token) => {
                Ok(Scope::Card(self.find_card(&token).await?.ok_or(POINTER)?.id))
            }
        }
    }

    async fn company_scope(&self, id: CompanyId) -> Result<Scope, Error> {
        let company = self.resources.company(id).await?;
        let company = company.ok_or(Error::NotFound(Some("/scope_id")))?;
        Ok(Scope::Company(company.id))
    }
}
