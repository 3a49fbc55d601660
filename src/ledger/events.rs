//! The events that the ledger tells, written in the deciding transaction. Versioned; never personal
//! data, never a merchant's name.

use serde::Serialize;

use crate::decision::limits::OVERFLOW;
use crate::domain::authorization::Authorization;
use crate::domain::chain::Chain;
use crate::domain::decision::Decision;
use crate::domain::event::{Decided, Event, further_id};
use crate::domain::finding::{Code, Finding, Numbers, Refusal};
use crate::domain::id::{AccountId, AuthorizationId, CardId, LimitId};
use crate::domain::money::Money;
use crate::domain::posting::{Movement, StepKind};
use crate::domain::request::Operation;
use crate::domain::time::Timestamp;
use crate::domain::token::Token;

use super::intent::Intent;

/// A request was decided.
pub(super) fn decided(at: Timestamp, intent: &Intent, made: &Authorization) -> Event {
    let kind = match (&made.refusal, made.operation) {
        (Some(_), _) => "authorization.declined",
        (None, Some(Operation::Increment)) => "authorization.incremented",
        (None, _) => "authorization.approved",
    };
    let payload = Decided {
        authorization: made.id,
        token: &made.token,
        operation: made.operation,
        chain: made.chain,
        card: made.card,
        account: made.account,
        amount: made.amount,
        held: made.held,
        refusal: made.refusal.as_ref(),
    };
    event(at, intent, kind, key(made.account, made.id), &payload)
}

#[derive(Serialize)]
struct LimitReached<'a> {
    limit: LimitId,
    check: &'a Code,
    card: Option<CardId>,
    account: Option<AccountId>,
    authorization: AuthorizationId,
    declined: bool,
    used: i64,
    asked: i64,
    max: i64,
}

/// What a decision says of limits: those that it was declined by, or those that it used up.
pub(super) fn limits_reached(
    at: Timestamp,
    intent: &Intent,
    made: &Authorization,
) -> impl Iterator<Item = Event> {
    let declined = made.refusal.is_some();
    let reached = made.findings.iter().filter(move |finding| match &made.refusal {
        Some(refusal) => finding.refusal.is_some() && refusal.code.as_str().starts_with("limit."),
        None => uses_up(finding),
    });
    let told = reached.filter_map(|finding| Some((finding, finding.limit?, finding.numbers?)));
    told.zip(1..).map(move |((finding, limit, Numbers { asked, used, max }), number)| {
        let payload = LimitReached {
            limit,
            check: &finding.check,
            card: made.card,
            account: made.account,
            authorization: made.id,
            declined,
            used,
            asked,
            max,
        };
        let key = key(made.account, made.id);
        Event::new(further_id(intent.uuid, number), "limit.reached", key, at, &payload)
    })
}

/// Whether nothing is left of a limit. A limit on single purchases has nothing to use up.
fn uses_up(finding: &Finding) -> bool {
    let counts = !finding.check.as_str().starts_with("limit.transaction.");
    let full = |numbers: Numbers| {
        numbers.asked > 0 && numbers.used.saturating_add(numbers.asked) >= numbers.max
    };
    finding.limit.is_some() && counts && finding.numbers.is_some_and(full)
}

#[derive(Serialize)]
struct OutOfRange {
    level: &'static str,
    account: Option<AccountId>,
    card: Option<CardId>,
    authorization: AuthorizationId,
}

/// Sums of an account have left their range, or would have: nobody spends that much, so that somebody has
/// to look.
pub(super) fn balance_out_of_range(
    at: Timestamp,
    intent: &Intent,
    made: &Authorization,
) -> Option<Event> {
    let overflows = |refusal: &Refusal| refusal.code.as_str() == OVERFLOW;
    let payload = OutOfRange {
        level: "critical",
        account: made.account,
        card: made.card,
        authorization: made.id,
    };
    let id = further_id(intent.uuid, u64::MAX);
    let told = || Event::new(id, "alert.balance_range", key(made.account, made.id), at, &payload);
    made.refusal.as_ref().is_some_and(overflows).then(told)
}

#[derive(Serialize)]
struct Voided<'a> {
    authorization: AuthorizationId,
    token: &'a Token,
    chain: Option<AuthorizationId>,
    account: Option<AccountId>,
    amount: Option<Money>,
}

/// An approval was taken back, because its answer came too late.
pub(super) fn voided(
    at: Timestamp,
    intent: &Intent,
    decision: &Decision,
    chain: Option<&Chain>,
) -> Event {
    let account = chain.map(|chain| chain.account);
    let payload = Voided {
        authorization: decision.authorization,
        token: &decision.token,
        chain: chain.map(|chain| chain.id),
        account,
        amount: decision.echo.amount,
    };
    event(at, intent, "authorization.voided", key(account, decision.authorization), &payload)
}

/// A life-cycle step was taken.
pub(super) fn moved(at: Timestamp, intent: &Intent, movement: &Movement) -> Event {
    let kind = match movement.kind {
        StepKind::Advise => "authorization.advised",
        StepKind::Reverse => "authorization.reversed",
        StepKind::Clear => "authorization.cleared",
        StepKind::Refund => "authorization.refunded",
        StepKind::Expire => "authorization.expired",
        StepKind::ForcePost => "authorization.force_posted",
        StepKind::Confirm => "authorization.confirmed",
        StepKind::Revoke => "authorization.voided", // told by the decision that is taken back
        StepKind::ExpectCredit => "credit.expected",
        StepKind::CancelCredit => "credit.cancelled",
        StepKind::Chargeback => "dispute.credited",
        StepKind::ChargebackReversal => "dispute.debited",
        StepKind::ChargebackWon => "dispute.won",
        StepKind::AdjustCredit | StepKind::AdjustDebit => "account.adjusted",
        StepKind::Fund => "account.funded",
        StepKind::ChangeLimit => "account.limit_changed",
    };
    event(at, intent, kind, movement.account.to_string(), movement)
}

/// Events of one account keep their order.
fn key(account: Option<AccountId>, authorization: AuthorizationId) -> String {
    account.map_or_else(|| authorization.to_string(), |account| account.to_string())
}

fn event(
    at: Timestamp,
    intent: &Intent,
    kind: &str,
    key: String,
    payload: &impl Serialize,
) -> Event {
    Event::new(intent.event_id(), kind, key, at, payload)
}
