//! Companies: create, read, change.

use super::Service;
use super::error::{Error, allowed, at_version};
use crate::domain::access::Reach;
use crate::domain::id::{AccountId, CompanyId, Home};
use crate::domain::party::{Account, Company, CompanyStatus};
use crate::wire::v1::company::{CompanyChange, NewCompany};

impl Service {
    /// Creates a company and the account that its cards draw on.
    pub async fn create_company(&self, new: NewCompany) -> Result<Company, Error> {
        let mut account =
            Account::empty(AccountId::new(Home::Business, self.clock.uuid()), new.currency);
        account.limit = new.credit_limit;
        let company = Company {
            id: CompanyId::new(self.clock.uuid()),
            marqeta_token: new.marqeta_token,
            name: new.name,
            status: CompanyStatus::Active,
            currency: new.currency,
            zone: new.zone,
            account: account.id,
            version: 1,
            created_at: self.clock.now(),
            status_set_at: None,
        };
        self.resources.insert_company(company.clone(), account).await?;
        Ok(company)
    }

    /// One company.
    pub async fn company(&self, id: CompanyId) -> Result<Company, Error> {
        self.resources.company(id).await?.ok_or(Error::NotFound(None))
    }

    /// Changes a company that is still at the version the caller has seen.
    pub async fn change_company(
        &self,
        id: CompanyId,
        seen: i64,
        change: CompanyChange,
    ) -> Result<Company, Error> {
        let found = self.resources.company(id).await?;
        let company = at_version(found, |company| company.version, seen)?;
        let status = change.status.unwrap_or(company.status);
        // The program suspends a company. One that could end that itself would not be suspended.
        if status != company.status && self.reach != Reach::Program {
            return Err(Error::Forbidden);
        }
        allowed(company.status.may_become(status))?;
        let changed = Company {
            name: change.name.unwrap_or(company.name),
            status,
            status_set_at: self.set_at(change.status, company.status, company.status_set_at),
            zone: change.zone.unwrap_or(company.zone),
            marqeta_token: change.marqeta_token.unwrap_or(company.marqeta_token),
            version: company.version.saturating_add(1),
            ..company
        };
        self.resources.update_company(changed.clone()).await?;
        Ok(changed)
    }
}
