//! How much: the funding amount, from its literal text, in the currency of the message.

use super::field::{Field, string};
use crate::domain::finding::{Reason, Refusal};
use crate::domain::money::{AmountError, Currency, Money};

const fn refused(code: &'static str) -> Refusal {
    Refusal::new(Reason::InvalidAmount, code)
}

/// The currency: the upper-case alphabetic code, and nothing else.
pub(super) fn currency(field: Field<'_>) -> Result<Currency, Refusal> {
    let code = string(field).ok().flatten();
    code.and_then(|code| Currency::parse(&code)).ok_or(refused("currency.invalid"))
}

/// An amount in major units, written as a number or as a string without escapes and padding.
pub(super) fn amount(field: Field<'_>, currency: Currency) -> Result<Money, Refusal> {
    let literal = field.ok_or(refused("amount.missing"))?.get();
    let quoted = literal.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    Money::parse_major(quoted.unwrap_or(literal), currency).map_err(|error| match error {
        AmountError::Invalid => refused("amount.invalid"),
        AmountError::TooManyDecimals => refused("amount.too_many_decimals"),
        AmountError::OutOfRange => refused("amount.out_of_range"),
    })
}

/// The refusal of an amount of 0 where money must move.
pub(super) const ZERO: Refusal = refused("amount.zero");
