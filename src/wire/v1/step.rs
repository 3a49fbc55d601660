//! What happens to a purchase after its authorization.

use serde::Deserialize;
use utoipa::ToSchema;

use super::field::{Field, Read};
use super::{read, terms, text};
use crate::domain::money::Currency;
use crate::domain::token::Token;

/// The body of a life-cycle call. Each has the fields that its verb needs; any other is `unknown_field`.
pub trait StepBody {
    /// Reads the fields.
    fn parse(&self) -> Read<NewStep>;
}

/// The body that asks to hold more: judged like an authorization.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Increment {
    /// The idempotency key: a repeat is answered as the first was.
    #[schema(value_type = terms::Token, required)]
    token: Field,
    /// How much more.
    #[schema(value_type = terms::Amount, required)]
    amount: Field,
    #[schema(value_type = Option<terms::Currency>)]
    currency: Field,
}

/// The body that gives back part of a hold, or all of it.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Reverse {
    /// The idempotency key: a repeat is answered as the first was.
    #[schema(value_type = terms::Token, required)]
    token: Field,
    /// How much; all of it where it is absent.
    #[schema(value_type = Option<terms::Amount>)]
    amount: Field,
    #[schema(value_type = Option<terms::Currency>)]
    currency: Field,
}

/// The body that lets a purchase stand at a new, smaller total.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Advise {
    /// The idempotency key: a repeat is answered as the first was.
    #[schema(value_type = terms::Token, required)]
    token: Field,
    /// The new total.
    #[schema(value_type = terms::AmountOrZero, required)]
    amount: Field,
    #[schema(value_type = Option<terms::Currency>)]
    currency: Field,
}

/// The body that posts a purchase.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Clear {
    /// The idempotency key: a repeat is answered as the first was.
    #[schema(value_type = terms::Token, required)]
    token: Field,
    #[schema(value_type = terms::Amount, required)]
    amount: Field,
    #[schema(value_type = Option<terms::Currency>)]
    currency: Field,
    /// Whether it is the last clearing: what is still held is given back. Not so where it is absent.
    #[serde(rename = "final")]
    #[schema(value_type = Option<bool>)]
    last: Field,
}

/// The body that gives money back to the cardholder.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Refund {
    /// The idempotency key: a repeat is answered as the first was.
    #[schema(value_type = terms::Token, required)]
    token: Field,
    #[schema(value_type = terms::Amount, required)]
    amount: Field,
    #[schema(value_type = Option<terms::Currency>)]
    currency: Field,
}

/// The body that lets a hold run out.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Expire {
    /// The idempotency key: a repeat is answered as the first was.
    #[schema(value_type = terms::Token, required)]
    token: Field,
    #[schema(value_type = Option<terms::Currency>)]
    currency: Field,
}

/// A life-cycle step to take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewStep {
    /// The idempotency key.
    pub token: Token,
    /// What is done, with its amount in minor units.
    pub action: Action,
    /// The currency, if the caller wants it checked.
    pub currency: Option<Currency>,
}

/// A verb with what it needs. Amounts are minor units of the account's currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Hold this much more.
    Increment(i64),
    /// Give back this much; `None`: all of it.
    Reverse(Option<i64>),
    /// Stand at this total.
    Advise(i64),
    /// Post this much.
    Clear {
        /// How much.
        amount: i64,
        /// Whether it is the last clearing.
        last: bool,
    },
    /// Give this much back.
    Refund(i64),
    /// The hold has run out.
    Expire,
}

impl StepBody for Increment {
    fn parse(&self) -> Read<NewStep> {
        step(&self.token, &self.currency, || {
            Ok(Action::Increment(self.amount.required("amount", read::amount)?))
        })
    }
}

impl StepBody for Reverse {
    fn parse(&self) -> Read<NewStep> {
        step(&self.token, &self.currency, || {
            Ok(Action::Reverse(self.amount.optional("amount", read::amount)?))
        })
    }
}

impl StepBody for Advise {
    fn parse(&self) -> Read<NewStep> {
        step(&self.token, &self.currency, || {
            Ok(Action::Advise(self.amount.required("amount", read::amount_or_zero)?))
        })
    }
}

impl StepBody for Clear {
    fn parse(&self) -> Read<NewStep> {
        step(&self.token, &self.currency, || {
            let last = self.last.optional("final", read::flag)?.unwrap_or(false);
            Ok(Action::Clear { amount: self.amount.required("amount", read::amount)?, last })
        })
    }
}

impl StepBody for Refund {
    fn parse(&self) -> Read<NewStep> {
        step(&self.token, &self.currency, || {
            Ok(Action::Refund(self.amount.required("amount", read::amount)?))
        })
    }
}

impl StepBody for Expire {
    fn parse(&self) -> Read<NewStep> {
        step(&self.token, &self.currency, || Ok(Action::Expire))
    }
}

fn step(token: &Field, currency: &Field, action: impl Fn() -> Read<Action>) -> Read<NewStep> {
    let token = token.required("token", text::token)?;
    let action = action()?;
    Ok(NewStep { token, action, currency: currency.optional("currency", text::currency)? })
}

#[cfg(test)]
mod tests {
    use serde::de::DeserializeOwned;

    use super::*;

    fn read<B: StepBody + DeserializeOwned>(json: &str) -> Result<Action, &'static str> {
        let body: B = serde_json::from_str(json).map_err(|_| "unknown_field")?;
        body.parse().map(|step| step.action).map_err(|fault| fault.code)
    }

    #[test]
    fn each_verb_has_its_own_fields() {
        let all = r#"{"token":"t","amount":5,"final":true}"#;
        assert_eq!(read::<Clear>(all), Ok(Action::Clear { amount: 5, last: true }));
        assert_eq!(read::<Refund>(all), Err("unknown_field"));
        let amount = r#"{"token":"t","amount":5}"#;
        assert_eq!(read::<Clear>(amount), Ok(Action::Clear { amount: 5, last: false }));
        assert_eq!(read::<Reverse>(amount), Ok(Action::Reverse(Some(5))));
        assert_eq!(read::<Expire>(amount), Err("unknown_field"));
        let bare = r#"{"token":"t"}"#;
        assert_eq!(read::<Reverse>(bare), Ok(Action::Reverse(None)));
        assert_eq!(read::<Expire>(bare), Ok(Action::Expire));
        assert_eq!(read::<Increment>(bare), Err("missing_field"));
        let zero = r#"{"token":"t","amount":0}"#;
        assert_eq!(read::<Advise>(zero), Ok(Action::Advise(0)));
        assert_eq!(read::<Clear>(zero), Err("invalid_amount"));
        assert_eq!(read::<Expire>("{}"), Err("missing_field"));
    }
}
