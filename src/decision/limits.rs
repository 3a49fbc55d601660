//! Limits and the available balance: compared with what is used, under lock.

use crate::domain::finding::{Finding, Numbers, Reason, Refusal};
use crate::domain::policy::{Counter, Limit};
use crate::domain::time::Window;

use super::Case;

/// The sums of an account have left their range: no real balance comes near, so somebody has to look.
pub const OVERFLOW: &str = "funds.overflow";

/// Transaction limits first, then windows, narrowest scope first (the order of the facts).
pub(super) fn all(case: &Case<'_>, findings: &mut Vec<Finding>) {
    for transaction_limits in [true, false] {
        for (limit, used) in case.facts.limits.limits.iter().zip(&case.standing.used) {
            let is_transaction = limit.window == Window::Transaction;
            if is_transaction == transaction_limits && binds(limit, case) {
                compare(case, limit, used, findings);
            }
        }
    }
}

/// A purchase in a foreign currency is refused as that; its amount compares with nothing.
fn binds(limit: &Limit, case: &Case<'_>) -> bool {
    case.request.amount.currency() == case.card.currency
        && limit.counts(&case.request.merchant, case.card.currency)
}

fn compare(case: &Case<'_>, limit: &Limit, used: &Counter, findings: &mut Vec<Finding>) {
    let need = case.standing.need;
    if let Some(max) = limit.amount {
        let asked = if limit.window == Window::Transaction { need.total } else { need.counted };
        let numbers = Numbers { asked, used: used.amount, max };
        let code = amount_code(limit.window);
        findings.push(within(code, Reason::AmountLimitExceeded, limit, numbers));
    }
    if let Some(max) = limit.count {
        let numbers = Numbers { asked: need.uses, used: used.count, max };
        let code = count_code(limit.window);
        findings.push(within(code, Reason::TransactionCountLimitExceeded, limit, numbers));
    }
}

fn within(code: &'static str, reason: Reason, limit: &Limit, numbers: Numbers) -> Finding {
    let refusal = exceeds(numbers).then(|| Refusal::new(reason, code));
    Finding { limit: Some(limit.id), numbers: Some(numbers), ..Finding::new(code, refusal) }
}

/// Asking for nothing never exceeds; a sum that overflows always does.
fn exceeds(numbers: Numbers) -> bool {
    let sum = numbers.used.checked_add(numbers.asked);
    numbers.asked > 0 && sum.is_none_or(|sum| sum > numbers.max)
}

/// The available balance: held + posted + what is asked, against limit + funded. A sum that leaves the
/// range of a balance compares with nothing.
pub(super) fn funds(case: &Case<'_>) -> Finding {
    let Some(account) = case.standing.account else {
        let refusal = Refusal::new(Reason::TransactionNotPermitted, "account.unknown");
        return Finding::new("funds.available", Some(refusal));
    };
    if case.request.amount.currency() != account.currency {
        return Finding::new("funds.available", None); // refused as a foreign currency already
    }
    let asked = case.standing.need.funds;
    let (used, max) =
        (account.held.checked_add(account.posted), account.limit.checked_add(account.funded));
    let (Some(used), Some(max)) = (used.filter(|used| used.checked_add(asked).is_some()), max)
    else {
        let refusal = Refusal::new(Reason::AmountLimitExceeded, OVERFLOW);
        return Finding::new("funds.available", Some(refusal));
    };
    let numbers = Numbers { asked, used, max };
    let refusal =
        exceeds(numbers).then(|| Refusal::new(Reason::InsufficientFunds, "funds.insufficient"));
    Finding { numbers: Some(numbers), ..Finding::new("funds.available", refusal) }
}

const fn amount_code(window: Window) -> &'static str {
    match window {
        Window::Transaction => "limit.transaction.amount",
        Window::Day => "limit.day.amount",
        Window::Week => "limit.week.amount",
        Window::Month => "limit.month.amount",
        Window::Lifetime => "limit.lifetime.amount",
    }
}

const fn count_code(window: Window) -> &'static str {
    match window {
        Window::Transaction => "limit.transaction.count",
        Window::Day => "limit.day.count",
        Window::Week => "limit.week.count",
        Window::Month => "limit.month.count",
        Window::Lifetime => "limit.lifetime.count",
    }
}
