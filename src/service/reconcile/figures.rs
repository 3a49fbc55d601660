//! What is compared of a purchase: the same figures of both sides.

use crate::domain::chain::{Chain, Totals};
use crate::domain::posting::{Cause, Posting, Side};

/// One purchase as one side has it, in minor units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// What is held for it.
    pub held: i64,
    /// What was cleared, or taken at once.
    pub cleared: i64,
    /// What was given back.
    pub refunded: i64,
    /// Announced credits that may still come.
    pub expected: i64,
    /// Provisional credits of disputes, less what was taken back.
    pub disputed: i64,
    /// Corrections at the cardholder's expense, less those in his favour.
    pub adjusted: i64,
}

impl Figures {
    /// Those of a chain of ours; `adjusted` is not among its totals.
    pub const fn of_chain(chain: &Chain, adjusted: i64) -> Self {
        Self::of(&chain.totals, chain.hold(), adjusted)
    }

    pub(super) const fn of(totals: &Totals, held: i64, adjusted: i64) -> Self {
        Self {
            held,
            cleared: totals.cleared,
            refunded: totals.refunded,
            expected: totals.credit_to_come(),
            disputed: totals.disputed,
            adjusted,
        }
    }

    /// Whether nothing is held, was moved, or is to come.
    pub fn are_zero(&self) -> bool {
        *self == Self::default()
    }

    /// What the account has posted for it.
    pub const fn posted(&self) -> i64 {
        let kept = self.cleared.saturating_sub(self.refunded);
        kept.saturating_sub(self.disputed).saturating_add(self.adjusted)
    }

    /// What differs: its name, ours, and the other side's.
    pub(super) fn differences(&self, theirs: &Self) -> Vec<(&'static str, i64, i64)> {
        let pairs = [
            ("held", self.held, theirs.held),
            ("cleared", self.cleared, theirs.cleared),
            ("refunded", self.refunded, theirs.refunded),
            ("credit to come", self.expected, theirs.expected),
            ("disputed", self.disputed, theirs.disputed),
            ("adjusted", self.adjusted, theirs.adjusted),
        ];
        pairs.into_iter().filter(|(_, ours, theirs)| ours != theirs).collect()
    }
}

/// What adjustments among these postings have taken from accounts, less what they have given.
pub(super) fn adjusted(postings: &[Posting]) -> i64 {
    let adjustments = postings.iter().filter(|posting| posting.cause == Cause::Adjustment);
    adjustments.fold(0, |sum: i64, posting| match (posting.debit, posting.credit) {
        (Side::Account(_), _) => sum.saturating_add(posting.amount.minor()),
        (_, Side::Account(_)) => sum.saturating_sub(posting.amount.minor()),
        _ => sum,
    })
}
