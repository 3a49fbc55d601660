//! Standing: how the account and the counters stand when a decision is made, under lock.

use super::party::Account;
use super::policy::Counter;
use super::time::Timestamp;

/// Rules of the program that are settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Whether a user in state `LIMITED` may spend.
    pub limited_user_spends: bool,
    /// Whether a card in state `LIMITED` may be used.
    pub limited_card_spends: bool,
    /// Whether less than what is asked may be approved, where the terminal can do with it.
    pub partial_approval: bool,
    /// How many days a hold lives where the message does not say.
    pub hold_days: u16,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            limited_user_spends: true,
            limited_card_spends: false,
            partial_approval: false,
            hold_days: 7,
        }
    }
}

/// What approving would add, in minor units and uses. For a plain purchase all amounts are the
/// amount asked; they differ where earlier messages of the chain already count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Need {
    /// What the purchase would stand at in all.
    pub total: i64,
    /// What would be taken from the available balance.
    pub funds: i64,
    /// What would be added to window limits.
    pub counted: i64,
    /// How many uses would be added to window limits: 0 or 1.
    pub uses: i64,
}

/// How things stand.
#[derive(Clone, Debug)]
pub struct Standing<'a> {
    /// The time of the batch.
    pub now: Timestamp,
    /// The account; `None` where the card is unknown.
    pub account: Option<&'a Account>,
    /// What is used of each limit in `Facts::limits`, in the same order, in its current window.
    pub used: Vec<Counter>,
    /// What approving would add.
    pub need: Need,
    /// Whether the purchase that an increment belongs to has ended.
    pub purchase_closed: bool,
    /// The program's rules.
    pub rules: Rules,
}
