//! Users, business and personal: created, changed, answered.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::field::{Field, Read};
use super::{terms, text};
use crate::domain::id::{CompanyId, UserId};
use crate::domain::party::{self, UserStatus};
use crate::domain::token::Token;

/// The body that creates a user of a company.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CreateUser {
    #[schema(value_type = terms::CompanyId, required)]
    company_id: Field,
    #[schema(value_type = Option<terms::PlatformToken>)]
    marqeta_token: Field,
    #[schema(value_type = Option<terms::Line>)]
    first_name: Field,
    #[schema(value_type = Option<terms::Line>)]
    last_name: Field,
    #[schema(value_type = Option<terms::Email>)]
    email: Field,
    /// What the person does in the company.
    #[schema(value_type = Option<terms::Line>)]
    role: Field,
    /// ACTIVE where it is absent.
    #[schema(value_type = Option<terms::UserStatus>)]
    status: Field,
}

/// The body that creates a personal user.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CreatePersonalUser {
    #[schema(value_type = Option<terms::PlatformToken>)]
    marqeta_token: Field,
    #[schema(value_type = Option<terms::Line>)]
    first_name: Field,
    #[schema(value_type = Option<terms::Line>)]
    last_name: Field,
    #[schema(value_type = Option<terms::Email>)]
    email: Field,
    /// What the person is to the program.
    #[schema(value_type = Option<terms::Line>)]
    role: Field,
    /// ACTIVE where it is absent.
    #[schema(value_type = Option<terms::UserStatus>)]
    status: Field,
}

/// A user to create.
pub struct NewUser {
    /// The company; `None` for a personal user.
    pub company: Option<CompanyId>,
    /// The platform's token.
    pub marqeta_token: Option<Token>,
    /// Personal data.
    pub first_name: Option<Arc<str>>,
    /// Personal data.
    pub last_name: Option<Arc<str>>,
    /// Personal data.
    pub email: Option<Arc<str>>,
    /// What the person does in the company, or is to the program.
    pub role: Option<Arc<str>>,
    /// Whether the person may spend.
    pub status: UserStatus,
}

impl CreateUser {
    /// Whether it says whose user it is; if not, it is a person on their own.
    pub fn names_company(&self) -> bool {
        self.company_id.is_given()
    }

    /// Reads the fields.
    pub fn parse(&self) -> Read<NewUser> {
        Ok(NewUser {
            company: Some(self.company_id.required("company_id", text::id)?),
            marqeta_token: self.marqeta_token.optional("marqeta_token", text::platform_token)?,
            first_name: self.first_name.optional("first_name", text::name)?,
            last_name: self.last_name.optional("last_name", text::name)?,
            email: self.email.optional("email", text::email)?,
            role: self.role.optional("role", text::name)?,
            status: self.status.optional("status", status)?.unwrap_or(UserStatus::Active),
        })
    }
}

impl CreatePersonalUser {
    /// Reads the fields.
    pub fn parse(&self) -> Read<NewUser> {
        Ok(NewUser {
            company: None,
            marqeta_token: self.marqeta_token.optional("marqeta_token", text::platform_token)?,
            first_name: self.first_name.optional("first_name", text::name)?,
            last_name: self.last_name.optional("last_name", text::name)?,
            email: self.email.optional("email", text::email)?,
            role: self.role.optional("role", text::name)?,
            status: self.status.optional("status", status)?.unwrap_or(UserStatus::Active),
        })
    }
}

/// The body that changes a user.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PatchUser {
    #[schema(value_type = Option<terms::PlatformToken>)]
    marqeta_token: Field,
    #[schema(value_type = Option<terms::Line>)]
    first_name: Field,
    #[schema(value_type = Option<terms::Line>)]
    last_name: Field,
    #[schema(value_type = Option<terms::Email>)]
    email: Field,
    #[schema(value_type = Option<terms::Line>)]
    role: Field,
    #[schema(value_type = terms::UserStatus)]
    status: Field,
}

/// What is to change about a user; `None` stays as it is, `Some(None)` is taken away.
pub struct UserChange {
    /// The new token.
    pub marqeta_token: Option<Option<Token>>,
    /// The new first name.
    pub first_name: Option<Option<Arc<str>>>,
    /// The new last name.
    pub last_name: Option<Option<Arc<str>>>,
    /// The new mail address.
    pub email: Option<Option<Arc<str>>>,
    /// The new role.
    pub role: Option<Option<Arc<str>>>,
    /// The new status.
    pub status: Option<UserStatus>,
}

impl PatchUser {
    /// Reads the fields.
    pub fn parse(&self) -> Read<UserChange> {
        Ok(UserChange {
            marqeta_token: self.marqeta_token.clearable("marqeta_token", text::platform_token)?,
            first_name: self.first_name.clearable("first_name", text::name)?,
            last_name: self.last_name.clearable("last_name", text::name)?,
            email: self.email.clearable("email", text::email)?,
            role: self.role.clearable("role", text::name)?,
            status: self.status.change("status", status)?,
        })
    }
}

fn status(raw: &RawValue) -> Read<UserStatus> {
    const STATUSES: &str = "a user is UNVERIFIED, LIMITED, ACTIVE, SUSPENDED or CLOSED";
    text::word("invalid_status", STATUSES, UserStatus::parse)(raw)
}

/// A user, as answered.
#[derive(Serialize, ToSchema)]
pub struct User {
    #[schema(value_type = terms::UserId)]
    id: UserId,
    #[schema(value_type = terms::Version)]
    version: i64,
    #[schema(value_type = terms::Timestamp)]
    created_at: String,
    /// Absent for a personal user.
    #[schema(value_type = Option<terms::CompanyId>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    company_id: Option<CompanyId>,
    #[schema(value_type = Option<terms::PlatformToken>, required)]
    marqeta_token: Option<Token>,
    #[schema(value_type = Option<terms::Line>, required)]
    first_name: Option<Arc<str>>,
    #[schema(value_type = Option<terms::Line>, required)]
    last_name: Option<Arc<str>>,
    #[schema(value_type = Option<terms::Email>, required)]
    email: Option<Arc<str>>,
    #[schema(value_type = Option<terms::Line>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<Arc<str>>,
    #[schema(value_type = terms::UserStatus)]
    status: UserStatus,
}

impl From<party::User> for User {
    fn from(user: party::User) -> Self {
        Self {
            id: user.id,
            version: user.version,
            created_at: user.created_at.to_string(),
            company_id: user.company,
            marqeta_token: user.marqeta_token,
            first_name: user.first_name,
            last_name: user.last_name,
            email: user.email,
            role: user.role,
            status: user.status,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_null_takes_a_value_away_and_an_absent_field_leaves_it() {
        let body: PatchUser = serde_json::from_str(r#"{"email":null,"role":"buyer"}"#).unwrap();
        let change = body.parse().unwrap_or_else(|fault| panic!("{fault}"));
        assert_eq!(change.email, Some(None));
        assert_eq!(change.role, Some(Some("buyer".into())));
        assert_eq!(change.first_name, None);
    }

    #[test]
    fn a_user_of_a_company_names_it_and_a_status_is_the_platforms_word() {
        let body: CreateUser = serde_json::from_str("{}").unwrap();
        assert_eq!(body.parse().err().map(|fault| fault.pointer), Some("/company_id".to_owned()));
        let body: CreatePersonalUser = serde_json::from_str(r#"{"status":"active"}"#).unwrap();
        assert_eq!(body.parse().err().map(|fault| fault.code), Some("invalid_status"));
    }
}
