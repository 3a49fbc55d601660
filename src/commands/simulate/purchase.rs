//! A purchase as the platform sees it: what was granted, cleared, reversed and given back, and so what
//! the other side must hold and have posted for it.

/// All of one purchase, in minor units.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Purchase {
    /// The card.
    pub(super) card: String,
    /// The token of its first transaction.
    pub(super) root: String,
    /// The token of its first funding event.
    pub(super) funding: String,
    /// The other side's id of its first decision, where it was told.
    pub(super) decision: Option<String>,
    /// Whether the first decision came too late to count.
    pub(super) late: bool,
    /// What was granted at first.
    pub(super) authorized: i64,
    /// What was granted later.
    pub(super) incremented: i64,
    /// What was reversed.
    pub(super) reversed: i64,
    /// What advices took off.
    pub(super) shrunk: i64,
    /// What was cleared.
    pub(super) cleared: i64,
    /// What was given back.
    pub(super) refunded: i64,
    /// What was taken at once.
    pub(super) debited: i64,
    /// Nothing more will be cleared.
    pub(super) closed: bool,
}

impl Purchase {
    /// What the purchase stands at.
    pub(super) const fn net(&self) -> i64 {
        let net = self.authorized + self.incremented - self.reversed - self.shrunk;
        if net > 0 { net } else { 0 }
    }

    /// What must be held for it.
    pub(super) const fn held(&self) -> i64 {
        let left = self.net() - self.cleared;
        if self.closed || left < 0 { 0 } else { left }
    }

    /// What must have been posted for it.
    pub(super) const fn posted(&self) -> i64 {
        self.cleared + self.debited - self.refunded
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_shrink_with_what_is_cleared_and_end_with_the_last_clearing() {
        let mut purchase = Purchase { authorized: 100, incremented: 20, ..Purchase::default() };
        purchase.cleared = 30;
        assert_eq!((purchase.held(), purchase.posted()), (90, 30));
        purchase.reversed = 40;
        assert_eq!(purchase.held(), 50);
        purchase.cleared = 200;
        assert_eq!((purchase.held(), purchase.posted()), (0, 200));
        let closed = Purchase { cleared: 10, closed: true, ..purchase };
        assert_eq!(closed.held(), 0);
    }
}
