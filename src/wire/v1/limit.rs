//! Spending limits: created, changed, answered.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::field::{Field, Invalid, Read};
use super::{merchant, read, terms, text};
use crate::domain::id::{CompanyId, LimitId};
use crate::domain::money::Currency;
use crate::domain::policy::{self, LimitMode, MerchantScope, Scope};
use crate::domain::time::Window;
use crate::domain::token::Token;

/// The body that creates a limit.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CreateLimit {
    #[schema(value_type = terms::ScopeKind, required)]
    scope: Field,
    /// Whom; absent where the scope is the program.
    #[schema(value_type = Option<terms::Reference>)]
    scope_id: Field,
    #[schema(value_type = terms::Window, required)]
    window: Field,
    /// The most that may be spent. An amount, a count, or both.
    #[schema(value_type = Option<terms::AmountOrZero>)]
    amount: Field,
    /// How often cards may be used.
    #[schema(value_type = Option<terms::Count>)]
    count: Field,
    /// cap where it is absent.
    #[schema(value_type = Option<terms::LimitMode>)]
    mode: Field,
    /// Which merchants count; any where it is absent.
    #[schema(value_type = Option<MerchantSelection>)]
    merchant: Field,
    /// Binds only accounts of this currency.
    #[schema(value_type = Option<terms::Currency>)]
    currency: Field,
}

/// What the schema of [`CreateLimit`] says of several fields at once.
pub const CONDITIONS: &str = r##"[
    {"x-problem-codes":["invalid_merchant"]},
    {"anyOf":[
        {"properties":{"amount":{"type":"integer"}},"required":["amount"]},
        {"properties":{"count":{"type":"integer"}},"required":["count"]}
    ]},
    {"anyOf":[
        {"properties":{"scope":{"const":"program"},"scope_id":{"type":"null"}}},
        {"properties":{"scope":{"const":"company"},"scope_id":{"$ref":"#/components/schemas/CompanyId"}},"required":["scope_id"]},
        {"properties":{"scope":{"enum":["user","card"]},"scope_id":{"type":"string"}},"required":["scope_id"]}
    ]}
]"##;

/// Whom a limit or control is to bind, as the caller names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScopeRef {
    /// Every card.
    Program,
    /// A company.
    Company(CompanyId),
    /// A user, by our id or the platform's token.
    User(Token),
    /// A card, by our id or the platform's token.
    Card(Token),
}

impl ScopeRef {
    /// Reads `scope` and `scope_id`, which is required unless the scope is the program.
    pub fn parse(scope: &Field, scope_id: &Field) -> Read<Self> {
        let kind = scope.required("scope", text::string)?;
        match kind.as_str() {
            "program" if scope_id.optional("scope_id", text::string)?.is_some() => {
                Err(Invalid::new("invalid_scope", "the program has no id").under("scope_id"))
            }
            "program" => Ok(Self::Program),
            "company" => scope_id.required("scope_id", text::id).map(Self::Company),
            "user" => scope_id.required("scope_id", text::reference).map(Self::User),
            "card" => scope_id.required("scope_id", text::reference).map(Self::Card),
            _ => {
                const SCOPES: &str = "a scope is program, company, user or card";
                Err(Invalid::new("invalid_scope", SCOPES).under("scope"))
            }
        }
    }
}

/// A limit to create.
pub struct NewLimit {
    /// Whom it binds.
    pub scope: ScopeRef,
    /// Over what it counts.
    pub window: Window,
    /// The most that may be spent, in minor units.
    pub amount: Option<i64>,
    /// How often cards may be used.
    pub count: Option<i64>,
    /// Each card for itself, or all together.
    pub mode: LimitMode,
    /// Which merchants count.
    pub merchant: MerchantScope,
    /// Binds only accounts of this currency.
    pub currency: Option<Currency>,
}

impl CreateLimit {
    /// Reads the fields.
    pub fn parse(&self) -> Read<NewLimit> {
        let amount = self.amount.optional("amount", read::amount_or_zero)?;
        let count = self.count.optional("count", read::count)?;
        if amount.is_none() && count.is_none() {
            const DETAIL: &str = "a limit needs an amount, a count, or both";
            return Err(Invalid::new("missing_field", DETAIL).under("amount"));
        }
        Ok(NewLimit {
            scope: ScopeRef::parse(&self.scope, &self.scope_id)?,
            window: self.window.required("window", window)?,
            amount,
            count,
            mode: self.mode.optional("mode", mode)?.unwrap_or(LimitMode::Cap),
            merchant: self
                .merchant
                .optional("merchant", merchant_scope)?
                .unwrap_or(MerchantScope::Any),
            currency: self.currency.optional("currency", text::currency)?,
        })
    }
}

fn window(raw: &RawValue) -> Read<Window> {
    const WINDOWS: &str = "a window is transaction, day, week, month or lifetime";
    let all = [Window::Transaction, Window::Day, Window::Week, Window::Month, Window::Lifetime];
    let parse = |text: &str| all.into_iter().find(|window| window.as_str() == text);
    text::word("invalid_window", WINDOWS, parse)(raw)
}

fn mode(raw: &RawValue) -> Read<LimitMode> {
    let parse = |text: &str| match text {
        "cap" => Some(LimitMode::Cap),
        "pool" => Some(LimitMode::Pool),
        _ => None,
    };
    text::word("invalid_mode", "a mode is cap or pool", parse)(raw)
}

/// Which merchants a limit counts: `"any"`, or an object with exactly one of the other three.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "stands for what `merchant_scope` reads in the document")]
enum MerchantSelection {
    /// All of them.
    Any,
    /// One merchant id.
    Mid(terms::Line),
    /// One category code, or a range of them.
    Mcc(terms::MccRange),
    /// A named group of codes. The card platform's own word that a merchant is in it counts too.
    MccGroup(MccGroup),
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct MerchantSelector {
    mid: Field,
    mcc: Field,
    mcc_group: Field,
}

/// A named group of category codes.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
struct MccGroup {
    #[schema(value_type = terms::Line, required)]
    name: Field,
    #[schema(value_type = Option<Vec<terms::MccRange>>, max_items = 256)]
    mccs: Field,
}

/// `"any"`, or an object with exactly one of `mid`, `mcc` and `mcc_group`.
fn merchant_scope(raw: &RawValue) -> Read<MerchantScope> {
    if raw.get() == "\"any\"" {
        return Ok(MerchantScope::Any);
    }
    let one: MerchantSelector = read::object(raw)?;
    let mid = one.mid.optional("mid", text::line)?.map(MerchantScope::Mid);
    let mcc = one.mcc.optional("mcc", merchant::mcc_range)?.map(MerchantScope::Mcc);
    let group = one.mcc_group.optional("mcc_group", mcc_group)?;
    match (mid, mcc, group) {
        (Some(scope), None, None) | (None, Some(scope), None) | (None, None, Some(scope)) => {
            Ok(scope)
        }
        _ => {
            const DETAIL: &str = "expected exactly one of mid, mcc and mcc_group";
            Err(Invalid::new("invalid_merchant", DETAIL))
        }
    }
}

fn mcc_group(raw: &RawValue) -> Read<MerchantScope> {
    let group: MccGroup = read::object(raw)?;
    let ranges = |raw: &RawValue| read::list(raw, merchant::mcc_range);
    let name: Arc<str> = group.name.required("name", text::line)?;
    let mccs = group.mccs.optional("mccs", ranges)?.unwrap_or_default();
    Ok(MerchantScope::MccGroup { name, mccs })
}

/// The body that changes a limit.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PatchLimit {
    /// `null` takes it away.
    #[schema(value_type = Option<terms::AmountOrZero>)]
    amount: Field,
    /// `null` takes it away.
    #[schema(value_type = Option<terms::Count>)]
    count: Field,
}

/// What is to change about a limit; `None` stays as it is, `Some(None)` is taken away.
pub struct LimitChange {
    /// The new amount, in minor units.
    pub amount: Option<Option<i64>>,
    /// The new count.
    pub count: Option<Option<i64>>,
}

impl PatchLimit {
    /// Reads the fields.
    pub fn parse(&self) -> Read<LimitChange> {
        Ok(LimitChange {
            amount: self.amount.clearable("amount", read::amount_or_zero)?,
            count: self.count.clearable("count", read::count)?,
        })
    }
}

/// A limit, as answered.
#[derive(Serialize, ToSchema)]
pub struct Limit {
    #[schema(value_type = terms::LimitId)]
    id: LimitId,
    #[schema(value_type = terms::Version)]
    version: i64,
    #[schema(value_type = terms::Timestamp)]
    created_at: String,
    #[schema(value_type = terms::ScopeKind)]
    scope: &'static str,
    /// `null` where the scope is the program.
    #[schema(required)]
    scope_id: Option<String>,
    #[schema(value_type = terms::Window)]
    window: Window,
    #[schema(value_type = Option<terms::AmountOrZero>, required)]
    amount: Option<i64>,
    #[schema(value_type = Option<terms::Count>, required)]
    count: Option<i64>,
    #[schema(value_type = terms::LimitMode)]
    mode: LimitMode,
    #[schema(value_type = MerchantSelection)]
    merchant: MerchantScope,
    #[schema(value_type = Option<terms::Currency>, required)]
    currency: Option<Currency>,
}

impl From<policy::Limit> for Limit {
    fn from(limit: policy::Limit) -> Self {
        Self {
            id: limit.id,
            version: limit.version,
            created_at: limit.created_at.to_string(),
            scope: limit.scope.kind(),
            scope_id: scope_id(limit.scope),
            window: limit.window,
            amount: limit.amount,
            count: limit.count,
            mode: limit.mode,
            merchant: limit.merchant,
            currency: limit.currency,
        }
    }
}

/// The id of what a scope names; the program has none.
pub fn scope_id(scope: Scope) -> Option<String> {
    (scope != Scope::Program).then(|| scope.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str, code: &str, pointer: &str) {
        let body: CreateLimit = serde_json::from_str(json).unwrap();
        let fault = body.parse().err();
        let found = fault.as_ref().map_or(("ok", ""), |f| (f.code, f.pointer.as_str()));
        assert_eq!(found, (code, pointer), "{json}");
    }

    #[test]
    fn a_limit_says_whom_when_and_how_much() {
        check(r#"{"scope":"program","window":"day","amount":100}"#, "ok", "");
        check(r#"{"scope":"card","scope_id":"c-1","window":"day","count":3}"#, "ok", "");
        check(r#"{"scope":"program","window":"day"}"#, "missing_field", "/amount");
        check(r#"{"scope":"card","window":"day","count":3}"#, "missing_field", "/scope_id");
        check(r#"{"scope":"team","window":"day","count":3}"#, "invalid_scope", "/scope");
        check(r#"{"scope":"program","window":"hour","count":3}"#, "invalid_window", "/window");
        let above = r#"{"scope":"program","window":"day","amount":1000000000001}"#;
        check(above, "invalid_amount", "/amount");
        let company = r#"{"scope":"company","scope_id":"wren","window":"day","amount":1}"#;
        check(company, "invalid_id", "/scope_id");
    }

    #[test]
    fn a_limit_counts_one_kind_of_merchants() {
        let with = |merchant: &str| {
            format!(r#"{{"scope":"program","window":"day","amount":1,"merchant":{merchant}}}"#)
        };
        check(&with(r#""any""#), "ok", "");
        check(&with(r#"{"mcc":"3000-3299"}"#), "ok", "");
        check(&with(r#"{"mcc_group":{"name":"travel","mccs":["4511"]}}"#), "ok", "");
        check(&with(r#"{"mid":"m","mcc":"4511"}"#), "invalid_merchant", "/merchant");
        check(&with("{}"), "invalid_merchant", "/merchant");
        check(
            &with(r#"{"mcc_group":{"name":"t","mccs":["x"]}}"#),
            "invalid_mcc",
            "/merchant/mcc_group/mccs/0",
        );
    }
}
