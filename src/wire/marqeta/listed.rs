//! Transactions as the platform lists them, for reconciliation: who they follow, what they moved and
//! whether they went well. As lenient as all of the platform's messages are read.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::amount;
use super::field::{Field, object, word};
use crate::domain::money::Money;
use crate::domain::time::Timestamp;
use crate::domain::token::Token;

/// One listed transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its token.
    pub token: Token,
    /// Its type: `authorization.clearing`.
    pub kind: String,
    /// Its state, upper case: `COMPLETION`.
    pub state: String,
    /// The transaction that it follows.
    pub preceding: Option<Token>,
    /// Its own funding event.
    pub funding: Option<Token>,
    /// The first funding event of its purchase.
    pub original: Option<Token>,
    /// What it moved: what was funded, or else its amount.
    pub amount: Money,
    /// Whether it is the last clearing.
    pub is_final: bool,
    /// When the platform made it.
    pub created: Option<Timestamp>,
}

/// The transaction can not be read; says which field is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} can not be read")]
pub struct Unreadable(pub &'static str);

#[derive(Deserialize)]
struct Shape<'a> {
    #[serde(borrow)]
    token: Field<'a>,
    #[serde(borrow)]
    r#type: Field<'a>,
    #[serde(borrow)]
    state: Field<'a>,
    #[serde(borrow)]
    preceding_related_transaction_token: Field<'a>,
    #[serde(borrow)]
    amount: Field<'a>,
    #[serde(borrow)]
    currency_code: Field<'a>,
    #[serde(borrow)]
    is_final_clearing: Field<'a>,
    #[serde(borrow)]
    created_time: Field<'a>,
    #[serde(borrow)]
    gpa_order: Field<'a>,
    #[serde(borrow)]
    gpa_order_unload: Field<'a>,
}

#[derive(Deserialize)]
struct Order<'a> {
    #[serde(borrow)]
    jit_funding: Field<'a>,
}

#[derive(Deserialize)]
struct Funding<'a> {
    #[serde(borrow)]
    token: Field<'a>,
    #[serde(borrow)]
    amount: Field<'a>,
    #[serde(borrow)]
    original_jit_funding_token: Field<'a>,
}

/// Reads one transaction.
pub fn listed(raw: &RawValue) -> Result<Listed, Unreadable> {
    let shape: Option<Shape<'_>> = object(Some(raw)).map_err(|_| Unreadable("the transaction"))?;
    let shape = shape.ok_or(Unreadable("the transaction"))?;
    let funding = [shape.gpa_order, shape.gpa_order_unload].into_iter().find_map(|order| {
        let order: Order<'_> = object(order).ok().flatten()?;
        object::<Funding<'_>>(order.jit_funding).ok().flatten()
    });
    let currency =
        amount::currency(shape.currency_code).map_err(|_| Unreadable("currency_code"))?;
    let funded = funding.as_ref().and_then(|funding| funding.amount);
    let amount = amount::amount(funded.or(shape.amount), currency);
    let text = |field, name| word(field).ok().flatten().ok_or(Unreadable(name));
    let created = word(shape.created_time).ok().flatten();
    Ok(Listed {
        token: token(shape.token).ok_or(Unreadable("token"))?,
        kind: text(shape.r#type, "type")?.to_lowercase(),
        state: text(shape.state, "state")?.to_uppercase(),
        preceding: token(shape.preceding_related_transaction_token),
        funding: funding.as_ref().and_then(|funding| token(funding.token)),
        original: funding.as_ref().and_then(|funding| token(funding.original_jit_funding_token)),
        amount: amount.map_err(|_| Unreadable("amount"))?,
        is_final: shape.is_final_clearing.is_some_and(|flag| flag.get() == "true"),
        created: created.and_then(|text| Timestamp::parse(&text)),
    })
}

fn token(field: Field<'_>) -> Option<Token> {
    word(field).ok().flatten()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Listed, Unreadable> {
        listed(&RawValue::from_string(json.to_owned()).unwrap())
    }

    #[test]
    fn what_was_funded_counts_and_tokens_lead_to_the_purchase() {
        let advice = read(
            r#"{"type":"authorization.advice","state":"PENDING","token":"t-2",
            "preceding_related_transaction_token":"t-1","amount":40.00,"currency_code":"EUR",
            "created_time":"2026-03-14T09:26:53Z",
            "gpa_order":{"jit_funding":{"token":"f-2","amount":"8.35",
            "original_jit_funding_token":"f-1"}}}"#,
        );
        let advice = advice.unwrap();
        assert_eq!(advice.amount.to_string(), "8.35");
        assert_eq!(advice.preceding.unwrap().as_str(), "t-1");
        assert_eq!((advice.funding.unwrap().as_str(), advice.is_final), ("f-2", false));
        assert!(advice.created.is_some());
    }

    #[test]
    fn orders_without_funding_data_have_the_transaction_s_own_amount() {
        let refund = read(
            r#"{"type":"Refund","state":"completion","token":"t","amount":12,
            "currency_code":"EUR","gpa_order_unload":{"amount":12}}"#,
        );
        let refund = refund.unwrap();
        assert_eq!((refund.amount.minor(), refund.kind.as_str()), (1_200, "refund"));
        assert_eq!(refund.state, "COMPLETION");
        assert_eq!(read("[]"), Err(Unreadable("the transaction")));
        assert_eq!(
            read(r#"{"token":"t","currency_code":"EUR","amount":1}"#),
            Err(Unreadable("type"))
        );
    }
}
