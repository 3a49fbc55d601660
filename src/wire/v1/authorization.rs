//! Authorizations: the decision with its explanation, and what has become of the purchase.

use std::sync::Arc;

use serde::Serialize;

use super::posting::Posting;
use super::preview::LimitState;
use crate::domain::authorization::{self, StageTimes};
use crate::domain::chain::{Chain, Closings, HoldState, Totals};
use crate::domain::finding::{Code, Finding, Numbers, Reason};
use crate::domain::id::{AccountId, AuthorizationId, CardId, ControlId, LimitId};
use crate::domain::merchant::Merchant;
use crate::domain::money::Currency;
use crate::domain::posting;
use crate::domain::request::Operation;
use crate::domain::token::Token;

/// A decision, as answered to the request and to every repeat of it: nothing in it ever changes,
/// unless the decision itself is overturned.
#[derive(Serialize)]
pub struct Authorization {
    id: AuthorizationId,
    token: Token,
    operation: Option<Operation>,
    decision: &'static str,
    reason: Option<Reason>,
    code: Option<Code>,
    amount: Option<i64>,
    currency: Option<Currency>,
    card: Option<CardId>,
    account_id: Option<AccountId>,
    chain_id: Option<AuthorizationId>,
    hold: Option<Hold>,
    checks: Vec<Check>,
    stages: StageTimes,
    merchant: Merchant,
    entry_mode: Option<Arc<str>>,
    channel: Option<Arc<str>>,
    created_at: String,
}

/// What is held.
#[derive(Serialize)]
struct Hold {
    amount: i64,
    state: HoldState,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
}

/// What one check saw.
#[derive(Serialize)]
pub struct Check {
    check: Code,
    result: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<Code>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit_id: Option<LimitId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    control_id: Option<ControlId>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    numbers: Option<Compared>,
}

/// The numbers that a check compared, in minor units or uses.
#[derive(Serialize)]
struct Compared {
    asked: i64,
    used: i64,
    max: i64,
}

impl From<Numbers> for Compared {
    fn from(Numbers { asked, used, max }: Numbers) -> Self {
        Self { asked, used, max }
    }
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
            numbers: finding.numbers.map(Compared::from),
        }
    }
}

/// A decision and what has become of its purchase by now.
#[derive(Serialize)]
pub struct Explained {
    #[serde(flatten)]
    authorization: Authorization,
    /// `None` where nothing was ever held or posted.
    state: Option<HoldState>,
    totals: Option<Totals>,
    closings: Option<Closings>,
    postings: Vec<Posting>,
    /// How the limits stand now that the purchase was held against; `null` where that can not be
    /// told at the moment.
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
    use crate::domain::finding::Refusal;
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
