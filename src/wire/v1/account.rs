//! Accounts: read, funded, their limit changed.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::field::{Field, Read};
use super::{read, terms, text};
use crate::domain::id::AccountId;
use crate::domain::money::{Currency, Money};
use crate::domain::party;

/// The body that changes an account.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PatchAccount {
    /// The new credit, in minor units of the account's currency.
    #[schema(value_type = terms::Credit, required)]
    limit: Field,
}

impl PatchAccount {
    /// Reads the new limit, in minor units of the account's currency.
    pub fn parse(&self) -> Read<i64> {
        self.limit.required("limit", read::credit)
    }
}

/// The body that puts money into an account.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Fund {
    #[schema(value_type = terms::Amount, required)]
    amount: Field,
    /// The currency of the account.
    #[schema(value_type = terms::Currency, required)]
    currency: Field,
}

impl Fund {
    /// Reads the money.
    pub fn parse(&self) -> Read<Money> {
        let amount = self.amount.required("amount", read::amount)?;
        Ok(Money::new(amount, self.currency.required("currency", text::currency)?))
    }
}

/// An account, as answered. Amounts are minor units of its currency.
#[derive(Serialize, ToSchema)]
pub struct Account {
    #[schema(value_type = terms::AccountId)]
    id: AccountId,
    #[schema(value_type = terms::Version)]
    version: i64,
    #[serde(flatten)]
    balances: Balances,
}

/// What is on an account, in minor units.
#[derive(Serialize, ToSchema)]
pub struct Balances {
    #[schema(value_type = terms::Currency)]
    currency: Currency,
    /// Credit granted.
    limit: i64,
    /// Money put in, less what was taken out.
    funded: i64,
    /// Held for purchases.
    held: i64,
    /// Posted by purchases, less what was given back.
    posted: i64,
    /// limit + funded − held − posted.
    available: i64,
}

impl From<&party::Account> for Balances {
    fn from(account: &party::Account) -> Self {
        Self {
            currency: account.currency,
            limit: account.limit,
            funded: account.funded,
            held: account.held,
            posted: account.posted,
            available: account.available(),
        }
    }
}

impl From<party::Account> for Account {
    fn from(account: party::Account) -> Self {
        Self { id: account.id, version: account.version, balances: Balances::from(&account) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_for_an_account_is_an_amount_and_a_currency() {
        let body: Fund = serde_json::from_str(r#"{"amount":1.0,"currency":"EUR"}"#).unwrap();
        let fault = body.parse().unwrap_err();
        assert_eq!((fault.code, fault.pointer.as_str()), ("invalid_amount", "/amount"));
        let body: Fund = serde_json::from_str(r#"{"amount":1}"#).unwrap();
        assert_eq!(body.parse().unwrap_err().code, "missing_field");
    }

    #[test]
    fn an_account_answers_what_is_left() {
        let id = "acc_b01901234567878ab8def0123456789ab".parse().unwrap();
        let mut account = party::Account::empty(id, Currency::parse("EUR").unwrap());
        (account.limit, account.held, account.posted) = (1_000, 300, 50);
        let json = serde_json::to_value(Account::from(account)).unwrap();
        assert_eq!((&json["available"], &json["currency"]), (&650.into(), &"EUR".into()));
    }
}
