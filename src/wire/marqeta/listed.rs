//! Transactions as the platform lists them, for reconciliation. What each of them tells is read by the
//! notifications' own reader: what is compared is what a notification of the same would have done.

use serde_json::value::RawValue;

use super::notification::kind::Verb;
use super::notification::message::{Amount, Parked, Told, Transaction};
use crate::domain::money::Money;
use crate::domain::request::Operation;
use crate::domain::time::Timestamp;
use crate::domain::token::Token;
use crate::wire::scan::scan;

/// What a transaction does to the books: what was told, without all that the list is not compared by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// A message was approved.
    Approved {
        /// What it asked for.
        operation: Operation,
        /// How much was granted.
        amount: Money,
    },
    /// A message was declined.
    Declined {
        /// What it asked for.
        operation: Option<Operation>,
    },
    /// Something has happened.
    Moved {
        /// What.
        verb: Verb,
        /// How much.
        amount: Amount,
        /// Whether it is the last clearing, or a reversal of all.
        whole: bool,
    },
    /// Nothing.
    Nothing,
}

/// One listed transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its token.
    pub token: Token,
    /// What it does.
    pub effect: Effect,
    /// The transactions that it follows.
    pub preceding: Vec<Token>,
    /// Its own funding event.
    pub funding: Option<Token>,
    /// The first funding event of its purchase.
    pub original: Option<Token>,
    /// When the platform made it.
    pub created: Option<Timestamp>,
}

/// The transaction can not be read: a notification of it would be parked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {why}", named(.token.as_ref()))]
pub struct Unreadable {
    /// Its token, where that can be read.
    pub token: Option<Token>,
    /// Why: a stable code.
    pub why: Parked,
}

fn named(token: Option<&Token>) -> String {
    token.map_or("a transaction".to_owned(), |token| format!("transaction {token}"))
}

/// Reads one transaction.
pub fn listed(raw: &RawValue) -> Result<Listed, Unreadable> {
    let nameless = |why| Unreadable { token: None, why };
    scan(raw.get().as_bytes()).map_err(|error| nameless(error.code()))?;
    let transaction = Transaction::read(raw.get()).map_err(nameless)?;
    let token = transaction.token.clone();
    let told = transaction.told();
    let told = told.map_err(|why| Unreadable { token: Some(token.clone()), why })?;
    let (effect, funding) = effect(told);
    Ok(Listed {
        token,
        effect,
        preceding: transaction.preceding(),
        funding: funding.or_else(|| transaction.funding_token()),
        original: transaction.original(),
        created: transaction.created(),
    })
}

/// What it does, and the funding event of a message.
fn effect(told: Told) -> (Effect, Option<Token>) {
    match told {
        Told::Approved { request, funding } => {
            let (operation, amount) = (request.operation, request.amount);
            (Effect::Approved { operation, amount }, funding)
        }
        Told::Declined { funding, echo, .. } => {
            (Effect::Declined { operation: echo.operation }, funding)
        }
        Told::Moved { verb, amount, whole, .. } => (Effect::Moved { verb, amount, whole }, None),
        Told::Nothing(_) => (Effect::Nothing, None),
    }
}

impl Listed {
    /// What it asked for, if it is a message that asks for a decision.
    pub const fn operation(&self) -> Option<Operation> {
        match self.effect {
            Effect::Approved { operation, .. } => Some(operation),
            Effect::Declined { operation } => operation,
            Effect::Moved { .. } | Effect::Nothing => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::money::Currency;

    fn read(json: &str) -> Result<Listed, Unreadable> {
        listed(&RawValue::from_string(json.to_owned()).unwrap())
    }

    fn moved(verb: Verb, minor: i64, whole: bool) -> Effect {
        let amount = Amount::By(Money::new(minor, Currency::parse("EUR").unwrap()));
        Effect::Moved { verb, amount, whole }
    }

    #[test]
    fn what_was_funded_counts_and_tokens_lead_to_the_purchase() {
        let advice = read(
            r#"{"type":"authorization.advice","state":"PENDING","token":"t-2","card_token":"c",
            "preceding_related_transaction_token":"t-1","amount":40.00,"currency_code":"EUR",
            "created_time":"2026-03-14T09:26:53Z",
            "gpa_order":{"jit_funding":{"token":"f-2","amount":"8.35",
            "original_jit_funding_token":"f-1"}}}"#,
        );
        let advice = advice.unwrap();
        assert_eq!(advice.effect, moved(Verb::Advise, 835, false));
        assert_eq!(advice.preceding[0].as_str(), "t-1");
        assert_eq!(advice.funding.unwrap().as_str(), "f-2");
        assert_eq!(advice.original.unwrap().as_str(), "f-1");
        assert!(advice.created.is_some());
    }

    #[test]
    fn orders_without_funding_data_have_the_transaction_s_own_amount() {
        let refund = read(
            r#"{"type":"Refund","state":"completion","token":"t","card_token":"c","amount":12,
            "currency_code":"EUR","gpa_order_unload":{"amount":12}}"#,
        );
        assert_eq!(refund.unwrap().effect, moved(Verb::Refund, 1_200, false));
    }

    #[test]
    fn a_flag_may_be_a_text_and_what_is_pending_has_not_happened() {
        let clearing = |state: &str| {
            let json = format!(
                r#"{{"type":"authorization.clearing","state":"{state}","token":"t",
                "card_token":"c","amount":12,"currency_code":"EUR",
                "preceding_related_transaction_token":"t-1","is_final_clearing":"true"}}"#
            );
            read(&json).unwrap()
        };
        assert_eq!(clearing("COMPLETION").effect, moved(Verb::Clear, 1_200, true));
        assert_eq!(clearing("PENDING").effect, Effect::Nothing);
    }

    #[test]
    fn what_can_not_be_read_says_which_and_why() {
        let said = |json: &str| read(json).unwrap_err().to_string();
        assert_eq!(said("[]"), "a transaction: not_an_object");
        assert_eq!(said(r#"{"currency_code":"EUR"}"#), "a transaction: token_unreadable");
        assert_eq!(said(r#"{"token":"t"}"#), "transaction t: type_missing");
        assert_eq!(
            said(r#"{"token":"t","type":"refund","state":"COMPLETION","amount":1}"#),
            "transaction t: card_missing"
        );
    }
}
