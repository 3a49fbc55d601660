//! What a decision would be, and how much of each limit is left.

use std::sync::Arc;

use serde::Serialize;
use utoipa::ToSchema;

use super::authorization::{Check, checks};
use super::terms;
use crate::domain::authorization::StageTimes;
use crate::domain::finding::{Code, Finding, Reason};
use crate::domain::id::{AccountId, CardId, LimitId};
use crate::domain::merchant::Merchant;
use crate::domain::money::Currency;
use crate::domain::preview;
use crate::domain::request::Operation;
use crate::domain::time::Window;
use crate::domain::token::Token;

/// What would be decided now. Nothing was stored: there is no id, and nothing is held.
#[derive(Serialize, ToSchema)]
#[schema(example = super::example::tried)]
pub struct Preview {
    /// Always `true`.
    dry_run: bool,
    #[schema(value_type = terms::Token)]
    token: Token,
    #[schema(value_type = Option<terms::Operation>, required)]
    operation: Option<Operation>,
    #[schema(value_type = terms::Verdict)]
    decision: &'static str,
    #[schema(value_type = Option<terms::DeclineReason>, required)]
    reason: Option<Reason>,
    #[schema(value_type = Option<terms::DeclineCode>, required)]
    code: Option<Code>,
    /// In minor units.
    #[schema(required)]
    amount: Option<i64>,
    #[schema(value_type = Option<terms::Currency>, required)]
    currency: Option<Currency>,
    /// What would be held, in minor units.
    held: i64,
    /// `null` where the card is not known.
    #[schema(value_type = Option<terms::CardId>, required)]
    card: Option<CardId>,
    #[schema(value_type = Option<terms::AccountId>, required)]
    account_id: Option<AccountId>,
    /// Every check, in order; the first that refused gives the reason.
    checks: Vec<Check>,
    limits: Vec<LimitState>,
    #[schema(value_type = terms::StageTimes)]
    stages: StageTimes,
    #[schema(value_type = super::merchant::Merchant)]
    merchant: Merchant,
    /// How the card would be read.
    #[schema(value_type = Option<String>, required)]
    entry_mode: Option<Arc<str>>,
    /// The payment channel.
    #[schema(value_type = Option<String>, required)]
    channel: Option<Arc<str>>,
}

impl From<preview::Preview> for Preview {
    fn from(preview: preview::Preview) -> Self {
        let limits = LimitState::all(&preview);
        let record = preview.authorization;
        let (reason, code) = match record.refusal {
            Some(refusal) => (Some(refusal.reason), Some(refusal.code)),
            None => (None, None),
        };
        Self {
            dry_run: true,
            token: record.token,
            operation: record.operation,
            decision: if reason.is_none() { "approved" } else { "declined" },
            reason,
            code,
            amount: record.amount.map(|amount| amount.minor()),
            currency: record.amount.map(|amount| amount.currency()),
            held: record.held,
            card: record.card,
            account_id: record.account,
            checks: checks(record.findings),
            limits,
            stages: record.stages,
            merchant: record.merchant,
            entry_mode: record.entry_mode,
            channel: record.channel,
        }
    }
}

/// How a limit stands now.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct LimitState {
    #[schema(value_type = terms::LimitId)]
    limit_id: LimitId,
    #[schema(value_type = terms::Window)]
    window: Window,
    /// In minor units of the account's currency; absent where amounts are not limited.
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<Left>,
    /// Uses; absent where they are not limited.
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<Left>,
    /// When it begins to count anew; `null`: never, or there is nothing that it counts.
    #[schema(value_type = Option<terms::Timestamp>, required)]
    resets_at: Option<String>,
}

/// What is left of a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = LimitLeft)]
struct Left {
    max: i64,
    used: i64,
    left: i64,
}

impl Left {
    fn of(finding: &Finding) -> Option<Self> {
        let numbers = finding.numbers?;
        let left = numbers.max.saturating_sub(numbers.used).max(0);
        Some(Self { max: numbers.max, used: numbers.used, left })
    }
}

impl LimitState {
    /// Of every limit that was looked at, in the order of the checks.
    pub fn all(preview: &preview::Preview) -> Vec<Self> {
        let mut states: Vec<Self> = Vec::new();
        for finding in &preview.authorization.findings {
            let Some(id) = finding.limit else { continue };
            let Some(window) = preview.windows.iter().find(|window| window.limit == id) else {
                continue;
            };
            let at = states.iter().position(|state| state.limit_id == id).unwrap_or_else(|| {
                states.push(Self {
                    limit_id: id,
                    window: window.window,
                    amount: None,
                    count: None,
                    resets_at: window.resets_at.map(|at| at.to_string()),
                });
                states.len().saturating_sub(1)
            });
            let Some(state) = states.get_mut(at) else { continue };
            if finding.check.as_str().ends_with(".count") {
                state.count = Left::of(finding);
            } else {
                state.amount = Left::of(finding);
            }
        }
        states
    }
}
