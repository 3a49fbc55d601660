//! Companies: created, changed, answered.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::field::{Field, Read};
use super::{read, terms, text};
use crate::domain::id::{AccountId, CompanyId};
use crate::domain::money::Currency;
use crate::domain::party::{self, CompanyStatus};
use crate::domain::time::Zone;
use crate::domain::token::Token;

/// The body that creates a company.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CreateCompany {
    #[schema(value_type = terms::Line, required)]
    name: Field,
    /// The currency of its account.
    #[schema(value_type = terms::Currency, required)]
    currency: Field,
    /// Where its days begin; UTC where it is absent.
    #[schema(value_type = Option<terms::TimeZone>)]
    time_zone: Field,
    /// 0 where it is absent.
    #[schema(value_type = Option<terms::Credit>)]
    credit_limit: Field,
    #[schema(value_type = Option<terms::PlatformToken>)]
    marqeta_token: Field,
}

/// A company to create.
pub struct NewCompany {
    /// What it is called.
    pub name: Arc<str>,
    /// The currency of its account.
    pub currency: Currency,
    /// Where its calendar windows begin.
    pub zone: Zone,
    /// Credit granted, in minor units.
    pub credit_limit: i64,
    /// The platform's token for it.
    pub marqeta_token: Option<Token>,
}

impl CreateCompany {
    /// Reads the fields.
    pub fn parse(&self) -> Read<NewCompany> {
        Ok(NewCompany {
            name: self.name.required("name", text::name)?,
            currency: self.currency.required("currency", text::currency)?,
            zone: self.time_zone.optional("time_zone", text::zone)?.unwrap_or_else(Zone::utc),
            credit_limit: self.credit_limit.optional("credit_limit", read::credit)?.unwrap_or(0),
            marqeta_token: self.marqeta_token.optional("marqeta_token", text::platform_token)?,
        })
    }
}

/// The body that changes a company.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PatchCompany {
    #[schema(value_type = terms::Line)]
    name: Field,
    #[schema(value_type = terms::CompanyStatus)]
    status: Field,
    #[schema(value_type = terms::TimeZone)]
    time_zone: Field,
    #[schema(value_type = Option<terms::PlatformToken>)]
    marqeta_token: Field,
}

/// What is to change about a company; `None` stays as it is.
pub struct CompanyChange {
    /// The new name.
    pub name: Option<Arc<str>>,
    /// The new status.
    pub status: Option<CompanyStatus>,
    /// The new time zone.
    pub zone: Option<Zone>,
    /// The new token; `Some(None)` takes it away.
    pub marqeta_token: Option<Option<Token>>,
}

impl PatchCompany {
    /// Reads the fields.
    pub fn parse(&self) -> Read<CompanyChange> {
        const STATUSES: &str = "a company is ACTIVE, SUSPENDED or CLOSED";
        let status = text::word("invalid_status", STATUSES, CompanyStatus::parse);
        Ok(CompanyChange {
            name: self.name.change("name", text::name)?,
            status: self.status.change("status", status)?,
            zone: self.time_zone.change("time_zone", text::zone)?,
            marqeta_token: self.marqeta_token.clearable("marqeta_token", text::platform_token)?,
        })
    }
}

/// A company, as answered.
#[derive(Serialize, ToSchema)]
pub struct Company {
    #[schema(value_type = terms::CompanyId)]
    id: CompanyId,
    #[schema(value_type = terms::Version)]
    version: i64,
    #[schema(value_type = terms::Timestamp)]
    created_at: String,
    #[schema(value_type = terms::Line)]
    name: Arc<str>,
    #[schema(value_type = terms::CompanyStatus)]
    status: CompanyStatus,
    #[schema(value_type = terms::Currency)]
    currency: Currency,
    #[schema(value_type = terms::TimeZone)]
    time_zone: Zone,
    #[schema(value_type = terms::AccountId)]
    account_id: AccountId,
    #[schema(value_type = Option<terms::PlatformToken>, required)]
    marqeta_token: Option<Token>,
}

impl From<party::Company> for Company {
    fn from(company: party::Company) -> Self {
        Self {
            id: company.id,
            version: company.version,
            created_at: company.created_at.to_string(),
            name: company.name,
            status: company.status,
            currency: company.currency,
            time_zone: company.zone,
            account_id: company.account,
            marqeta_token: company.marqeta_token,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(json: &str) -> (&'static str, String) {
        let body: CreateCompany = serde_json::from_str(json).unwrap();
        body.parse().map(|_| ("ok", String::new())).unwrap_or_else(|f| (f.code, f.pointer))
    }

    #[test]
    fn a_company_needs_a_name_and_a_currency() {
        for (json, code, pointer) in [
            (r#"{"name":"Wren","currency":"EUR"}"#, "ok", ""),
            (r#"{"currency":"EUR"}"#, "missing_field", "/name"),
            (r#"{"name":"Wren"}"#, "missing_field", "/currency"),
            (r#"{"name":7,"currency":"EUR"}"#, "invalid_type", "/name"),
            (
                r#"{"name":"W","currency":"EUR","credit_limit":-1}"#,
                "invalid_limit",
                "/credit_limit",
            ),
            (r#"{"name":"W","currency":"EUR","credit_limit":null}"#, "ok", ""),
        ] {
            assert_eq!(fault(json), (code, pointer.to_owned()), "{json}");
        }
    }
}
