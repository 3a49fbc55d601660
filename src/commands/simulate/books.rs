//! Compares the books of the other side with what the platform remembers: each account, each purchase
//! that was decided, and the state of each card that was put into another one.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::operator::{Operator, OperatorError};
use super::platform::Platform;
use super::purchase::Purchase;
use crate::domain::id::Home;

/// Between two looks at books that are not equal yet.
const AGAIN_AFTER: Duration = Duration::from_millis(250);

/// What was compared.
#[derive(Debug, Default)]
pub(super) struct Comparison {
    /// Accounts.
    pub(super) accounts: usize,
    /// Those of them that are wallets.
    pub(super) wallets: usize,
    /// Purchases.
    pub(super) purchases: usize,
    /// Cards.
    pub(super) cards: usize,
    /// One line for each difference.
    pub(super) differences: Vec<String>,
}

/// Compares until the books are equal, or for so long: what was notified may still be on its way.
pub(super) async fn compare(
    platform: &Platform,
    operator: &Operator,
    patience: Duration,
) -> Result<Comparison, OperatorError> {
    let until = Instant::now() + patience;
    loop {
        let found = once(platform, operator).await?;
        if found.differences.is_empty() || Instant::now() >= until {
            return Ok(found);
        }
        tokio::time::sleep(AGAIN_AFTER).await;
    }
}

async fn once(platform: &Platform, operator: &Operator) -> Result<Comparison, OperatorError> {
    let (purchases, holders, cards) = {
        let state = platform.state();
        (state.purchases.clone(), state.holders.clone(), state.cards.clone())
    };
    let mut sums: BTreeMap<String, (i64, i64)> = BTreeMap::new();
    for user in holders.values() {
        sums.entry(user.clone()).or_default();
    }
    for purchase in &purchases {
        let Some(user) = holders.get(&purchase.card) else { continue };
        let (held, posted) = sums.entry(user.clone()).or_default();
        *held += purchase.held();
        *posted += purchase.posted();
    }
    let mut found = Comparison::default();
    for (user, expected) in sums {
        let Some(account) = operator.account_of(&user) else { continue };
        found.accounts += 1;
        found.wallets += usize::from(account.home == Home::Personal);
        let account = account.id;
        let read = operator.read(&format!("/api/v1/accounts/{account}")).await?;
        let read = read.unwrap_or_default();
        let stands = (number(&read["held"]), number(&read["posted"]));
        if stands != (Some(expected.0), Some(expected.1)) {
            found.differences.push(format!(
                "account {account}: held {} and posted {}, but {} and {} to the platform",
                read["held"], read["posted"], expected.0, expected.1,
            ));
        }
    }
    for purchase in &purchases {
        let Some(id) = &purchase.decision else { continue };
        found.purchases += 1;
        let read = operator.read(&format!("/api/v1/authorizations/{id}")).await?;
        let differs = read.map_or_else(
            || vec!["it is not there".to_owned()],
            |read| differences(&read, purchase),
        );
        found.differences.extend(differs.into_iter().map(|what| format!("purchase {id}: {what}")));
    }
    for (card, state) in &cards {
        let Some(path) = operator.path_of(card) else { continue };
        found.cards += 1;
        let read = operator.read(&path).await?.unwrap_or_default();
        if read["status"] != state.as_str() {
            let status = &read["status"];
            found.differences.push(format!("{path}: {status}, but {state} to the platform"));
        }
    }
    Ok(found)
}

fn differences(read: &Value, purchase: &Purchase) -> Vec<String> {
    let mut found = Vec::new();
    let granted = purchase.authorized > 0 || purchase.debited > 0;
    let decision = if granted { "approved" } else { "declined" };
    if read["decision"] != decision {
        found.push(format!("{}, but {decision} to the platform", read["decision"]));
    }
    if !granted {
        return found;
    }
    let totals = &read["totals"];
    let pairs = [
        ("hold", &read["hold"]["amount"], purchase.held()),
        ("refunded", &totals["refunded"], purchase.refunded),
        ("cleared", &totals["cleared"], purchase.cleared + purchase.debited),
    ];
    for (name, stands, expected) in pairs {
        if number(stands).unwrap_or(0) != expected {
            found.push(format!("{name} {stands}, but {expected} to the platform"));
        }
    }
    found
}

fn number(value: &Value) -> Option<i64> {
    value.as_i64()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn differences_name_both_sides() {
        let purchase = Purchase { authorized: 100, cleared: 30, ..Purchase::default() };
        let equal = json!({"decision": "approved", "hold": {"amount": 70},
            "totals": {"cleared": 30, "refunded": 0}});
        assert!(differences(&equal, &purchase).is_empty());
        let mut other = equal.clone();
        other["hold"]["amount"] = 100.into();
        assert_eq!(differences(&other, &purchase), ["hold 100, but 70 to the platform"]);
        let late = Purchase { late: true, ..Purchase::default() };
        assert_eq!(differences(&equal, &late), ["\"approved\", but declined to the platform"]);
    }
}
