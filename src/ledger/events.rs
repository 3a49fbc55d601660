//! The events that the ledger tells, written in the deciding transaction. Versioned; never personal
//! data, never a merchant's name.

use serde::Serialize;

use crate::domain::authorization::Authorization;
use crate::domain::chain::Chain;
use crate::domain::decision::Decision;
use crate::domain::event::{EVENT_VERSION, Event};
use crate::domain::finding::Refusal;
use crate::domain::id::{AccountId, AuthorizationId, CardId};
use crate::domain::money::Money;
use crate::domain::posting::{Movement, StepKind};
use crate::domain::request::Operation;
use crate::domain::time::Timestamp;
use crate::domain::token::Token;

use super::intent::Intent;

#[derive(Serialize)]
struct Decided<'a> {
    authorization: AuthorizationId,
    token: &'a Token,
    operation: Option<Operation>,
    chain: Option<AuthorizationId>,
    card: Option<CardId>,
    account: Option<AccountId>,
    amount: Option<Money>,
    held: i64,
    refusal: Option<&'a Refusal>,
}

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
        StepKind::Revoke => "authorization.voided",
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
    let payload = serde_json::value::to_raw_value(payload)
        .unwrap_or_else(|_| serde_json::value::RawValue::NULL.to_owned());
    Event { id: intent.event_id(), kind: kind.to_owned(), version: EVENT_VERSION, key, at, payload }
}
