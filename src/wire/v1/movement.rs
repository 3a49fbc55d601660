//! Movements: what a life-cycle step or a funding has done.

use serde::Serialize;

use crate::domain::chain::{HoldState, Totals};
use crate::domain::id::{AccountId, AuthorizationId};
use crate::domain::money::Money;
use crate::domain::posting::{self, Flag, StepKind};

/// A movement, as answered, and as every repeat is answered. Amounts are minor units.
#[derive(Serialize)]
pub struct Movement {
    kind: StepKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    authorization_id: Option<AuthorizationId>,
    account_id: AccountId,
    #[serde(flatten)]
    amount: Money,
    held_change: i64,
    posted_change: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    hold: Option<Hold>,
    #[serde(skip_serializing_if = "Option::is_none")]
    totals: Option<Totals>,
    available: i64,
    account_version: i64,
    flags: Vec<Flag>,
    created_at: String,
}

#[derive(Serialize)]
struct Hold {
    amount: i64,
    state: HoldState,
}

impl From<&posting::Movement> for Movement {
    fn from(movement: &posting::Movement) -> Self {
        Self {
            kind: movement.kind,
            authorization_id: movement.chain,
            account_id: movement.account,
            amount: movement.amount,
            held_change: movement.held_change,
            posted_change: movement.posted_change,
            hold: movement.hold_state.map(|state| Hold { amount: movement.hold, state }),
            totals: movement.totals,
            available: movement.available,
            account_version: movement.account_version,
            flags: movement.flags.clone(),
            created_at: movement.at.to_string(),
        }
    }
}
