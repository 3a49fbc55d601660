//! How much a notification is about. Each kind of message says it in another field, so several are
//! asked in turn; all are read by the one grammar of amounts.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::super::amount;
use super::super::field::{Field, object};
use super::super::shape::Message;
use crate::domain::finding::Refusal;
use crate::domain::money::{Currency, Money};

/// Where an amount may be found, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// `jit_funding.amount`: what our account is asked for.
    Funding,
    /// `gpa.impacted_amount`, without its sign: what the platform's own books moved.
    Impacted,
    /// `amount` of the order.
    Order,
    /// `amount` of the transaction.
    Transaction,
}

#[derive(Default, Deserialize)]
struct Gpa<'a> {
    #[serde(borrow)]
    impacted_amount: Field<'a>,
}

#[derive(Default, Deserialize)]
struct Order<'a> {
    #[serde(borrow)]
    amount: Field<'a>,
}

#[derive(Default, Deserialize)]
struct Whole<'a> {
    #[serde(borrow)]
    amount: Field<'a>,
}

/// The currency of the message, else of the order, else of the account at the platform.
pub(super) fn currency(message: &Message<'_>) -> Result<Currency, Refusal> {
    let order = message.funding().and_then(|funding| funding.currency_code);
    let code = message.currency_code.or(order).or_else(|| message.gpa_currency_code());
    amount::currency(code)
}

/// The amount of the first of these sources that has one.
pub(super) fn first_of(
    text: &str,
    message: &Message<'_>,
    sources: &[Source],
) -> Result<Money, Refusal> {
    let currency = currency(message)?;
    let found = sources.iter().find_map(|source| match source {
        Source::Funding => {
            message.funding()?.data.amount.map(|raw| amount::amount(Some(raw), currency))
        }
        Source::Impacted => {
            let gpa: Gpa<'_> = object(message.gpa).ok().flatten()?;
            gpa.impacted_amount.map(|raw| unsigned(raw, currency))
        }
        Source::Order => {
            let order = message.gpa_order.or(message.gpa_order_unload);
            let order: Order<'_> = object(order).ok().flatten()?;
            order.amount.map(|raw| amount::amount(Some(raw), currency))
        }
        Source::Transaction => {
            let whole: Whole<'_> = serde_json::from_str(text).ok()?;
            whole.amount.map(|raw| amount::amount(Some(raw), currency))
        }
    });
    found.unwrap_or_else(|| amount::amount(None, currency))
}

/// Without its sign.
fn unsigned(raw: &RawValue, currency: Currency) -> Result<Money, Refusal> {
    let literal = raw.get();
    let plain = literal.strip_prefix('-').unwrap_or(literal);
    match Money::parse_major(plain, currency) {
        Ok(money) => Ok(money),
        Err(_) => amount::amount(Some(raw), currency), // says what is wrong with it
    }
}
