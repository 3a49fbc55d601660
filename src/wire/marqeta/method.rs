//! Funding methods: what each of the platform's 50 asks for. The list is open, so an unknown one is
//! judged by the order that it sits in.

use crate::domain::request::Operation;

/// What a method asks of us at the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MethodClass {
    /// A decision.
    Judge(Operation),
    /// Nothing: it tells of something that has happened, and is answered with its echo.
    Informative,
}

/// In which order of the message the funding data sits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// `gpa_order`: funds go to the account, as for a purchase.
    Load,
    /// `gpa_order_unload`: funds leave the account, as for a refund.
    Unload,
}

/// The class of a method; `None`: the platform did not publish it. Case and padding do not matter.
pub fn published(method: &str) -> Option<MethodClass> {
    let method = method.trim();
    let found = METHODS.iter().find(|(name, _)| name.eq_ignore_ascii_case(method));
    found.map(|(_, class)| *class)
}

/// The class of any method, or of none: one that is not published is a debit in a load order and a
/// credit in an unload order.
pub fn classify(method: Option<&str>, order: Order) -> MethodClass {
    method.and_then(published).unwrap_or(MethodClass::Judge(match order {
        Order::Load => Operation::Authorize,
        Order::Unload => Operation::ExpectCredit,
    }))
}

const AUTHORIZE: MethodClass = MethodClass::Judge(Operation::Authorize);
const INCREMENT: MethodClass = MethodClass::Judge(Operation::Increment);
const DEBIT: MethodClass = MethodClass::Judge(Operation::Debit);
const VERIFY: MethodClass = MethodClass::Judge(Operation::Verify);
const BALANCE: MethodClass = MethodClass::Judge(Operation::BalanceInquiry);
const EXPECT_CREDIT: MethodClass = MethodClass::Judge(Operation::ExpectCredit);
const CREDIT: MethodClass = MethodClass::Judge(Operation::Credit);
const INFORMATIVE: MethodClass = MethodClass::Informative;

/// The published methods. The frequent ones come first, because the list is searched in order.
pub const METHODS: [(&str, MethodClass); 50] = [
    ("pgfs.authorization", AUTHORIZE),
    ("pgfs.authorization.incremental", INCREMENT),
    ("pgfs.auth_plus_capture", DEBIT),
    ("pgfs.refund.authorization", EXPECT_CREDIT),
    ("pgfs.authorization.account_verification", VERIFY),
    ("pgfs.authorization.cashback", AUTHORIZE),
    ("pgfs.authorization.quasi.cash", AUTHORIZE),
    ("pgfs.atm.withdrawal", AUTHORIZE),
    ("pgfs.pindebit", DEBIT),
    ("pgfs.pindebit.cashback", DEBIT),
    ("pgfs.pindebit.quasi.cash", DEBIT),
    ("pgfs.pindebit.atm.withdrawal", DEBIT),
    ("pgfs.pindebit.authorization", AUTHORIZE),
    ("pgfs.balanceinquiry", BALANCE),
    ("pgfs.pindebit.balanceinquiry", BALANCE),
    ("pgfs.original.credit.authorization", EXPECT_CREDIT),
    ("pgfs.original.credit.auth_plus_capture", CREDIT),
    ("pgfs.network.load", EXPECT_CREDIT),
    ("pgfs.billpayment", EXPECT_CREDIT),
    ("pgfs.authorization.reversal", INFORMATIVE),
    ("pgfs.authorization.advice", INFORMATIVE),
    ("pgfs.authorization.capture", INFORMATIVE),
    ("pgfs.authorization.clearing", INFORMATIVE),
    ("pgfs.atm.clearing.withdrawal", INFORMATIVE),
    ("pgfs.authorization.clearing.quasi.cash", INFORMATIVE),
    ("pgfs.force_capture", INFORMATIVE),
    ("pgfs.refund", INFORMATIVE),
    ("pgfs.refund.authorization.clearing", INFORMATIVE),
    ("pgfs.refund.authorization.reversal", INFORMATIVE),
    ("pgfs.original.credit.authorization.clearing", INFORMATIVE),
    ("pgfs.original.credit.authorization.reversal", INFORMATIVE),
    ("pgfs.pindebit.authorization.clearing", INFORMATIVE),
    ("pgfs.pindebit.authorization.reversal", INFORMATIVE),
    ("pgfs.pindebit.refund", INFORMATIVE),
    ("pgfs.authorization.capture.chargeback", INFORMATIVE),
    ("pgfs.authorization.capture.chargeback.reversal", INFORMATIVE),
    ("pgfs.pindebit.chargeback", INFORMATIVE),
    ("pgfs.pindebit.chargeback.reversal", INFORMATIVE),
    ("pgfs.dispute.credit", INFORMATIVE),
    ("pgfs.dispute.debit", INFORMATIVE),
    ("pgfs.adjustment.credit", INFORMATIVE),
    ("pgfs.adjustment.debit", INFORMATIVE),
    ("pgfs.directdeposit.credit", INFORMATIVE),
    ("pgfs.directdeposit.debit", INFORMATIVE),
    ("pgfs.directdeposit.credit.reversal", INFORMATIVE),
    ("pgfs.directdeposit.debit.reversal", INFORMATIVE),
    ("pgfs.billpayment.capture", INFORMATIVE),
    ("pgfs.billpayment.reversal", INFORMATIVE),
    ("pgfs.authorization.standin", INFORMATIVE),
    ("pgfs.auth_plus_capture.standin", INFORMATIVE),
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_published_method_is_there_once() {
        let names: HashSet<_> = METHODS.iter().map(|(name, _)| name).collect();
        assert_eq!(names.len(), 50);
        assert!(
            names.iter().all(|name| name.starts_with("pgfs.") && **name == name.to_lowercase())
        );
        let judged = METHODS.iter().filter(|(_, class)| *class != INFORMATIVE).count();
        assert_eq!(judged, 19, "actionable methods");
    }

    #[test]
    fn case_and_padding_do_not_matter() {
        for method in ["pgfs.authorization.incremental", " PGFS.Authorization.Incremental  "] {
            assert_eq!(classify(Some(method), Order::Load), INCREMENT);
        }
    }

    #[test]
    fn an_unpublished_method_is_judged_by_its_order() {
        for method in [None, Some(""), Some("pgfs.brand.new"), Some("pgfs.authorization.")] {
            assert_eq!(classify(method, Order::Load), AUTHORIZE, "{method:?}");
            assert_eq!(classify(method, Order::Unload), EXPECT_CREDIT, "{method:?}");
        }
        assert_eq!(classify(Some("pgfs.refund.authorization"), Order::Load), EXPECT_CREDIT);
    }
}
