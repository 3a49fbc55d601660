//! Where a purchase happens, as our own API names it.

use serde::Deserialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::field::{Field, Read};
use super::{read, terms, text};
use crate::domain::merchant;

/// A merchant. Every field may be absent.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Merchant {
    /// The acquirer's merchant id.
    #[schema(value_type = Option<terms::Line>)]
    mid: Field,
    #[schema(value_type = Option<terms::Mcc>)]
    mcc: Field,
    /// Names of category groups that the merchant belongs to.
    #[schema(value_type = Option<Vec<terms::Line>>, max_items = 256)]
    mcc_groups: Field,
    #[schema(value_type = Option<terms::Line>)]
    name: Field,
    #[schema(value_type = Option<terms::Country>)]
    country: Field,
}

/// Reads a merchant object.
pub fn merchant(raw: &RawValue) -> Read<merchant::Merchant> {
    let fields: Merchant = read::object(raw)?;
    let groups = |raw: &RawValue| read::list(raw, text::line);
    Ok(merchant::Merchant {
        mid: fields.mid.optional("mid", text::line)?,
        mcc: fields.mcc.optional("mcc", mcc)?,
        mcc_groups: fields.mcc_groups.optional("mcc_groups", groups)?.unwrap_or_default(),
        name: fields.name.optional("name", text::name)?,
        country: fields.country.optional("country", country)?,
    })
}

/// One merchant category code; anything else is `invalid_mcc`.
pub fn mcc(raw: &RawValue) -> Read<merchant::Mcc> {
    const DETAIL: &str = "a merchant category code is a string of four digits, not 0000";
    text::parsed(raw, "invalid_mcc", DETAIL)
}

/// A category code, or a range of them; anything else is `invalid_mcc`.
pub fn mcc_range(raw: &RawValue) -> Read<merchant::MccRange> {
    const DETAIL: &str = "expected a category code such as 5411, or a range such as 3000-3299";
    text::parsed(raw, "invalid_mcc", DETAIL)
}

/// A country; anything else is `invalid_country`.
pub fn country(raw: &RawValue) -> Read<merchant::Country> {
    const DETAIL: &str = "a country is three upper-case letters (ISO 3166-1 alpha-3)";
    text::parsed(raw, "invalid_country", DETAIL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_merchant_is_read_field_by_field() {
        let read = |json: &str| merchant(&RawValue::from_string(json.to_owned()).unwrap());
        let full = r#"{"mid":"m-1","mcc":"5411","name":"Shop","country":"BEL"}"#;
        assert_eq!(read(full).unwrap().mcc, "5411".parse().ok());
        for (json, code, pointer) in [
            (r#"{"mcc":"0000"}"#, "invalid_mcc", "/mcc"),
            (r#"{"mcc":5411}"#, "invalid_type", "/mcc"),
            (r#"{"country":"BE"}"#, "invalid_country", "/country"),
            (r#"{"mcc_groups":["a",""]}"#, "empty_text", "/mcc_groups/1"),
            (r#"{"city":"Ghent"}"#, "unknown_field", ""),
            (r#"["m-1"]"#, "invalid_type", ""),
        ] {
            let fault = read(json).unwrap_err();
            assert_eq!((fault.code, fault.pointer.as_str()), (code, pointer), "{json}");
        }
    }
}
