//! What a decision would be, and how much of each limit is left.

use std::sync::Arc;

use serde::Serialize;

use super::authorization::{Check, checks};
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
#[derive(Serialize)]
pub struct Preview {
    dry_run: bool,
    token: Token,
    operation: Option<Operation>,
    decision: &'static str,
    reason: Option<Reason>,
    code: Option<Code>,
    amount: Option<i64>,
    currency: Option<Currency>,
    /// What would be held.
    held: i64,
    card: Option<CardId>,
    account_id: Option<AccountId>,
    checks: Vec<Check>,
    limits: Vec<LimitState>,
    stages: StageTimes,
    merchant: Merchant,
    entry_mode: Option<Arc<str>>,
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
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct LimitState {
    limit_id: LimitId,
    window: Window,
    /// In minor units of the account's currency; absent where amounts are not limited.
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<Left>,
    /// Uses; absent where they are not limited.
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<Left>,
    /// When it begins to count anew; `null`: never, or there is nothing that it counts.
    resets_at: Option<String>,
}

/// What is left of a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
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
