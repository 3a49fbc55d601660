//! Checks on the card, its holder and the holder's company.

use crate::domain::facts::{Cardholder, Facts};
use crate::domain::finding::{Finding, Reason, Refusal};
use crate::domain::party::{CardStatus, CompanyStatus, UserStatus};

use super::Case;

/// Whether there is such a card.
pub(super) fn known(facts: &Facts) -> Finding {
    let unknown = facts.card.is_none();
    Finding::new("card.known", unknown.then(|| Refusal::new(Reason::InvalidCard, "card.unknown")))
}

/// Whether the cardholder that the message names holds the card.
pub(super) fn held(case: &Case<'_>, findings: &mut Vec<Finding>) {
    let code = match &case.facts.cardholder {
        Cardholder::Owner => None,
        Cardholder::Unknown => Some("cardholder.unknown"),
        Cardholder::Known(user) if user.id == case.card.owner.id => None,
        Cardholder::Known(_) => Some("card.not_held"),
    };
    findings.push(finding("card.held", code.map(|code| (Reason::InvalidCard, code))));
}

/// Whether the card may be used.
pub(super) fn status(case: &Case<'_>, findings: &mut Vec<Finding>) {
    let code = match case.card.status {
        CardStatus::Active => None,
        CardStatus::Limited if case.standing.rules.limited_card_spends => None,
        CardStatus::Limited => Some("card.limited"),
        CardStatus::Unactivated => Some("card.unactivated"),
        CardStatus::Suspended => Some("card.suspended"),
        CardStatus::Terminated => Some("card.terminated"),
    };
    findings.push(finding("card.status", code.map(|code| (Reason::CardNotActive, code))));
}

/// Whether the card's month has passed, in the account's time zone.
pub(super) fn expiry(case: &Case<'_>, findings: &mut Vec<Finding>) {
    let card = case.card;
    let passed = card.expires.is_some_and(|expiry| expiry.passed(case.standing.now, &card.zone));
    findings.push(finding("card.expiry", passed.then_some((Reason::ExpiredCard, "card.expired"))));
}

/// Whether the cardholder may spend.
pub(super) fn user_status(case: &Case<'_>, findings: &mut Vec<Finding>) {
    let refused = match case.card.owner.status {
        UserStatus::Active => None,
        UserStatus::Limited if case.standing.rules.limited_user_spends => None,
        UserStatus::Limited => Some((Reason::CardholderNotActive, "user.limited")),
        UserStatus::Unverified => Some((Reason::CardholderNotActive, "user.unverified")),
        UserStatus::Suspended => Some((Reason::CardholderNotActive, "user.suspended")),
        UserStatus::Closed => Some((Reason::ClosedAccount, "user.closed")),
    };
    findings.push(finding("user.status", refused));
}

/// Whether the company may spend. Personal cards have none.
pub(super) fn company_status(case: &Case<'_>, findings: &mut Vec<Finding>) {
    if let Some(company) = &case.card.owner.company {
        findings.push(finding("company.status", company_refusal(company.status)));
    }
}

/// Whether there still is an account to give money to.
pub(super) fn account_open(case: &Case<'_>, findings: &mut Vec<Finding>) {
    let owner = &case.card.owner;
    let refused = match &owner.company {
        Some(company) if company.status == CompanyStatus::Closed => company_refusal(company.status),
        None if owner.status == UserStatus::Closed => Some((Reason::ClosedAccount, "user.closed")),
        _ => None,
    };
    findings.push(finding("account.open", refused));
}

const fn company_refusal(status: CompanyStatus) -> Option<(Reason, &'static str)> {
    match status {
        CompanyStatus::Active => None,
        CompanyStatus::Suspended => Some((Reason::TransactionNotPermitted, "company.suspended")),
        CompanyStatus::Closed => Some((Reason::ClosedAccount, "company.closed")),
    }
}

fn finding(check: &'static str, refused: Option<(Reason, &'static str)>) -> Finding {
    Finding::new(check, refused.map(|(reason, code)| Refusal::new(reason, code)))
}
