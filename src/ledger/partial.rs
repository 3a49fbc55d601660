//! Partial approval: what is left on the account, where the terminal can do with less than it asks for.

use crate::domain::finding::{Finding, Numbers, Verdict};
use crate::domain::money::Money;
use crate::domain::request::{AuthRequest, Operation};
use crate::domain::standing::Rules;

/// The check that says what was asked for.
const CHECK: &str = "amount.partial";

/// The check that has refused.
const FUNDS: &str = "funds.available";

/// The same request for what the account has, if that alone is in the way of it.
pub(super) fn what_is_left(
    request: &AuthRequest,
    verdict: &Verdict,
    rules: &Rules,
) -> Option<AuthRequest> {
    let offered = rules.partial_approval && request.partial && is_plain(request);
    let mut refused = verdict.findings.iter().filter(|finding| finding.refusal.is_some());
    let (funds, None) = (refused.next().filter(|_| offered)?, refused.next()) else { return None };
    let numbers = funds.numbers.filter(|_| funds.check.as_str() == FUNDS)?;
    let left = numbers.max.checked_sub(numbers.used)?;
    let less = (1..request.amount.minor()).contains(&left);
    let amount = Money::new(left, request.amount.currency());
    less.then(|| AuthRequest { amount, ..request.clone() })
}

/// The methods of an ordinary authorization and of single messages (protocol reference, section 5.6).
const PLAIN: [&str; 3] = ["pgfs.authorization", "pgfs.auth_plus_capture", "pgfs.pindebit"];

/// A purchase and no more: whoever asks for cash, with a PIN or without, must not be given less.
fn is_plain(request: &AuthRequest) -> bool {
    let plain = |method: &str| PLAIN.iter().any(|plain| plain.eq_ignore_ascii_case(method));
    matches!(request.operation, Operation::Authorize | Operation::Debit)
        && request.method.as_deref().is_none_or(plain)
}

/// What was asked for, and what was approved of it.
pub(super) fn finding(asked: &AuthRequest, approved: &AuthRequest) -> Finding {
    let (asked, max) = (asked.amount.minor(), approved.amount.minor());
    let numbers = Some(Numbers { asked, used: 0, max });
    Finding { numbers, ..Finding::new(CHECK, None) }
}
