//! Spending controls: created, changed, answered.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::field::{Field, Invalid, Read};
use super::limit::{ScopeRef, scope_id};
use super::{merchant, read, terms, text};
use crate::domain::id::ControlId;
use crate::domain::merchant::{Country, MccRange};
use crate::domain::policy::flaw::Flaw;
use crate::domain::policy::{self, Effect};
use crate::domain::time::Timestamp;

/// The body that creates a control.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CreateControl {
    #[schema(value_type = terms::ScopeKind, required)]
    scope: Field,
    /// Whom; absent where the scope is the program.
    #[schema(value_type = Option<terms::Reference>)]
    scope_id: Field,
    #[schema(value_type = terms::Effect, required)]
    effect: Field,
    #[schema(value_type = Option<Vec<terms::MccRange>>, max_items = 256)]
    mccs: Field,
    /// Names of category groups.
    #[schema(value_type = Option<Vec<terms::Line>>, max_items = 256)]
    mcc_groups: Field,
    /// Merchant ids.
    #[schema(value_type = Option<Vec<terms::Line>>, max_items = 256)]
    merchants: Field,
    #[schema(value_type = Option<Vec<terms::Country>>, max_items = 256)]
    countries: Field,
    /// How the card is read.
    #[schema(value_type = Option<Vec<terms::Keyword>>, max_items = 256)]
    entry_modes: Field,
    /// Payment channels.
    #[schema(value_type = Option<Vec<terms::Keyword>>, max_items = 256)]
    channels: Field,
    /// Binds from here on.
    #[schema(value_type = Option<terms::Timestamp>)]
    starts_at: Field,
    /// Binds until here.
    #[schema(value_type = Option<terms::EndTime>)]
    ends_at: Field,
}

/// What the schema of [`CreateControl`] says of several fields at once.
pub const CONDITIONS: &str = r##"[
    {"anyOf":[
        {"properties":{"mccs":{"type":"array","minItems":1}},"required":["mccs"]},
        {"properties":{"mcc_groups":{"type":"array","minItems":1}},"required":["mcc_groups"]},
        {"properties":{"merchants":{"type":"array","minItems":1}},"required":["merchants"]},
        {"properties":{"countries":{"type":"array","minItems":1}},"required":["countries"]},
        {"properties":{"entry_modes":{"type":"array","minItems":1}},"required":["entry_modes"]},
        {"properties":{"channels":{"type":"array","minItems":1}},"required":["channels"]}
    ]},
    {"anyOf":[
        {"properties":{"scope":{"const":"program"},"scope_id":{"type":"null"}}},
        {"properties":{"scope":{"const":"company"},"scope_id":{"$ref":"#/components/schemas/CompanyId"}},"required":["scope_id"]},
        {"properties":{"scope":{"enum":["user","card"]},"scope_id":{"type":"string"}},"required":["scope_id"]}
    ]}
]"##;

/// A control to create. At least one list is not empty.
pub struct NewControl {
    /// Whom it binds.
    pub scope: ScopeRef,
    /// Allow or deny.
    pub effect: Effect,
    /// Category codes and ranges.
    pub mccs: Vec<MccRange>,
    /// Names of category groups.
    pub mcc_groups: Vec<Arc<str>>,
    /// Merchant ids.
    pub merchants: Vec<Arc<str>>,
    /// Countries.
    pub countries: Vec<Country>,
    /// How the card was read, upper case.
    pub entry_modes: Vec<Arc<str>>,
    /// Payment channels, upper case.
    pub channels: Vec<Arc<str>>,
    /// Binds from here on.
    pub starts_at: Option<Timestamp>,
    /// Binds until here.
    pub ends_at: Option<Timestamp>,
}

impl CreateControl {
    /// Reads the fields.
    pub fn parse(&self) -> Read<NewControl> {
        let control = NewControl {
            scope: ScopeRef::parse(&self.scope, &self.scope_id)?,
            effect: self.effect.required("effect", effect)?,
            mccs: list(&self.mccs, "mccs", merchant::mcc_range)?,
            mcc_groups: list(&self.mcc_groups, "mcc_groups", text::line)?,
            merchants: list(&self.merchants, "merchants", text::line)?,
            countries: list(&self.countries, "countries", merchant::country)?,
            entry_modes: list(&self.entry_modes, "entry_modes", text::keyword)?,
            channels: list(&self.channels, "channels", text::keyword)?,
            starts_at: self.starts_at.optional("starts_at", text::timestamp)?,
            ends_at: self.ends_at.optional("ends_at", text::timestamp)?,
        };
        control.checked()
    }
}

impl NewControl {
    fn checked(self) -> Read<Self> {
        let listed = [
            self.mccs.len(),
            self.mcc_groups.len(),
            self.merchants.len(),
            self.countries.len(),
            self.entry_modes.len(),
            self.channels.len(),
        ];
        match Flaw::of(listed, (self.starts_at, self.ends_at)) {
            Some(flaw) => Err(invalid(flaw)),
            None => Ok(self),
        }
    }
}

/// What is wrong with a body that creates a control.
fn invalid(flaw: Flaw) -> Invalid {
    let code = match flaw {
        Flaw::Empty => "missing_field",
        Flaw::EndsFirst => "invalid_timestamp",
    };
    Invalid { code, detail: flaw.detail().into(), pointer: pointer(flaw).to_owned() }
}

/// A JSON pointer to the field to change.
pub const fn pointer(flaw: Flaw) -> &'static str {
    match flaw {
        Flaw::Empty => "/mccs",
        Flaw::EndsFirst => "/ends_at",
    }
}

/// The body that changes a control. What is absent stays.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PatchControl {
    #[schema(value_type = terms::Effect)]
    effect: Field,
    /// `null` empties a list.
    #[schema(value_type = Option<Vec<terms::MccRange>>, max_items = 256)]
    mccs: Field,
    /// Names of category groups.
    #[schema(value_type = Option<Vec<terms::Line>>, max_items = 256)]
    mcc_groups: Field,
    /// Merchant ids.
    #[schema(value_type = Option<Vec<terms::Line>>, max_items = 256)]
    merchants: Field,
    #[schema(value_type = Option<Vec<terms::Country>>, max_items = 256)]
    countries: Field,
    /// How the card is read.
    #[schema(value_type = Option<Vec<terms::Keyword>>, max_items = 256)]
    entry_modes: Field,
    /// Payment channels.
    #[schema(value_type = Option<Vec<terms::Keyword>>, max_items = 256)]
    channels: Field,
    /// `null` takes it away: binds at once.
    #[schema(value_type = Option<terms::Timestamp>)]
    starts_at: Field,
    /// `null` takes it away: binds for good.
    #[schema(value_type = Option<terms::EndTime>)]
    ends_at: Field,
}

/// What is to change about a control; `None` stays as it is, `Some(None)` is taken away.
pub struct ControlChange {
    effect: Option<Effect>,
    mccs: Option<Vec<MccRange>>,
    mcc_groups: Option<Vec<Arc<str>>>,
    merchants: Option<Vec<Arc<str>>>,
    countries: Option<Vec<Country>>,
    entry_modes: Option<Vec<Arc<str>>>,
    channels: Option<Vec<Arc<str>>>,
    starts_at: Option<Option<Timestamp>>,
    ends_at: Option<Option<Timestamp>>,
}

impl PatchControl {
    /// Reads the fields.
    pub fn parse(&self) -> Read<ControlChange> {
        Ok(ControlChange {
            effect: self.effect.change("effect", effect)?,
            mccs: new_list(&self.mccs, "mccs", merchant::mcc_range)?,
            mcc_groups: new_list(&self.mcc_groups, "mcc_groups", text::line)?,
            merchants: new_list(&self.merchants, "merchants", text::line)?,
            countries: new_list(&self.countries, "countries", merchant::country)?,
            entry_modes: new_list(&self.entry_modes, "entry_modes", text::keyword)?,
            channels: new_list(&self.channels, "channels", text::keyword)?,
            starts_at: self.starts_at.clearable("starts_at", text::timestamp)?,
            ends_at: self.ends_at.clearable("ends_at", text::timestamp)?,
        })
    }
}

impl ControlChange {
    /// The control with this change, at its next version. Whom it binds stays.
    pub fn of(self, control: policy::Control) -> policy::Control {
        policy::Control {
            effect: self.effect.unwrap_or(control.effect),
            mccs: self.mccs.unwrap_or(control.mccs),
            mcc_groups: self.mcc_groups.unwrap_or(control.mcc_groups),
            merchants: self.merchants.unwrap_or(control.merchants),
            countries: self.countries.unwrap_or(control.countries),
            entry_modes: self.entry_modes.unwrap_or(control.entry_modes),
            channels: self.channels.unwrap_or(control.channels),
            starts_at: self.starts_at.unwrap_or(control.starts_at),
            ends_at: self.ends_at.unwrap_or(control.ends_at),
            version: control.version.saturating_add(1),
            ..control
        }
    }
}

/// A list that replaces another; `null` is an empty one, and absent none at all.
fn new_list<T>(
    field: &Field,
    name: &str,
    item: impl Fn(&RawValue) -> Read<T>,
) -> Read<Option<Vec<T>>> {
    let read = field.clearable(name, |raw| read::list(raw, &item))?;
    Ok(read.map(Option::unwrap_or_default))
}

fn list<T>(field: &Field, name: &str, item: impl Fn(&RawValue) -> Read<T>) -> Read<Vec<T>> {
    Ok(field.optional(name, |raw| read::list(raw, &item))?.unwrap_or_default())
}

fn effect(raw: &RawValue) -> Read<Effect> {
    let parse = |text: &str| match text {
        "allow" => Some(Effect::Allow),
        "deny" => Some(Effect::Deny),
        _ => None,
    };
    text::word("invalid_effect", "an effect is allow or deny", parse)(raw)
}

/// A control, as answered.
#[derive(Serialize, ToSchema)]
pub struct Control {
    #[schema(value_type = terms::ControlId)]
    id: ControlId,
    #[schema(value_type = terms::Version)]
    version: i64,
    #[schema(value_type = terms::Timestamp)]
    created_at: String,
    #[schema(value_type = terms::ScopeKind)]
    scope: &'static str,
    /// `null` where the scope is the program.
    #[schema(required)]
    scope_id: Option<String>,
    #[schema(value_type = terms::Effect)]
    effect: Effect,
    #[schema(value_type = Vec<terms::MccRange>)]
    mccs: Vec<MccRange>,
    #[schema(value_type = Vec<String>)]
    mcc_groups: Vec<Arc<str>>,
    #[schema(value_type = Vec<String>)]
    merchants: Vec<Arc<str>>,
    #[schema(value_type = Vec<terms::Country>)]
    countries: Vec<Country>,
    #[schema(value_type = Vec<String>)]
    entry_modes: Vec<Arc<str>>,
    #[schema(value_type = Vec<String>)]
    channels: Vec<Arc<str>>,
    #[schema(value_type = Option<terms::Timestamp>, required)]
    starts_at: Option<String>,
    #[schema(value_type = Option<terms::Timestamp>, required)]
    ends_at: Option<String>,
}

impl From<policy::Control> for Control {
    fn from(control: policy::Control) -> Self {
        Self {
            id: control.id,
            version: control.version,
            created_at: control.created_at.to_string(),
            scope: control.scope.kind(),
            scope_id: scope_id(control.scope),
            effect: control.effect,
            mccs: control.mccs,
            mcc_groups: control.mcc_groups,
            merchants: control.merchants,
            countries: control.countries,
            entry_modes: control.entry_modes,
            channels: control.channels,
            starts_at: control.starts_at.map(|at| at.to_string()),
            ends_at: control.ends_at.map(|at| at.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rest: &str, code: &str, pointer: &str) {
        let json = format!(r#"{{"scope":"program","effect":"deny"{rest}}}"#);
        let body: CreateControl = serde_json::from_str(&json).unwrap();
        let fault = body.parse().err();
        let found = fault.as_ref().map_or(("ok", ""), |f| (f.code, f.pointer.as_str()));
        assert_eq!(found, (code, pointer), "{json}");
    }

    #[test]
    fn a_control_lists_at_least_one_thing() {
        check(r#","mccs":["7995"]"#, "ok", "");
        check(r#","entry_modes":["manual"]"#, "ok", "");
        check("", "missing_field", "/mccs");
        check(r#","countries":[]"#, "missing_field", "/mccs");
        check(r#","countries":["BEL","xx"]"#, "invalid_country", "/countries/1");
        let ends = r#","mccs":["7995"],"starts_at":"2026-02-01T00:00:00Z","ends_at":"2026-01-01T00:00:00Z""#;
        check(ends, "invalid_timestamp", "/ends_at");
    }

    #[test]
    fn a_change_tells_what_stays_from_what_is_emptied() {
        let read = |json: &str| {
            let body: PatchControl = serde_json::from_str(json).unwrap();
            body.parse().map_err(|fault| (fault.code, fault.pointer))
        };
        let nothing = read("{}").unwrap_or_else(|_| panic!("nothing is a change"));
        assert!(nothing.effect.is_none() && nothing.mccs.is_none() && nothing.ends_at.is_none());
        let emptied = read(r#"{"mccs":null,"channels":[],"ends_at":null}"#);
        let emptied = emptied.unwrap_or_else(|_| panic!("empty is a change"));
        assert_eq!((emptied.mccs, emptied.channels), (Some(Vec::new()), Some(Vec::new())));
        assert_eq!((emptied.starts_at, emptied.ends_at), (None, Some(None)));
        let fault = |json| read(json).err().map(|(code, _)| code);
        assert_eq!(fault(r#"{"effect":null}"#), Some("invalid_type"));
        assert_eq!(fault(r#"{"countries":["xx"]}"#), Some("invalid_country"));
        assert_eq!(fault(r#"{"starts_at":"soon"}"#), Some("invalid_timestamp"));
    }
}
