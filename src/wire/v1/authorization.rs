//! Authorizations: the decision with its explanation, and what has become of the purchase.

use std::sync::Arc;

use serde::Serialize;
use utoipa::ToSchema;

use super::posting::Posting;
use super::preview::LimitState;
use super::terms;
use crate::domain::authorization::{self, StageTimes};
use crate::domain::chain::{Chain, Closings, HoldState, Totals};
use crate::domain::finding::{Code, Finding, Reason};
use crate::domain::id::{AccountId, AuthorizationId, CardId, ControlId, LimitId};
use crate::domain::merchant::Merchant;
use crate::domain::money::Currency;
use crate::domain::posting;
use crate::domain::request::Operation;
use crate::domain::token::Token;

/// A decision, as answered to the request and to every repeat of it: nothing in it ever changes,
/// unless the decision itself is overturned.
#[derive(Serialize, ToSchema)]
#[schema(example = super::example::decided)]
pub struct Authorization {
    #[schema(value_type = terms::AuthorizationId)]
    id: AuthorizationId,
    /// The idempotency key it was decided under.
    #[schema(value_type = terms::Token)]
    token: Token,
    /// `null` where the request was faulty.
    #[schema(value_type = Option<terms::Operation>, required)]
    operation: Option<Operation>,
    #[schema(value_type = terms::Verdict)]
    decision: &'static str,
    #[schema(value_type = Option<terms::DeclineReason>, required)]
    reason: Option<Reason>,
    #[schema(value_type = Option<terms::DeclineCode>, required)]
    code: Option<Code>,
    /// In minor units; `null` where it could not be read.
    #[schema(required)]
    amount: Option<i64>,
    #[schema(value_type = Option<terms::Currency>, required)]
    currency: Option<Currency>,
    /// `null` where the card is not known.
    #[schema(value_type = Option<terms::CardId>, required)]
    card: Option<CardId>,
    #[schema(value_type = Option<terms::AccountId>, required)]
    account_id: Option<AccountId>,
    /// The first authorization of the purchase.
    #[schema(value_type = Option<terms::AuthorizationId>, required)]
    chain_id: Option<AuthorizationId>,
    /// What this decision holds; when read later, what the whole purchase holds.
    #[schema(required)]
    hold: Option<Hold>,
    /// Every check, in order; the first that refused gives the reason.
    checks: Vec<Check>,
    #[schema(value_type = terms::StageTimes)]
    stages: StageTimes,
    #[schema(value_type = Option<terms::ExplanationState>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    explanation: Option<&'static str>,
    #[schema(value_type = super::merchant::Merchant)]
    merchant: Merchant,
    /// How the card was read.
    #[schema(value_type = Option<String>, required)]
    entry_mode: Option<Arc<str>>,
    /// The payment channel.
    #[schema(value_type = Option<String>, required)]
    channel: Option<Arc<str>>,
    #[schema(value_type = terms::Timestamp)]
    created_at: String,
}

/// What is held.
#[derive(Serialize, ToSchema)]
struct Hold {
    /// In minor units.
    amount: i64,
    #[schema(value_type = terms::HoldState)]
    state: HoldState,
    #[schema(value_type = Option<terms::Timestamp>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
}

/// What one check saw.
#[derive(Serialize, ToSchema)]
pub struct Check {
    #[schema(value_type = terms::CheckName)]
    check: Code,
    #[schema(value_type = terms::CheckResult)]
    result: &'static str,
    #[schema(value_type = Option<terms::DeclineReason>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
    #[schema(value_type = Option<terms::DeclineCode>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<Code>,
    #[schema(value_type = Option<terms::LimitId>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    limit_id: Option<LimitId>,
    #[schema(value_type = Option<terms::ControlId>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    control_id: Option<ControlId>,
    /// What was asked for, in minor units or uses; absent where the check compares no numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    asked: Option<i64>,
    /// What was used already.
    #[serde(skip_serializing_if = "Option::is_none")]
    used: Option<i64>,
    /// The most there can be.
    #[serde(skip_serializing_if = "Option::is_none")]
    max: Option<i64>,
}

impl From<authorization::Authorization> for Authorization {
    fn from(record: authorization::Authorization) -> Self {
        let (reason, code) = match record.refusal {
            Some(refusal) => (Some(refusal.reason), Some(refusal.code)),
            None => (None, None),
        };
        Self {
            id: record.id,
            token: record.token,
            operation: record.operation,
            decision: if reason.is_none() { "approved" } else { "declined" },
            hold: taken(record.held, reason),
            reason,
            code,
            amount: record.amount.map(|amount| amount.minor()),
            currency: record.amount.map(|amount| amount.currency()),
            card: record.card,
            account_id: record.account,
            chain_id: record.chain,
            checks: checks(record.findings),
            stages: record.stages,
            explanation: record.thinned.then_some("expired"),
            merchant: record.merchant,
            entry_mode: record.entry_mode,
            channel: record.channel,
            created_at: record.at.to_string(),
        }
    }
}

/// What the decision itself took. When it runs out is the chain's affair and may move.
fn taken(held: i64, refusal: Option<Reason>) -> Option<Hold> {
    let hold = Hold { amount: held, state: HoldState::Active, expires_at: None };
    (held > 0 && refusal.is_none()).then_some(hold)
}

/// What the checks saw, in their order.
pub fn checks(findings: Vec<Finding>) -> Vec<Check> {
    findings.into_iter().map(Check::from).collect()
}

impl From<Finding> for Check {
    fn from(finding: Finding) -> Self {
        let (reason, code) = match finding.refusal {
            Some(refusal) => (Some(refusal.reason), Some(refusal.code)),
            None => (None, None),
        };
        Self {
            check: finding.check,
            result: if reason.is_none() { "passed" } else { "refused" },
            reason,
            code,
            limit_id: finding.limit,
            control_id: finding.control,
            asked: finding.numbers.map(|numbers| numbers.asked),
            used: finding.numbers.map(|numbers| numbers.used),
            max: finding.numbers.map(|numbers| numbers.max),
        }
    }
}

/// A decision and what has become of its purchase by now.
#[derive(Serialize, ToSchema)]
pub struct Explained {
    #[serde(flatten)]
    authorization: Authorization,
    /// `None` where nothing was ever held or posted.
    #[schema(value_type = Option<terms::HoldState>, required)]
    state: Option<HoldState>,
    #[schema(value_type = Option<terms::Totals>, required)]
    totals: Option<Totals>,
    #[schema(value_type = Option<terms::Closings>, required)]
    closings: Option<Closings>,
    postings: Vec<Posting>,
    /// How the limits stand now that the purchase was held against, `[]` where there were none; `null`
    /// where that can not be told at the moment, or the explanation has expired.
    #[schema(required)]
    limits: Option<Vec<LimitState>>,
}

impl Explained {
    /// The decision, the present state of its chain, and the chain's postings in order. `hold` is
    /// what the whole chain holds now.
    pub fn new(
        record: authorization::Authorization,
        chain: Option<Chain>,
        postings: Vec<posting::Posting>,
        limits: Option<Vec<LimitState>>,
    ) -> Self {
        let mut authorization = Authorization::from(record);
        let chain = chain.as_ref();
        authorization.hold = chain.map(|chain| Hold {
            amount: chain.hold(),
            state: chain.state(),
            expires_at: chain.expires_at.map(|at| at.to_string()),
        });
        Self {
            authorization,
            state: chain.map(Chain::state),
            totals: chain.map(|chain| chain.totals),
            closings: chain.map(|chain| chain.closings),
            postings: postings.into_iter().map(Posting::from).collect(),
            limits,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::finding::{Numbers, Refusal};
    use crate::domain::money::Money;
    use crate::domain::request::Door;
    use crate::domain::time::Timestamp;

    fn record() -> authorization::Authorization {
        let id = "aut_b01901234567878ab8def0123456789ab".parse().unwrap();
        let account: AccountId = "acc_b01901234567878ab8def0123456789ab".parse().unwrap();
        let card: CardId = "crd_01901234567878ab8def0123456789ab".parse().unwrap();
        let numbers = Numbers { asked: 500, used: 100, max: 1_000 };
        let check = Finding { numbers: Some(numbers), ..Finding::new("limit.day.amount", None) };
        authorization::Authorization {
            id,
            token: "t-1".parse().unwrap(),
            door: Door::Rest,
            operation: Some(Operation::Authorize),
            transaction: None,
            preceding: None,
            original: None,
            chain: Some(id),
            card: Some(card),
            account: Some(account),
            amount: Some(Money::new(500, Currency::parse("EUR").unwrap())),
            held: 500,
            refusal: None,
            findings: vec![check],
            stages: StageTimes::default(),
            merchant: Merchant::default(),
            entry_mode: None,
            channel: None,
            at: Timestamp::from_micros(1_767_225_600_000_000),
            thinned: false,
        }
    }

    fn chain() -> Chain {
        let record = record();
        let (account, card) = (record.account.unwrap(), record.card.unwrap());
        let currency = Currency::parse("EUR").unwrap();
        let mut chain = Chain::empty(record.id, account, card, currency, record.at);
        chain.totals = Totals { authorized: 500, cleared: 200, ..Totals::default() };
        chain.expires_at = Some(record.at.plus_days(7));
        chain
    }

    #[test]
    fn an_approval_tells_its_hold_and_every_check_with_its_numbers() {
        let json = serde_json::to_value(Authorization::from(record())).unwrap();
        assert_eq!(json["decision"], "approved");
        assert_eq!(json["reason"], serde_json::Value::Null);
        assert_eq!(json["hold"], serde_json::json!({"amount": 500, "state": "active"}));
        let check = serde_json::json!({
            "check": "limit.day.amount", "result": "passed", "asked": 500, "used": 100, "max": 1000
        });
        assert_eq!(json["checks"][0], check);
        assert_eq!((&json["amount"], &json["currency"]), (&500.into(), &"EUR".into()));
        assert_eq!(json["created_at"], "2026-01-01T00:00:00.000000Z");
        assert_eq!(json.get("explanation"), None);
    }

    #[test]
    fn an_expired_explanation_says_so() {
        let old = authorization::Authorization { findings: vec![], thinned: true, ..record() };
        let json = serde_json::to_value(Authorization::from(old)).unwrap();
        assert_eq!(json["explanation"], "expired");
        assert_eq!(
            (&json["checks"], &json["decision"]),
            (&serde_json::json!([]), &"approved".into())
        );
    }

    #[test]
    fn a_decline_has_a_reason_and_no_hold() {
        let refusal = Some(Refusal::new(Reason::CardNotActive, "card.suspended"));
        let declined = authorization::Authorization { refusal, chain: None, ..record() };
        let json = serde_json::to_value(Authorization::from(declined)).unwrap();
        assert_eq!(
            (&json["reason"], &json["code"]),
            (&"CARD_NOT_ACTIVE".into(), &"card.suspended".into())
        );
        assert_eq!((&json["decision"], json["hold"].is_null()), (&"declined".into(), true));
    }

    #[test]
    fn a_later_read_tells_what_the_whole_chain_holds_now() {
        let json =
            serde_json::to_value(Explained::new(record(), Some(chain()), vec![], None)).unwrap();
        assert_eq!(json["hold"]["amount"], 300);
        assert_eq!(json["hold"]["expires_at"], "2026-01-08T00:00:00.000000Z");
        assert_eq!((&json["state"], &json["totals"]["cleared"]), (&"active".into(), &200.into()));
    }
}
