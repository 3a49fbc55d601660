//! Users of either home: create, read, change; and people, to be forgotten.

use super::Service;
use super::error::{Error, allowed, at_version};
use super::suspensions::Asked;
use crate::domain::id::{Home, UserId};
use crate::domain::party::{CompanyStatus, Setter, User, UserStatus};
use crate::domain::token::Token;
use crate::store::StoreError;
use crate::wire::v1::user::{NewUser, UserChange};

/// How often an erasure begins again because somebody else changes the same user.
const ERASE_TRIES: u32 = 5;

impl Service {
    /// Creates a user: of the company that is named, or a personal one.
    pub async fn create_user(&self, new: NewUser) -> Result<User, Error> {
        if let Some(company) = new.company {
            let company = self.resources.company(company).await?;
            let company = company.ok_or(Error::NotFound(Some("/company_id")))?;
            allowed(company.status != CompanyStatus::Closed)?;
        }
        let user = User {
            id: UserId::new(self.clock.uuid()),
            company: new.company,
            marqeta_token: new.marqeta_token,
            first_name: new.first_name,
            last_name: new.last_name,
            email: new.email,
            role: new.role,
            status: new.status,
            version: 1,
            created_at: self.clock.now(),
            status_set_at: None,
            status_set_by: Some(Setter::of(self.reach)),
        };
        self.resources.insert_user(user.clone()).await?;
        Ok(user)
    }

    /// One user of a home, by our id or the platform's token.
    pub async fn user(&self, home: Home, reference: &Token) -> Result<User, Error> {
        self.user_of(home, reference).await
    }

    /// Changes a user that is still at the version the caller has seen.
    pub async fn change_user(
        &self,
        home: Home,
        reference: &Token,
        seen: i64,
        change: UserChange,
    ) -> Result<User, Error> {
        let found = self.user_of(home, reference).await?;
        let user = at_version(Some(found), |user| user.version, seen)?;
        let status = change.status.unwrap_or(user.status);
        // Who is closed for good may have been erased: no name comes back.
        let is_gone = user.status == UserStatus::Closed && home == Home::Personal;
        allowed(user.status.may_become(status) && !is_gone)?;
        let moves_token =
            change.marqeta_token.as_ref().is_some_and(|token| *token != user.marqeta_token);
        self.may_ask(user.status, user.status_set_by, &Asked { status, moves_token })?;
        let changed = User {
            marqeta_token: change.marqeta_token.unwrap_or(user.marqeta_token),
            first_name: change.first_name.unwrap_or(user.first_name),
            last_name: change.last_name.unwrap_or(user.last_name),
            email: change.email.unwrap_or(user.email),
            role: change.role.unwrap_or(user.role),
            status,
            status_set_at: self.set_at(change.status, user.status, user.status_set_at),
            status_set_by: self.setter(change.status, user.status, user.status_set_by),
            version: user.version.saturating_add(1),
            ..user
        };
        self.resources.update_user(changed.clone()).await?;
        Ok(changed)
    }

    /// Forgets a person: the personal fields are gone, and what was submitted for KYC, and the user is
    /// closed for good. Ids, tokens, cards and every record of money stay. May be repeated.
    pub async fn erase_user(&self, reference: &Token) -> Result<User, Error> {
        let erased = self.erase_fields(reference).await?;
        self.erase_kyc(erased.id).await?;
        Ok(erased)
    }

    async fn erase_fields(&self, reference: &Token) -> Result<User, Error> {
        for _ in 0..ERASE_TRIES {
            let user = self.user_of(Home::Personal, reference).await?;
            let erased = User {
                first_name: None,
                last_name: None,
                email: None,
                role: None,
                status: UserStatus::Closed,
                version: user.version.saturating_add(1),
                ..user.clone()
            };
            if (User { version: user.version, ..erased.clone() }) == user {
                return Ok(user);
            }
            allowed(user.status.may_become(UserStatus::Closed))?;
            match self.resources.update_user(erased.clone()).await {
                Ok(_) => {
                    tracing::info!(user.id = %erased.id, "erased the personal fields of a user");
                    return Ok(erased);
                }
                // Someone has changed the user meanwhile: what they wrote goes, too.
                Err(StoreError::Stale) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Error::Unavailable)
    }
}
