//! What a reconciliation comes to.

use serde::Serialize;

use crate::domain::id::AuthorizationId;
use crate::domain::token::Token;

/// Differences that are kept; all are counted.
const KEPT_MAX: usize = 1_000;

/// One thing that is not the same on both sides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Difference {
    /// The platform has it, we do not.
    Missing {
        /// The platform's token of its first transaction.
        transaction: Option<Token>,
        /// What the platform holds for it, in minor units.
        held: i64,
        /// What the platform has moved for it.
        posted: i64,
    },
    /// We have it, the platform does not.
    Extra {
        /// The purchase.
        chain: AuthorizationId,
        /// What we hold for it, in minor units.
        held: i64,
        /// What we have posted for it.
        posted: i64,
    },
    /// Both have it, and not the same.
    Different {
        /// The purchase.
        chain: AuthorizationId,
        /// The platform's token of its first transaction.
        transaction: Option<Token>,
        /// In what.
        what: &'static str,
        /// What we have.
        ours: i64,
        /// What the platform has.
        theirs: i64,
    },
}

/// The outcome.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Transactions of the list.
    pub listed: u64,
    /// Those that could not be read.
    pub unreadable: u64,
    /// Purchases that they are of.
    pub purchases: u64,
    /// Purchases that are the same on both sides.
    pub equal: u64,
    /// Purchases of which the list has only a later part: nothing can be said of them.
    pub partial: u64,
    /// Purchases that differ, and to which something has happened after the window.
    pub recent: u64,
    /// Purchases that we do not have.
    pub missing: u64,
    /// Purchases that the platform does not have.
    pub extra: u64,
    /// Purchases that differ.
    pub different: u64,
    /// What is not the same, in the order found, as far as it is kept.
    pub differences: Vec<Difference>,
    /// Whether there was more than is kept.
    pub cut: bool,
}

impl Report {
    /// Whether both sides agree on everything.
    pub const fn clean(&self) -> bool {
        self.unreadable == 0 && self.missing == 0 && self.extra == 0 && self.different == 0
    }

    pub(super) fn keep(&mut self, difference: Difference) {
        if self.differences.len() < KEPT_MAX {
            self.differences.push(difference);
        } else {
            self.cut = true;
        }
    }
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = |token: &Option<Token>| token.as_ref().map_or("?".to_owned(), Token::to_string);
        match self {
            Self::Missing { transaction, held, posted } => write!(
                f,
                "missing: transaction {} holds {held} and has moved {posted}",
                name(transaction)
            ),
            Self::Extra { chain, held, posted } => {
                write!(f, "extra: {chain} holds {held} and has posted {posted}")
            }
            Self::Different { chain, transaction, what, ours, theirs } => write!(
                f,
                "different: {chain} (transaction {}): {what} {ours}, but {theirs} at the platform",
                name(transaction)
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_told() {
        let mut report = Report::default();
        for found in 1..=KEPT_MAX + 1 {
            report.keep(Difference::Missing { transaction: None, held: 1, posted: 0 });
            assert_eq!(
                (report.differences.len(), report.cut),
                (found.min(KEPT_MAX), found > KEPT_MAX)
            );
        }
    }
}
