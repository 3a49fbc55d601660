//! What the platform states of each purchase: its listed transactions, put together by the tokens with
//! which they name each other.

use std::collections::HashMap;

use super::figures::Figures;
use crate::domain::chain::{Link, Totals};
use crate::domain::request::Operation;
use crate::domain::time::Timestamp;
use crate::domain::token::Token;
use crate::wire::marqeta::listed::{Effect, Listed};
use crate::wire::marqeta::notification::kind::Verb;
use crate::wire::marqeta::notification::message::Amount;

/// A message that asked for a decision, and what the platform says became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// What our decision may be known by: the funding event, and the transaction of one that was
    /// approved in our name.
    pub tokens: [Token; 2],
    /// Whether it was approved.
    pub approved: bool,
}

/// One purchase as the platform states it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stated {
    /// Every name that one of its transactions has or follows.
    pub names: Vec<Link>,
    /// The first of its transactions, for the report.
    pub root: Option<Token>,
    /// Messages that asked for a decision.
    pub asked: Vec<Asked>,
    /// Sums over its transactions, in minor units.
    pub totals: Totals,
    /// Corrections at the cardholder's expense, less those in his favour.
    pub adjusted: i64,
    /// Whether nothing more is held.
    pub closed: bool,
    /// Its earliest transaction.
    pub since: Option<Timestamp>,
    /// Whether one of its transactions follows one that is not listed.
    pub partial: bool,
}

impl Stated {
    /// What our books must have of it.
    pub const fn figures(&self) -> Figures {
        let open = self.totals.net().saturating_sub(self.totals.cleared);
        let held = if self.closed || open < 0 { 0 } else { open };
        Figures::of(&self.totals, held, self.adjusted)
    }

    fn take(&mut self, listed: &Listed) {
        match listed.effect {
            Effect::Approved { operation, amount } => {
                self.ask(listed, true);
                self.grant(operation, amount.minor());
            }
            Effect::Declined { .. } => self.ask(listed, false),
            Effect::Moved { verb, amount, whole } => self.step(verb, amount, whole),
            Effect::Nothing => {}
        }
    }

    fn ask(&mut self, listed: &Listed, approved: bool) {
        if let Some(funding) = &listed.funding {
            let tokens = [funding.clone(), listed.token.clone()];
            self.asked.push(Asked { tokens, approved });
        }
    }

    /// As the ledger takes an approval.
    fn grant(&mut self, operation: Operation, minor: i64) {
        let totals = &mut self.totals;
        match operation {
            Operation::Authorize => add(&mut totals.authorized, minor),
            Operation::Increment => add(&mut totals.incremented, minor),
            Operation::Debit => {
                add(&mut totals.authorized, minor);
                add(&mut totals.cleared, minor);
                self.closed = true;
            }
            Operation::Credit => add(&mut totals.refunded, minor),
            Operation::Verify | Operation::BalanceInquiry | Operation::ExpectCredit => {}
        }
    }

    /// As the ledger takes a step.
    fn step(&mut self, verb: Verb, amount: Amount, whole: bool) {
        let totals = &mut self.totals;
        let minor = match (verb, amount) {
            // A total above what it stands at is refused there.
            (Verb::Advise, Amount::Total(total)) => {
                totals.net().saturating_sub(total.minor()).max(0)
            }
            (_, Amount::By(by) | Amount::Total(by)) => by.minor(),
        };
        match verb {
            Verb::Advise => add(&mut totals.shrunk, minor),
            Verb::Reverse if whole => self.closed = true,
            Verb::Reverse => add(&mut totals.reversed, minor),
            Verb::Expire => self.closed = true,
            Verb::Clear => {
                add(&mut totals.cleared, minor);
                self.closed |= whole;
            }
            Verb::ForcePost => {
                add(&mut totals.cleared, minor);
                self.closed = true;
            }
            Verb::Refund => add(&mut totals.refunded, minor),
            Verb::ExpectCredit => add(&mut totals.expected, minor),
            Verb::CancelCredit => add(&mut totals.cancelled, minor),
            Verb::Chargeback => add(&mut totals.disputed, minor),
            Verb::ChargebackReversal => add(&mut totals.disputed, minor.saturating_neg()),
            Verb::ChargebackWon => {} // the network pays: the cardholder keeps the credit
            Verb::AdjustCredit => add(&mut self.adjusted, minor.saturating_neg()),
            Verb::AdjustDebit => add(&mut self.adjusted, minor),
        }
    }
}

fn add(total: &mut i64, minor: i64) {
    *total = total.saturating_add(minor);
}

/// Puts a list together. A transaction that is listed twice counts once, as it was listed last.
pub fn state(list: &[Listed]) -> Vec<Stated> {
    let mut last: HashMap<&Token, usize> = HashMap::new();
    for (at, listed) in list.iter().enumerate() {
        last.insert(&listed.token, at);
    }
    let listed = list.iter().enumerate().filter(|(at, one)| last.get(&one.token) == Some(at));
    let mut listed: Vec<&Listed> = listed.map(|(_, one)| one).collect();
    // An advice to a total looks at what was granted until then.
    listed.sort_by_key(|one| (one.created, one.operation().is_none()));
    let mut groups = Groups::default();
    for one in &listed {
        groups.join(&names(one));
    }
    let mut stated: HashMap<usize, Stated> = HashMap::new();
    for one in listed {
        let own = names(one);
        let Some(group) = own.first().and_then(|name| groups.find(name)) else { continue };
        let purchase = stated.entry(group).or_default();
        purchase.take(one);
        purchase.since = match (purchase.since, one.created) {
            (Some(since), Some(created)) => Some(since.min(created)),
            (since, created) => since.or(created),
        };
        purchase.partial |= preceding(one).iter().any(|before| !last.contains_key(before));
        if one.preceding.is_empty() || purchase.root.is_none() {
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

/// Whether it is a purchase, or a credit, of its own whatever it follows; the ledger holds it so.
fn is_single(listed: &Listed) -> bool {
    matches!(listed.operation(), Some(Operation::Debit | Operation::Credit))
}

/// The transactions of its purchase that it follows.
fn preceding(listed: &Listed) -> &[Token] {
    if is_single(listed) { &[] } else { &listed.preceding }
}

fn names(listed: &Listed) -> Vec<Link> {
    let original = listed.original.as_ref().filter(|_| !is_single(listed));
    let transactions = std::iter::once(&listed.token).chain(preceding(listed));
    let transactions = transactions.cloned().map(Link::Transaction);
    let fundings = listed.funding.as_ref().into_iter().chain(original);
    transactions.chain(fundings.cloned().map(Link::Funding)).collect()
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

    fn eur(minor: i64) -> Money {
        Money::new(minor, Currency::parse("EUR").unwrap())
    }

    fn one(token: &str, follows: Option<&str>, effect: Effect) -> Listed {
        Listed {
            token: token.parse().unwrap(),
            effect,
            preceding: follows.into_iter().map(|token| token.parse().unwrap()).collect(),
            funding: Some(format!("f-{token}").parse().unwrap()),
            original: None,
            created: None,
        }
    }

    fn approved(operation: Operation, minor: i64) -> Effect {
        Effect::Approved { operation, amount: eur(minor) }
    }

    fn moved(verb: Verb, minor: i64, whole: bool) -> Effect {
        Effect::Moved { verb, amount: Amount::By(eur(minor)), whole }
    }

    #[test]
    fn transactions_are_put_together_in_any_order_and_once() {
        let list = [
            one("c", Some("i"), moved(Verb::Clear, 70, false)),
            one("a", None, approved(Operation::Authorize, 100)),
            one("other", None, approved(Operation::Authorize, 5)),
            one("i", Some("a"), approved(Operation::Increment, 20)),
            one("a", None, approved(Operation::Authorize, 100)),
            one("r", Some("c"), moved(Verb::Refund, 10, false)),
        ];
        let mut orders = vec![list.to_vec()];
        orders.push(list.iter().rev().cloned().collect());
        for list in orders {
            let mut stated = state(&list);
            stated.sort_by_key(|purchase| purchase.names.len());
            assert_eq!(stated.len(), 2);
            let purchase = &stated[1];
            let expected = Figures { held: 50, cleared: 70, refunded: 10, ..Figures::default() };
            assert_eq!((purchase.totals.net(), purchase.figures()), (120, expected));
            assert_eq!(purchase.asked.len(), 2);
            assert_eq!(stated[0].figures().held, 5);
        }
    }

    #[test]
    fn what_was_declined_holds_nothing_and_a_full_reversal_ends_the_purchase() {
        let operation = Some(Operation::Authorize);
        let declined = state(&[one("a", None, Effect::Declined { operation })]);
        assert!(declined[0].figures().are_zero() && !declined[0].asked[0].approved);
        let reversed = state(&[
            one("a", None, approved(Operation::Authorize, 100)),
            one("r", Some("a"), moved(Verb::Reverse, 90, true)),
        ]);
        assert_eq!((reversed[0].figures().held, reversed[0].closed), (0, true));
        assert!(!reversed[0].partial);
        let later = state(&[one("c", Some("a"), moved(Verb::Clear, 9, false))]);
        assert!(later[0].partial);
        let debit = state(&[one("p", Some("not-listed"), approved(Operation::Debit, 7))]);
        assert_eq!((debit[0].figures().cleared, debit[0].figures().held), (7, 0));
        assert!(!debit[0].partial, "a single message follows nothing");
    }

    #[test]
    fn an_advice_to_a_total_takes_off_what_was_granted_until_then() {
        let total =
            Effect::Moved { verb: Verb::Advise, amount: Amount::Total(eur(60)), whole: false };
        let at = |seconds: i64, listed: Listed| Listed {
            created: Some(Timestamp::from_micros(seconds * 1_000_000)),
            ..listed
        };
        let stated = state(&[
            at(3, one("i", Some("a"), approved(Operation::Increment, 20))),
            at(2, one("s", Some("a"), total)),
            at(1, one("a", None, approved(Operation::Authorize, 100))),
        ]);
        assert_eq!(stated[0].figures().held, 80);
        let undated = state(&[
            one("s", Some("a"), total),
            one("a", None, approved(Operation::Authorize, 100)),
        ]);
        assert_eq!(undated[0].figures().held, 60);
    }
}
