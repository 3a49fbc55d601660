//! A purchase to decide, as our own API asks for it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::field::{Field, Read};
use super::merchant::merchant;
use super::query::{Pairs, Query, flag};
use super::{read, terms, text};
use crate::domain::merchant::Merchant;
use crate::domain::money::Money;
use crate::domain::request::{AuthRequest, Door, Operation};
use crate::domain::token::Token;

/// The media type of such a body where plain JSON would be another's.
pub const MEDIA_TYPE: &str = "application/vnd.tollgate.authorization+json";

/// The body that asks for an authorization.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CreateAuthorization {
    /// The idempotency key: a repeat is answered as the first was.
    #[schema(value_type = terms::Token, required)]
    token: Field,
    #[schema(value_type = terms::Reference, required)]
    card: Field,
    #[schema(value_type = terms::Amount, required)]
    amount: Field,
    #[schema(value_type = terms::Currency, required)]
    currency: Field,
    /// Who uses the card, to be compared with who holds it.
    #[schema(value_type = Option<terms::Reference>)]
    user: Field,
    #[schema(value_type = Option<super::merchant::Merchant>)]
    merchant: Field,
    /// How the card was read.
    #[schema(value_type = Option<terms::Keyword>)]
    entry_mode: Field,
    /// The payment channel.
    #[schema(value_type = Option<terms::Keyword>)]
    channel: Field,
}

/// Whether the query asks for what would be decided, and for nothing to be done.
pub fn dry_run(pairs: &Pairs) -> Read<bool> {
    let mut query = Query::of(pairs)?;
    let asked = query.take("dry_run", flag)?;
    query.end()?;
    Ok(asked.unwrap_or(false))
}

/// A request that is to be decided later, as answered.
#[derive(Serialize, ToSchema)]
pub struct Queued {
    /// The idempotency key; the decision carries it too.
    #[schema(value_type = terms::Token)]
    pub token: Token,
    /// `accepted`
    #[schema(example = "accepted")]
    pub status: &'static str,
}

impl CreateAuthorization {
    /// Reads the fields into a request to hold money.
    pub fn parse(&self) -> Read<AuthRequest> {
        let token = self.token.required("token", text::token)?;
        let card = self.card.required("card", text::reference)?;
        let amount = self.amount.required("amount", read::amount)?;
        let currency = self.currency.required("currency", text::currency)?;
        Ok(AuthRequest {
            user: self.user.optional("user", text::reference)?,
            merchant: self.merchant.optional("merchant", merchant)?.unwrap_or_default(),
            entry_mode: self.entry_mode.optional("entry_mode", text::keyword)?,
            channel: self.channel.optional("channel", text::keyword)?,
            ..request(Operation::Authorize, token, card, Money::new(amount, currency))
        })
    }
}

/// A request at our own door that says nothing but who asks for how much.
pub fn request(operation: Operation, token: Token, card: Token, amount: Money) -> AuthRequest {
    AuthRequest {
        token,
        door: Door::Rest,
        operation,
        amount,
        card,
        acting_user: None,
        user: None,
        business: None,
        merchant: Merchant::default(),
        entry_mode: None,
        channel: None,
        transaction: None,
        preceding: None,
        original: None,
        method: None,
        hold_days: None,
        partial: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str, code: &str, pointer: &str) {
        let body: CreateAuthorization = serde_json::from_str(json).unwrap();
        let fault = body.parse().err();
        let found = fault.as_ref().map_or(("ok", ""), |f| (f.code, f.pointer.as_str()));
        assert_eq!(found, (code, pointer), "{json}");
    }

    #[test]
    fn each_fault_is_blamed_on_its_own_field() {
        check(r#"{"token":"t","card":"c","amount":1,"currency":"EUR"}"#, "ok", "");
        check(r#"{"card":"c","amount":1,"currency":"EUR"}"#, "missing_field", "/token");
        check(r#"{"token":"a b","card":"c","amount":1}"#, "invalid_token", "/token");
        for amount in ["0", "-1", "1.5", "1e309", r#""10""#, "9223372036854775808", "true"] {
            let json = format!(r#"{{"token":"t","card":"c","amount":{amount},"currency":"EUR"}}"#);
            check(&json, "invalid_amount", "/amount");
        }
        let usd = r#"{"token":"t","card":"c","amount":1,"currency":"usd"}"#;
        check(usd, "invalid_currency", "/currency");
        let mcc =
            r#"{"token":"t","card":"c","amount":1,"currency":"EUR","merchant":{"mcc":"0000"}}"#;
        check(mcc, "invalid_mcc", "/merchant/mcc");
    }

    #[test]
    fn entry_modes_and_channels_are_spelled_as_the_platform_spells_them() {
        let json = r#"{"token":"t","card":"c","amount":5,"currency":"EUR",
            "entry_mode":"chip","channel":"Ecommerce"}"#;
        let request = serde_json::from_str::<CreateAuthorization>(json).unwrap().parse().unwrap();
        assert_eq!(request.entry_mode.as_deref(), Some("CHIP"));
        assert_eq!(request.channel.as_deref(), Some("ECOMMERCE"));
        assert_eq!((request.amount.minor(), request.door), (5, Door::Rest));
    }
}
