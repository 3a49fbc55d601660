//! What the platform states of each purchase: its listed transactions, put together by the tokens with
//! which they name each other.

use std::collections::HashMap;

use crate::domain::chain::Link;
use crate::domain::time::Timestamp;
use crate::domain::token::Token;
use crate::wire::marqeta::listed::Listed;

/// One purchase as the platform states it, in minor units.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stated {
    /// Every name that one of its transactions has or follows.
    pub names: Vec<Link>,
    /// The first of its transactions, for the report.
    pub root: Option<Token>,
    /// Funding events that it says were approved.
    pub approved: Vec<Token>,
    /// Funding events that it says were declined.
    pub declined: Vec<Token>,
    /// What was asked for and granted, less what was reversed or taken off.
    pub net: i64,
    /// What was cleared, or taken at once.
    pub cleared: i64,
    /// What was given back.
    pub refunded: i64,
    /// Whether nothing more will be cleared.
    pub closed: bool,
    /// Its earliest transaction.
    pub since: Option<Timestamp>,
    /// Whether one of its transactions follows one that is not listed.
    pub partial: bool,
}

impl Stated {
    /// What must be held for it.
    pub const fn held(&self) -> i64 {
        let left = self.net.saturating_sub(self.cleared);
        if self.closed || left < 0 { 0 } else { left }
    }

    /// Whether it moves or holds anything.
    pub const fn has_money(&self) -> bool {
        self.held() != 0 || self.cleared != 0 || self.refunded != 0
    }

    fn take(&mut self, listed: &Listed) {
        let minor = listed.amount.minor();
        let failed = matches!(listed.state.as_str(), "DECLINED" | "ERROR");
        let debits = matches!(
            listed.kind.as_str(),
            "authorization"
                | "authorization.incremental"
                | "authorization.standin"
                | "pindebit"
                | "pindebit.authorization"
        );
        if let (true, Some(funding)) = (debits, &listed.funding) {
            let told = if failed { &mut self.declined } else { &mut self.approved };
            told.push(funding.clone());
        }
        if failed {
            return;
        }
        let kind = listed.kind.as_str();
        match kind {
            "pindebit" => {
                self.net = self.net.saturating_add(minor);
                self.cleared = self.cleared.saturating_add(minor);
                self.closed = true;
            }
            _ if debits => self.net = self.net.saturating_add(minor),
            "authorization.advice" => self.net = self.net.saturating_sub(minor),
            "authorization.reversal" | "pindebit.authorization.reversal" => {
                self.net = self.net.saturating_sub(minor);
                self.closed |= listed.state == "CLEARED";
            }
            "authorization.reversal.issuerexpiration" => self.closed = true,
            "authorization.clearing" | "pindebit.authorization.clearing" => {
                self.cleared = self.cleared.saturating_add(minor);
                self.closed |= listed.is_final;
            }
            "refund"
            | "refund.authorization.clearing"
            | "pindebit.refund"
            | "original.credit.authorization.clearing" => {
                self.refunded = self.refunded.saturating_add(minor);
            }
            _ => {}
        }
    }
}

/// Puts a list together. A transaction that is listed twice counts once, as it was listed last.
pub fn state(list: &[Listed]) -> Vec<Stated> {
    let mut last: HashMap<&Token, usize> = HashMap::new();
    for (at, listed) in list.iter().enumerate() {
        last.insert(&listed.token, at);
    }
    let listed = || list.iter().enumerate().filter(|(at, one)| last.get(&one.token) == Some(at));
    let mut groups = Groups::default();
    for (_, one) in listed() {
        groups.join(&names(one));
    }
    let mut stated: HashMap<usize, Stated> = HashMap::new();
    for (_, one) in listed() {
        let own = names(one);
        let Some(group) = own.first().and_then(|name| groups.find(name)) else { continue };
        let purchase = stated.entry(group).or_default();
        purchase.take(one);
        purchase.since = match (purchase.since, one.created) {
            (Some(since), Some(created)) => Some(since.min(created)),
            (since, created) => since.or(created),
        };
        purchase.partial |=
            one.preceding.as_ref().is_some_and(|preceding| !last.contains_key(preceding));
        if one.preceding.is_none() || purchase.root.is_none() {
            purchase.root = Some(one.token.clone());
        }
        for name in own {
            if !purchase.names.contains(&name) {
                purchase.names.push(name);
            }
        }
    }
    let mut stated: Vec<(usize, Stated)> = stated.into_iter().collect();
    stated.sort_by_key(|(group, _)| *group);
    stated.into_iter().map(|(_, purchase)| purchase).collect()
}

fn names(listed: &Listed) -> Vec<Link> {
    let transactions = [Some(&listed.token), listed.preceding.as_ref()];
    let fundings = [listed.funding.as_ref(), listed.original.as_ref()];
    let transactions = transactions.into_iter().flatten().cloned().map(Link::Transaction);
    transactions.chain(fundings.into_iter().flatten().cloned().map(Link::Funding)).collect()
}

/// Names that stand for one purchase: a forest whose roots are the purchases.
#[derive(Default)]
struct Groups {
    of: HashMap<Link, usize>,
    parents: Vec<usize>,
}

impl Groups {
    fn join(&mut self, names: &[Link]) {
        let known: Vec<usize> = names.iter().filter_map(|name| self.find(name)).collect();
        let root = known.iter().copied().min().unwrap_or_else(|| {
            self.parents.push(self.parents.len());
            self.parents.len() - 1
        });
        for other in known {
            if let Some(parent) = self.parents.get_mut(other) {
                *parent = root;
            }
        }
        for name in names {
            self.of.insert(name.clone(), root);
        }
    }

    fn find(&self, name: &Link) -> Option<usize> {
        let mut group = *self.of.get(name)?;
        while let Some(parent) = self.parents.get(group)
            && *parent != group
        {
            group = *parent;
        }
        Some(group)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::money::{Currency, Money};

    fn one(kind: &str, state: &str, token: &str, follows: Option<&str>, minor: i64) -> Listed {
        Listed {
            token: token.parse().unwrap(),
            kind: kind.to_owned(),
            state: state.to_owned(),
            preceding: follows.map(|token| token.parse().unwrap()),
            funding: Some(format!("f-{token}").parse().unwrap()),
            original: None,
            amount: Money::new(minor, Currency::parse("EUR").unwrap()),
            is_final: false,
            created: None,
        }
    }

    #[test]
    fn transactions_are_put_together_in_any_order_and_once() {
        let list = [
            one("authorization.clearing", "COMPLETION", "c", Some("i"), 70),
            one("authorization", "PENDING", "a", None, 100),
            one("authorization", "PENDING", "other", None, 5),
            one("authorization.incremental", "PENDING", "i", Some("a"), 20),
            one("authorization", "PENDING", "a", None, 100),
            one("refund", "COMPLETION", "r", Some("c"), 10),
        ];
        let mut orders = vec![list.to_vec()];
        orders.push(list.iter().rev().cloned().collect());
        for list in orders {
            let mut stated = state(&list);
            stated.sort_by_key(|purchase| purchase.names.len());
            assert_eq!(stated.len(), 2);
            let purchase = &stated[1];
            assert_eq!((purchase.net, purchase.held(), purchase.cleared), (120, 50, 70));
            assert_eq!((purchase.refunded, purchase.approved.len()), (10, 2));
            assert_eq!(stated[0].held(), 5);
        }
    }

    #[test]
    fn what_was_declined_holds_nothing_and_a_full_reversal_ends_the_purchase() {
        let declined = state(&[one("authorization", "DECLINED", "a", None, 100)]);
        assert!(!declined[0].has_money());
        assert_eq!(declined[0].declined.len(), 1);
        let reversed = state(&[
            one("authorization", "PENDING", "a", None, 100),
            one("authorization.reversal", "CLEARED", "r", Some("a"), 90),
        ]);
        assert_eq!((reversed[0].held(), reversed[0].closed), (0, true));
        assert!(!reversed[0].partial);
        let later = state(&[one("authorization.clearing", "COMPLETION", "c", Some("a"), 9)]);
        assert!(later[0].partial);
        let debit = state(&[one("pindebit", "COMPLETION", "p", None, 7)]);
        assert_eq!((debit[0].cleared, debit[0].held()), (7, 0));
    }
}
