//! Movements: what a life-cycle step or a funding has done.

use serde::Serialize;
use utoipa::ToSchema;

use super::terms;
use crate::domain::chain::{HoldState, Totals};
use crate::domain::id::{AccountId, AuthorizationId};
use crate::domain::money::Money;
use crate::domain::posting::{self, Flag, StepKind};

/// A movement, as answered, and as every repeat is answered. Amounts are minor units.
#[derive(Serialize, ToSchema)]
pub struct Movement {
    #[schema(value_type = terms::MovementKind)]
    kind: StepKind,
    /// The first authorization of the purchase; absent for funding.
    #[schema(value_type = Option<terms::AuthorizationId>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    authorization_id: Option<AuthorizationId>,
    #[schema(value_type = terms::AccountId)]
    account_id: AccountId,
    #[schema(value_type = terms::Money)]
    #[serde(flatten)]
    amount: Money,
    /// What it changed `held` by.
    held_change: i64,
    /// What it changed `posted` by.
    posted_change: i64,
    /// What the purchase holds afterwards.
    #[serde(skip_serializing_if = "Option::is_none")]
    hold: Option<Hold>,
    #[schema(value_type = Option<terms::Totals>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    totals: Option<Totals>,
    /// What is left on the account.
    available: i64,
    account_version: i64,
    #[schema(value_type = Vec<terms::MovementFlag>)]
    flags: Vec<Flag>,
    #[schema(value_type = terms::Timestamp)]
    created_at: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = MovementHold)]
struct Hold {
    amount: i64,
    #[schema(value_type = terms::HoldState)]
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
