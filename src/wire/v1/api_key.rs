//! Keys: issued, listed, answered. The secret is in one answer only, the one that issues it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::field::{Field, Invalid, Read};
use super::{read, terms, text};
use crate::domain::access::{Reach, Scope, Scopes};
use crate::domain::api_key;
use crate::domain::id::{ApiKeyId, CompanyId};
use crate::domain::time::Timestamp;

/// Keys of a page where the caller does not say, and at most.
const LIMIT: u32 = 50;
const LIMIT_MAX: u32 = 200;

/// The body that issues a key.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CreateApiKey {
    /// What it is for.
    #[schema(value_type = terms::Line, required)]
    name: Field,
    /// What its holder may do.
    #[schema(value_type = Vec<terms::KeyScope>, required, min_items = 1, max_items = 256)]
    scopes: Field,
    /// The company that it is bound to; as far as its issuer sees where it is absent.
    #[schema(value_type = Option<terms::CompanyId>)]
    company_id: Field,
    /// From when on it is no longer valid.
    #[schema(value_type = Option<terms::EndTime>)]
    expires_at: Field,
}

/// A key to issue.
pub struct NewApiKey {
    /// What it is for.
    pub name: Arc<str>,
    /// What its holder may do.
    pub scopes: Scopes,
    /// The company that it is bound to; `None`: as far as its issuer sees.
    pub company: Option<CompanyId>,
    /// From when on it is no longer valid.
    pub expires_at: Option<Timestamp>,
}

impl CreateApiKey {
    /// Reads the fields.
    pub fn parse(&self) -> Read<NewApiKey> {
        Ok(NewApiKey {
            name: self.name.required("name", text::name)?,
            scopes: self.scopes.required("scopes", scopes)?,
            company: self.company_id.optional("company_id", text::id)?,
            expires_at: self.expires_at.optional("expires_at", text::timestamp)?,
        })
    }
}

fn scopes(raw: &RawValue) -> Read<Scopes> {
    const DETAIL: &str = "scopes are one or more of processor, admin, operator, read, simulate";
    let scope = text::word("invalid_value", DETAIL, Scope::parse);
    let scopes: Scopes = read::list(raw, scope)?.into_iter().collect();
    if scopes.is_empty() { Err(Invalid::new("invalid_value", DETAIL)) } else { Ok(scopes) }
}

/// A page of keys to list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApiKeyList {
    /// Issued before this one.
    pub cursor: Option<ApiKeyId>,
    /// Keys of the page.
    pub limit: u32,
}

impl ApiKeyList {
    /// Reads the parameters of a query; each may be given once.
    pub fn parse(pairs: &[(String, String)]) -> Read<Self> {
        let (cursor, limit) = super::page::parse(pairs, LIMIT, LIMIT_MAX)?;
        Ok(Self { cursor, limit })
    }
}

/// A key, as answered.
#[derive(Serialize, ToSchema)]
pub struct ApiKey {
    #[schema(value_type = terms::ApiKeyId)]
    id: ApiKeyId,
    /// How it begins: what it is known by.
    prefix: String,
    #[schema(value_type = terms::Line)]
    name: Arc<str>,
    #[schema(value_type = Vec<terms::KeyScope>)]
    scopes: Scopes,
    #[schema(value_type = Option<terms::CompanyId>, required)]
    company_id: Option<CompanyId>,
    /// Who issued it.
    #[schema(value_type = String)]
    created_by: Arc<str>,
    #[schema(value_type = terms::Timestamp)]
    created_at: String,
    #[schema(value_type = Option<terms::Timestamp>, required)]
    expires_at: Option<String>,
    #[schema(value_type = Option<terms::Timestamp>, required)]
    revoked_at: Option<String>,
    /// To the minute or so.
    #[schema(value_type = Option<terms::Timestamp>, required)]
    last_used_at: Option<String>,
}

impl From<api_key::ApiKey> for ApiKey {
    fn from(key: api_key::ApiKey) -> Self {
        let text = |at: Option<Timestamp>| at.map(|at| at.to_string());
        Self {
            id: key.id,
            prefix: format!("{}{}", api_key::LEAD, key.prefix),
            name: key.name,
            scopes: key.scopes,
            company_id: match key.reach {
                Reach::Program => None,
                Reach::Company(id) => Some(id),
            },
            created_by: key.created_by,
            created_at: key.created_at.to_string(),
            expires_at: text(key.expires_at),
            revoked_at: text(key.revoked_at),
            last_used_at: text(key.last_used_at),
        }
    }
}

/// A new key, the only time that it is shown.
#[derive(Serialize, ToSchema)]
pub struct IssuedApiKey {
    /// The whole key.
    pub key: String,
    /// What is known of it ever after.
    #[serde(flatten)]
    pub known: ApiKey,
}

/// A page of keys.
#[derive(Serialize, ToSchema)]
pub struct ApiKeyPage {
    /// The keys, latest first.
    pub items: Vec<ApiKey>,
    /// Where the next page begins; `None`: this was the last.
    #[schema(value_type = Option<terms::ApiKeyId>, required)]
    pub next: Option<ApiKeyId>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(json: &str) -> (&'static str, String) {
        let body: CreateApiKey = serde_json::from_str(json).unwrap();
        body.parse().map(|_| ("ok", String::new())).unwrap_or_else(|f| (f.code, f.pointer))
    }

    #[test]
    fn a_key_needs_a_name_and_scopes() {
        for (json, code, pointer) in [
            (r#"{"name":"till","scopes":["read","admin"]}"#, "ok", ""),
            (r#"{"scopes":["read"]}"#, "missing_field", "/name"),
            (r#"{"name":"till"}"#, "missing_field", "/scopes"),
            (r#"{"name":"till","scopes":[]}"#, "invalid_value", "/scopes"),
            (r#"{"name":"till","scopes":"read"}"#, "invalid_type", "/scopes"),
            (r#"{"name":"till","scopes":["root"]}"#, "invalid_value", "/scopes/0"),
            (r#"{"name":"till","scopes":["read"],"company_id":"x"}"#, "invalid_id", "/company_id"),
            (
                r#"{"name":"till","scopes":["read"],"expires_at":"soon"}"#,
                "invalid_timestamp",
                "/expires_at",
            ),
        ] {
            assert_eq!(fault(json), (code, pointer.to_owned()), "{json}");
        }
    }
}
