//! Postings: double entries, and what they do to the account.

use crate::domain::chain::Chain;
use crate::domain::id::AuthorizationId;
use crate::domain::money::Money;
use crate::domain::posting::{Cause, Posting, Side};

use super::books::Books;
use super::chains;

/// From where money goes to where.
#[derive(Clone, Copy)]
pub(super) struct Entry {
    pub(super) from: Side,
    pub(super) to: Side,
}

impl Entry {
    /// What it changes the cardholder's `posted` by; nothing between two system accounts.
    pub(super) const fn change(self, amount: Money) -> i64 {
        match (self.from, self.to) {
            (Side::Account(_), _) => amount.minor(),
            (_, Side::Account(_)) => amount.minor().saturating_neg(),
            _ => 0,
        }
    }
}

/// Posts an entry of a chain, and moves its account's `posted`.
pub(super) fn post(
    books: &mut Books,
    chain: &mut Chain,
    entry: Entry,
    amount: Money,
    cause: Cause,
) {
    write(books, chain.id, chain.postings, entry, amount, cause);
    chain.postings = chain.postings.saturating_add(1);
    let change = entry.change(amount);
    if let Some(account) = chains::account_mut(books, chain) {
        account.posted = account.posted.saturating_add(change);
    }
}

/// Writes one posting. An amount of zero moves nothing and leaves none.
pub(super) fn write(
    books: &mut Books,
    source: AuthorizationId,
    number: u32,
    entry: Entry,
    amount: Money,
    cause: Cause,
) {
    if amount.minor() == 0 {
        return;
    }
    let at = books.now();
    let Entry { from: debit, to: credit } = entry;
    books.changed.postings.push(Posting { source, number, debit, credit, amount, cause, at });
}
