//! What happens to a purchase after its authorization.

use serde::Deserialize;

use super::field::{Field, Invalid, Read};
use super::{read, text};
use crate::domain::money::Currency;
use crate::domain::token::Token;

/// What is done to an authorization, as its route names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Hold more: judged like an authorization.
    Increment,
    /// Give back part of the hold, or all of it.
    Reverse,
    /// The purchase shall stand at a new, smaller total.
    Advise,
    /// Post a purchase.
    Clear,
    /// Give money back to the cardholder.
    Refund,
    /// The hold has run out.
    Expire,
}

impl Verb {
    /// The word in the route and in keys.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Increment => "increment",
            Self::Reverse => "reverse",
            Self::Advise => "advise",
            Self::Clear => "clear",
            Self::Refund => "refund",
            Self::Expire => "expire",
        }
    }
}

/// The body of every life-cycle call.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StepBody {
    token: Field,
    amount: Field,
    currency: Field,
    #[serde(rename = "final")]
    last: Field,
}

/// A life-cycle step to take. The verb decides which amounts can be absent.
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

impl StepBody {
    /// Reads the fields that `verb` has; any other is `unknown_field`.
    pub fn parse(&self, verb: Verb) -> Read<NewStep> {
        let token = self.token.required("token", text::token)?;
        let action = self.action(verb)?;
        if verb != Verb::Clear {
            absent(&self.last, "final")?;
        }
        let currency = self.currency.optional("currency", text::currency)?;
        Ok(NewStep { token, action, currency })
    }

    fn action(&self, verb: Verb) -> Read<Action> {
        let amount = || self.amount.required("amount", read::amount);
        Ok(match verb {
            Verb::Increment => Action::Increment(amount()?),
            Verb::Reverse => Action::Reverse(self.amount.optional("amount", read::amount)?),
            Verb::Advise => Action::Advise(self.amount.required("amount", read::amount_or_zero)?),
            Verb::Clear => {
                let last = self.last.optional("final", read::flag)?.unwrap_or(false);
                Action::Clear { amount: amount()?, last }
            }
            Verb::Refund => Action::Refund(amount()?),
            Verb::Expire => {
                absent(&self.amount, "amount")?;
                Action::Expire
            }
        })
    }
}

fn absent(field: &Field, name: &str) -> Read<()> {
    if field.is_given() {
        return Err(Invalid::new("unknown_field", "this call has no such field").under(name));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(verb: Verb, json: &str) -> Result<Action, &'static str> {
        let body: StepBody = serde_json::from_str(json).unwrap();
        body.parse(verb).map(|step| step.action).map_err(|fault| fault.code)
    }

    #[test]
    fn each_verb_has_its_own_fields() {
        let all = r#"{"token":"t","amount":5,"final":true}"#;
        assert_eq!(read(Verb::Clear, all), Ok(Action::Clear { amount: 5, last: true }));
        assert_eq!(read(Verb::Refund, all), Err("unknown_field"));
        let amount = r#"{"token":"t","amount":5}"#;
        assert_eq!(read(Verb::Clear, amount), Ok(Action::Clear { amount: 5, last: false }));
        assert_eq!(read(Verb::Reverse, amount), Ok(Action::Reverse(Some(5))));
        assert_eq!(read(Verb::Expire, amount), Err("unknown_field"));
        let bare = r#"{"token":"t"}"#;
        assert_eq!(read(Verb::Reverse, bare), Ok(Action::Reverse(None)));
        assert_eq!(read(Verb::Expire, bare), Ok(Action::Expire));
        assert_eq!(read(Verb::Increment, bare), Err("missing_field"));
        let zero = r#"{"token":"t","amount":0}"#;
        assert_eq!(read(Verb::Advise, zero), Ok(Action::Advise(0)));
        assert_eq!(read(Verb::Clear, zero), Err("invalid_amount"));
        assert_eq!(read(Verb::Expire, "{}"), Err("missing_field"));
    }
}
