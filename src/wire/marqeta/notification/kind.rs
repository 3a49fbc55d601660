//! Transaction types: what each of those that move our books does. There are some 126 of them and more
//! to come; the rest are kept without effect. A type that is not known here goes by its funding method.

use crate::domain::request::Operation;

/// What a transaction does to the books.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A message that asks for a decision: it was approved or declined.
    Message(Operation),
    /// It tells of something that has happened.
    Step(Verb),
    /// Nothing.
    Nothing,
}

/// What has happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// The purchase shrinks.
    Advise,
    /// It is given back, in part or whole.
    Reverse,
    /// The hold ran out at the platform.
    Expire,
    /// It is posted.
    Clear,
    /// It is posted without an authorization.
    ForcePost,
    /// Money goes back to the cardholder.
    Refund,
    /// A credit is announced.
    ExpectCredit,
    /// An announced credit will not come.
    CancelCredit,
    /// A provisional credit.
    Chargeback,
    /// It is taken back.
    ChargebackReversal,
    /// The network pays for it.
    ChargebackWon,
    /// A correction in the cardholder's favour.
    AdjustCredit,
    /// A correction at the cardholder's expense.
    AdjustDebit,
}

/// What a transaction does, by its type, else by its funding method.
pub fn kind(transaction: &str, method: Option<&str>) -> Kind {
    by_type(transaction).or_else(|| method.and_then(by_method)).unwrap_or(Kind::Nothing)
}

/// Whether anything is known of the type or of the method.
pub fn is_known(transaction: &str, method: Option<&str>) -> bool {
    by_type(transaction).is_some() || method.and_then(by_method).is_some()
}

fn by_type(name: &str) -> Option<Kind> {
    let name = name.trim();
    let named = TYPES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    named.map(|(_, kind)| *kind)
}

fn by_method(name: &str) -> Option<Kind> {
    let name = name.trim();
    let named = METHODS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    named.map(|(_, kind)| *kind)
}

const AUTHORIZE: Kind = Kind::Message(Operation::Authorize);
const INCREMENT: Kind = Kind::Message(Operation::Increment);
const DEBIT: Kind = Kind::Message(Operation::Debit);
const CREDIT: Kind = Kind::Message(Operation::Credit);
const ADVISE: Kind = Kind::Step(Verb::Advise);
const REVERSE: Kind = Kind::Step(Verb::Reverse);
const EXPIRE: Kind = Kind::Step(Verb::Expire);
const CLEAR: Kind = Kind::Step(Verb::Clear);
const FORCE: Kind = Kind::Step(Verb::ForcePost);
const REFUND: Kind = Kind::Step(Verb::Refund);
const EXPECT: Kind = Kind::Step(Verb::ExpectCredit);
const CANCEL: Kind = Kind::Step(Verb::CancelCredit);
const DISPUTE: Kind = Kind::Step(Verb::Chargeback);
const DISPUTE_BACK: Kind = Kind::Step(Verb::ChargebackReversal);
const DISPUTE_WON: Kind = Kind::Step(Verb::ChargebackWon);
const ADJUST_CREDIT: Kind = Kind::Step(Verb::AdjustCredit);
const ADJUST_DEBIT: Kind = Kind::Step(Verb::AdjustDebit);

/// Types, as the platform spells them without the family. Those of the last group are known to move
/// nothing of ours.
const TYPES: [(&str, Kind); 59] = [
    ("authorization", AUTHORIZE),
    ("authorization.incremental", INCREMENT),
    ("authorization.standin", AUTHORIZE),
    ("authorization.cashback", AUTHORIZE),
    ("authorization.quasi.cash", AUTHORIZE),
    ("authorization.atm.withdrawal", AUTHORIZE),
    ("pindebit.authorization", AUTHORIZE),
    ("pindebit", DEBIT),
    ("pindebit.cashback", DEBIT),
    ("pindebit.quasi.cash", DEBIT),
    ("pindebit.atm.withdrawal", DEBIT),
    ("pindebit.standin", DEBIT),
    ("auth_plus_capture", DEBIT),
    ("auth_plus_capture.standin", DEBIT),
    ("original.credit.auth_plus_capture", CREDIT),
    ("authorization.advice", ADVISE),
    ("authorization.reversal", REVERSE),
    ("authorization.incremental.reversal", REVERSE),
    ("authorization.quasi.cash.reversal", REVERSE),
    ("pindebit.authorization.reversal", REVERSE),
    ("authorization.reversal.issuerexpiration", EXPIRE),
    ("pindebit.authorization.reversal.issuerexpiration", EXPIRE),
    ("authorization.clearing", CLEAR),
    ("authorization.clearing.quasi.cash", CLEAR),
    ("authorization.clearing.cashback", CLEAR),
    ("authorization.clearing.atm.withdrawal", CLEAR),
    ("pindebit.authorization.clearing", CLEAR),
    ("refund", REFUND),
    ("pindebit.refund", REFUND),
    ("refund.authorization.clearing", REFUND),
    ("original.credit.authorization.clearing", REFUND),
    ("refund.authorization", EXPECT),
    ("original.credit.authorization", EXPECT),
    ("refund.authorization.reversal", CANCEL),
    ("refund.authorization.reversal.issuerexpiration", CANCEL),
    ("original.credit.authorization.reversal", CANCEL),
    ("original.credit.authorization.reversal.issuerexpiration", CANCEL),
    ("authorization.clearing.chargeback", DISPUTE),
    ("authorization.clearing.chargeback.provisional.credit", DISPUTE),
    ("pindebit.chargeback", DISPUTE),
    ("pindebit.chargeback.provisional.credit", DISPUTE),
    ("dispute.credit", DISPUTE),
    ("gpa.credit.chargeback", DISPUTE),
    ("authorization.clearing.chargeback.reversal", DISPUTE_BACK),
    ("authorization.clearing.chargeback.provisional.debit", DISPUTE_BACK),
    ("pindebit.chargeback.reversal", DISPUTE_BACK),
    ("pindebit.chargeback.provisional.debit", DISPUTE_BACK),
    ("dispute.debit", DISPUTE_BACK),
    ("gpa.credit.chargeback.reversal", DISPUTE_BACK),
    ("authorization.clearing.chargeback.completed", DISPUTE_WON),
    ("pindebit.chargeback.completed", DISPUTE_WON),
    ("balanceinquiry", Kind::Nothing),
    ("pindebit.balanceinquiry", Kind::Nothing),
    ("authorization.account_verification", Kind::Nothing),
    ("pin.change", Kind::Nothing),
    ("token.activation-request", Kind::Nothing),
    ("token.advice", Kind::Nothing),
    ("authorization.clearing.chargeback.writeoff", Kind::Nothing),
    ("unknown", Kind::Nothing),
];

/// Funding methods of transactions whose type is not known above.
const METHODS: [(&str, Kind); 38] = [
    ("pgfs.authorization", AUTHORIZE),
    ("pgfs.authorization.incremental", INCREMENT),
    ("pgfs.authorization.cashback", AUTHORIZE),
    ("pgfs.authorization.quasi.cash", AUTHORIZE),
    ("pgfs.atm.withdrawal", AUTHORIZE),
    ("pgfs.pindebit.authorization", AUTHORIZE),
    ("pgfs.authorization.standin", AUTHORIZE),
    ("pgfs.auth_plus_capture", DEBIT),
    ("pgfs.auth_plus_capture.standin", DEBIT),
    ("pgfs.pindebit", DEBIT),
    ("pgfs.pindebit.cashback", DEBIT),
    ("pgfs.pindebit.quasi.cash", DEBIT),
    ("pgfs.pindebit.atm.withdrawal", DEBIT),
    ("pgfs.original.credit.auth_plus_capture", CREDIT),
    ("pgfs.authorization.reversal", REVERSE),
    ("pgfs.pindebit.authorization.reversal", REVERSE),
    ("pgfs.authorization.capture", CLEAR),
    ("pgfs.authorization.clearing", CLEAR),
    ("pgfs.atm.clearing.withdrawal", CLEAR),
    ("pgfs.authorization.clearing.quasi.cash", CLEAR),
    ("pgfs.pindebit.authorization.clearing", CLEAR),
    ("pgfs.force_capture", FORCE),
    ("pgfs.refund", REFUND),
    ("pgfs.refund.authorization.clearing", REFUND),
    ("pgfs.original.credit.authorization.clearing", REFUND),
    ("pgfs.pindebit.refund", REFUND),
    ("pgfs.authorization.capture.chargeback", DISPUTE),
    ("pgfs.pindebit.chargeback", DISPUTE),
    ("pgfs.dispute.credit", DISPUTE),
    ("pgfs.authorization.capture.chargeback.reversal", DISPUTE_BACK),
    ("pgfs.pindebit.chargeback.reversal", DISPUTE_BACK),
    ("pgfs.dispute.debit", DISPUTE_BACK),
    ("pgfs.adjustment.credit", ADJUST_CREDIT),
    ("pgfs.directdeposit.credit", ADJUST_CREDIT),
    ("pgfs.directdeposit.debit.reversal", ADJUST_CREDIT),
    ("pgfs.adjustment.debit", ADJUST_DEBIT),
    ("pgfs.directdeposit.debit", ADJUST_DEBIT),
    ("pgfs.directdeposit.credit.reversal", ADJUST_DEBIT),
];

/// Every type that is known, and every funding method.
#[cfg(test)]
pub(crate) fn known() -> (Vec<&'static str>, Vec<&'static str>) {
    let names = |table: &[(&'static str, Kind)]| table.iter().map(|(name, _)| *name).collect();
    (names(&TYPES), names(&METHODS))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::wire::marqeta::method::published;

    #[test]
    fn every_name_is_there_once_and_every_method_is_published() {
        let types: HashSet<_> = TYPES.iter().map(|(name, _)| name).collect();
        let methods: HashSet<_> = METHODS.iter().map(|(name, _)| name).collect();
        assert_eq!((types.len(), methods.len()), (TYPES.len(), METHODS.len()));
        assert!(methods.iter().all(|name| published(name).is_some()), "{methods:?}");
    }

    #[test]
    fn a_type_comes_before_its_method_and_either_may_be_unknown() {
        assert_eq!(kind("authorization", Some("pgfs.refund")), AUTHORIZE);
        assert_eq!(kind(" Authorization.Clearing ", None), CLEAR);
        assert_eq!(kind("gpa.debit", Some("pgfs.adjustment.debit")), ADJUST_DEBIT);
        assert_eq!(kind("brand.new", Some("pgfs.brand.new")), Kind::Nothing);
        assert!(!is_known("brand.new", None) && is_known("balanceinquiry", None));
    }
}
