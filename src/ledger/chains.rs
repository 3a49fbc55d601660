//! Finding the chain that a message belongs to, joining chains that turn out to be one, and the
//! account a chain draws on.

use crate::domain::chain::{Chain, Closings, Link, Totals};
use crate::domain::facts::Facts;
use crate::domain::id::AuthorizationId;
use crate::domain::merchant::Merchant;
use crate::domain::party::Account;

use super::books::Books;
use super::usage;

/// The chain that goes by any of these names, or by this id. Several are joined into one: a message
/// between two others has come last. The chain may have to be opened still: a declined purchase has
/// an id and names, and no chain until something happens to it all the same.
pub(super) fn find<'a>(
    books: &mut Books,
    facts: &Facts,
    id: Option<AuthorizationId>,
    names: impl Iterator<Item = &'a Link>,
) -> Option<AuthorizationId> {
    let named = names.filter_map(|name| books.links.get(name).copied());
    let candidates: Vec<AuthorizationId> = id.into_iter().chain(named).collect();
    let mut found: Option<AuthorizationId> = None;
    for id in candidates.iter().copied() {
        let Some(id) = resolve(books, id) else { continue };
        found = Some(match found {
            Some(first) if first != id => join(books, facts, first, id),
            _ => id,
        });
    }
    found.or(candidates.first().copied())
}

/// The chain of this id, or the one that it was merged into.
pub(super) fn whole(books: &Books, id: AuthorizationId) -> Option<Chain> {
    resolve(books, id).and_then(|id| books.chains.get(&id)).cloned()
}

/// The chain that this one was merged into, and so on.
fn resolve(books: &Books, id: AuthorizationId) -> Option<AuthorizationId> {
    let mut chain = books.chains.get(&id)?;
    while let Some(into) = chain.merged_into {
        chain = books.chains.get(&into)?;
    }
    Some(chain.id)
}

/// Adds the chain with the later id to the one with the earlier, if they draw on one account.
fn join(
    books: &mut Books,
    facts: &Facts,
    one: AuthorizationId,
    other: AuthorizationId,
) -> AuthorizationId {
    let (keep, lose) = if one < other { (one, other) } else { (other, one) };
    let Some(mut lost) = books.chains.get(&lose).cloned() else { return keep };
    let Some(mut kept) = books.chains.get(&keep).cloned() else { return lose };
    if kept.account != lost.account {
        return one; // not one purchase, whatever the tokens say
    }
    let held = kept.hold().saturating_add(lost.hold());
    kept.totals = add(kept.totals, lost.totals);
    kept.closings = either(kept.closings, lost.closings);
    kept.uses.append(&mut lost.uses);
    kept.uses.sort_by_key(|used| used.at);
    kept.told.append(&mut lost.told);
    kept.expires_at = kept.expires_at.max(lost.expires_at);
    kept.opened_at = kept.opened_at.min(lost.opened_at);
    if kept.merchant == Merchant::default() {
        kept.merchant = lost.merchant.clone();
    }
    lost.merged_into = Some(keep);
    adjust_held(books, &kept, held);
    usage::settle(books, facts, &mut kept, false);
    put(books, lost);
    put(books, kept);
    keep
}

const fn add(one: Totals, other: Totals) -> Totals {
    Totals {
        authorized: one.authorized.saturating_add(other.authorized),
        incremented: one.incremented.saturating_add(other.incremented),
        reversed: one.reversed.saturating_add(other.reversed),
        shrunk: one.shrunk.saturating_add(other.shrunk),
        cleared: one.cleared.saturating_add(other.cleared),
        refunded: one.refunded.saturating_add(other.refunded),
        expected: one.expected.saturating_add(other.expected),
        cancelled: one.cancelled.saturating_add(other.cancelled),
        disputed: one.disputed.saturating_add(other.disputed),
    }
}

const fn either(one: Closings, other: Closings) -> Closings {
    Closings {
        cleared: one.cleared || other.cleared,
        reversed: one.reversed || other.reversed,
        expired: one.expired || other.expired,
        voided: one.voided || other.voided,
    }
}

/// Moves the account's `held` from what the chain held before to what it holds now. Says by how much.
pub(super) fn adjust_held(books: &mut Books, chain: &Chain, before: i64) -> i64 {
    let change = chain.hold().saturating_sub(before);
    if change != 0
        && let Some(account) = account_mut(books, chain)
    {
        account.held = account.held.saturating_add(change);
    }
    change
}

/// The chain's account, to be changed.
pub(super) fn account_mut<'a>(books: &'a mut Books, chain: &Chain) -> Option<&'a mut Account> {
    books.changed.accounts.insert(chain.account);
    books.accounts.get_mut(&chain.account)
}

/// Puts a chain back, changed.
pub(super) fn put(books: &mut Books, chain: Chain) {
    books.changed.chains.insert(chain.id);
    books.chains.insert(chain.id, chain);
}

/// Makes a chain known under a name that no row of its own tells, so that a message which comes
/// later finds it.
pub(super) fn name(books: &mut Books, name: &Link, chain: AuthorizationId) {
    if !books.links.contains_key(name) {
        books.links.insert(name.clone(), chain);
        books.changed.links.insert(name.clone());
    }
}
