//! Limits of one owner that contradict each other: what the one allows can never be used, because the
//! other allows less over a longer time. Which of two rules somebody has meant, only they can tell.

use super::{Limit, LimitMode, Scope};
use crate::domain::time::Window;

/// What a limit limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// How much is spent.
    Amount,
    /// How often cards are used.
    Count,
}

impl Quantity {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Amount, Self::Count];

    /// The most that a limit allows of it; `None`: it does not limit this.
    pub const fn of(self, limit: &Limit) -> Option<i64> {
        match self {
            Self::Amount => limit.amount,
            Self::Count => limit.count,
        }
    }
}

impl Limit {
    /// Whether one of the two allows less of this than the other allows over a shorter time. Only limits
    /// that bind the same owner in the same currency at the same merchants are compared.
    pub fn contradicts(&self, other: &Self, quantity: Quantity) -> bool {
        let (short, long) = if self.window < other.window { (self, other) } else { (other, self) };
        let alike = (short.scope, short.currency) == (long.scope, long.currency)
            && short.merchant == long.merchant;
        let less = match (quantity.of(short), quantity.of(long)) {
            (Some(short), Some(long)) => long < short,
            _ => false,
        };
        short.window < long.window && alike && less && long.counts_all_of(short)
    }

    /// The same of a limit that is made, or changed from what it was before. Where the two contradicted each
    /// other then already, that is no reason to refuse a change: it may be on its way to better.
    pub fn comes_to_contradict(
        &self,
        before: Option<&Self>,
        other: &Self,
        quantity: Quantity,
    ) -> bool {
        self.contradicts(other, quantity)
            && !before.is_some_and(|before| before.contradicts(other, quantity))
    }

    /// All cards together may well use more in a day than each of them in a week.
    fn counts_all_of(&self, short: &Self) -> bool {
        let is_of_one_card =
            matches!(short.scope, Scope::Card(_)) || short.window == Window::Transaction;
        is_of_one_card || short.mode == LimitMode::Cap || self.mode == LimitMode::Pool
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use uuid::Uuid;

    use super::*;
    use crate::domain::id::{CardId, CompanyId, LimitId};
    use crate::domain::money::Currency;
    use crate::domain::policy::MerchantScope;
    use crate::domain::time::Timestamp;

    const WINDOWS: [Window; 5] =
        [Window::Transaction, Window::Day, Window::Week, Window::Month, Window::Lifetime];

    fn limit(window: Window, amount: i64) -> Limit {
        Limit {
            id: LimitId::new(Uuid::nil()),
            scope: Scope::Card(CardId::new(Uuid::nil())),
            merchant: MerchantScope::Any,
            window,
            amount: Some(amount),
            count: None,
            currency: None,
            mode: LimitMode::Cap,
            version: 1,
            created_at: Timestamp::from_micros(0),
        }
    }

    #[test]
    fn only_a_change_that_brings_a_contradiction_is_refused() {
        let day = |amount| limit(Window::Day, amount);
        let week = limit(Window::Week, 400);
        let comes = |before: Option<&Limit>, after: &Limit| {
            after.comes_to_contradict(before, &week, Quantity::Amount)
        };
        assert!(comes(None, &day(500)) && comes(Some(&day(400)), &day(401)));
        assert!(!comes(Some(&day(500)), &day(450)), "cut, and still above");
        assert!(!comes(Some(&day(500)), &day(300)) && !comes(None, &day(400)));
    }

    /// Whichever of the two is new.
    fn check(one: &Limit, other: &Limit, expected: bool) {
        for quantity in [Quantity::Amount, Quantity::Count] {
            let both = (one.contradicts(other, quantity), other.contradicts(one, quantity));
            let expected = expected && quantity.of(one).is_some();
            assert_eq!(both, (expected, expected), "{quantity:?} of {one:?} and {other:?}");
        }
    }

    #[test]
    fn a_longer_window_allows_no_less_than_a_shorter_one() {
        for (at, short) in WINDOWS.into_iter().enumerate() {
            for long in WINDOWS.into_iter().skip(at + 1) {
                check(&limit(short, 500), &limit(long, 499), true);
                check(&limit(short, 500), &limit(long, 500), false);
                check(&limit(short, 500), &limit(long, 501), false);
            }
            check(&limit(short, 500), &limit(short, 499), false);
        }
        check(&limit(Window::Transaction, 1), &limit(Window::Day, 0), true);
    }

    #[test]
    fn counts_are_compared_like_amounts_and_never_with_them() {
        let count = |window, count| Limit { amount: None, count: Some(count), ..limit(window, 0) };
        check(&count(Window::Day, 5), &count(Window::Week, 4), true);
        check(&count(Window::Day, 5), &count(Window::Week, 5), false);
        check(&count(Window::Day, 5), &limit(Window::Week, 4), false);
        check(&limit(Window::Day, 5), &count(Window::Week, 4), false);
    }

    #[test]
    fn only_limits_of_one_owner_currency_and_kind_of_merchants_are_compared() {
        let (day, week) = (limit(Window::Day, 500), limit(Window::Week, 400));
        check(&day, &week, true);
        let euro = Currency::parse("EUR");
        let mid = |name: &str| MerchantScope::Mid(Arc::from(name));
        let others = [
            Limit { scope: Scope::Card(CardId::new(Uuid::max())), ..week.clone() },
            Limit { scope: Scope::Program, ..week.clone() },
            Limit { currency: euro, ..week.clone() },
            Limit { merchant: mid("m-1"), ..week.clone() },
        ];
        for other in others {
            check(&day, &other, false);
        }
        let in_euro = |limit: &Limit| Limit { currency: euro, ..limit.clone() };
        check(&in_euro(&day), &in_euro(&week), true);
        let at = |limit: &Limit, name| Limit { merchant: mid(name), ..limit.clone() };
        check(&at(&day, "m-1"), &at(&week, "m-1"), true);
        check(&at(&day, "m-1"), &at(&week, "m-2"), false);
    }

    #[test]
    fn what_cards_may_do_together_is_not_bound_by_what_each_may() {
        let company = |limit: Limit, mode| Limit {
            scope: Scope::Company(CompanyId::new(Uuid::nil())),
            mode,
            ..limit
        };
        let (day, week) = (limit(Window::Day, 500), limit(Window::Week, 400));
        let pair = |short, long| (company(day.clone(), short), company(week.clone(), long));
        for (short, long, expected) in [
            (LimitMode::Cap, LimitMode::Cap, true),
            (LimitMode::Cap, LimitMode::Pool, true),
            (LimitMode::Pool, LimitMode::Pool, true),
            (LimitMode::Pool, LimitMode::Cap, false),
        ] {
            let (day, week) = pair(short, long);
            check(&day, &week, expected);
        }
        let pool = Limit { mode: LimitMode::Pool, ..day };
        check(&pool, &week, true); // of one card there is nothing to share
        let purchase = company(limit(Window::Transaction, 500), LimitMode::Pool);
        check(&purchase, &company(week, LimitMode::Cap), true);
    }
}
