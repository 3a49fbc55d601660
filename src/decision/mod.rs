//! `decide`: may this card spend this, here, now? Pure and total: every input yields a verdict.
//!
//! Checks run in a fixed order, all findings are kept, the first refusal gives the reason.
#![deny(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::float_arithmetic,
    clippy::disallowed_methods
)]

mod card;
mod controls;
pub mod limits;

#[cfg(test)]
mod tests;

use crate::domain::facts::{CardFacts, Facts};
use crate::domain::finding::{Finding, Reason, Refusal, Verdict};
use crate::domain::request::{AuthRequest, Operation};
use crate::domain::standing::Standing;

/// What every check may look at.
struct Case<'a> {
    request: &'a AuthRequest,
    facts: &'a Facts,
    card: &'a CardFacts,
    standing: &'a Standing<'a>,
}

/// One check: it adds what it saw to the findings.
type Check = fn(&Case<'_>, &mut Vec<Finding>);

/// The checks of a purchase, in the order that decides which refusal is told.
const PURCHASE: [Check; 9] = [
    card::held,
    card::status,
    card::expiry,
    card::user_status,
    card::company_status,
    controls::all,
    currency,
    limits::all,
    funds,
];

/// The checks of a credit that is only announced.
const EXPECTED_CREDIT: [Check; 1] = [card::account_open];

/// The checks of a credit that is posted at once.
const CREDIT: [Check; 2] = [card::account_open, currency];

/// Decides a request on facts and standing.
pub fn decide(request: &AuthRequest, facts: &Facts, standing: &Standing<'_>) -> Verdict {
    let mut findings = Vec::with_capacity(16);
    findings.push(card::known(facts));
    if let Some(card) = facts.card.as_deref() {
        let case = Case { request, facts, card, standing };
        for check in checks_of(request.operation) {
            check(&case, &mut findings);
        }
    }
    let refusal = findings.iter().find_map(|finding| finding.refusal.clone());
    Verdict { refusal, findings }
}

const fn checks_of(operation: Operation) -> &'static [Check] {
    match operation {
        Operation::ExpectCredit => &EXPECTED_CREDIT,
        Operation::Credit => &CREDIT,
        _ => &PURCHASE,
    }
}

fn currency(case: &Case<'_>, findings: &mut Vec<Finding>) {
    let foreign = case.request.amount.currency() != case.card.currency;
    let refusal = foreign.then(|| Refusal::new(Reason::InvalidAmount, "currency.foreign"));
    findings.push(Finding::new("currency", refusal));
}

/// The available balance, and whether there is still a purchase to add to.
fn funds(case: &Case<'_>, findings: &mut Vec<Finding>) {
    if case.request.operation == Operation::Increment {
        let closed = case.standing.purchase_closed;
        let refusal =
            closed.then(|| Refusal::new(Reason::TransactionNotPermitted, "purchase.closed"));
        findings.push(Finding::new("purchase.open", refusal));
    }
    findings.push(limits::funds(case));
}
