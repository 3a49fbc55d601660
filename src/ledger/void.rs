//! Voids: an approval whose answer came too late is taken back, and its token is a late decline
//! for ever.

use std::sync::Arc;

use crate::domain::chain::{Chain, Link};
use crate::domain::decision::Decision;
use crate::domain::posting::{Cause, Side};
use crate::domain::request::Operation;
use crate::domain::token::Token;

use super::books::Books;
use super::intent::{Intent, Outcome, Undelivered};
use super::post::{Entry, post};
use super::{chains, events, usage};

/// Voids the decision that a request has got, unless it is no approval, or one that a repeat has been
/// answered with. A repeat that went unanswered takes nothing back: the first answer was delivered, or
/// has a void of its own. (A token not seen yet gets its tombstone with the platform's notices.)
pub(super) fn void(books: &mut Books, intent: &Intent, undelivered: &Undelivered) -> Outcome {
    let Some(decision) = books.decisions.get(&undelivered.token) else { return Outcome::Voided };
    let own = decision.authorization.uuid() == undelivered.asked;
    if !own || !decision.approved() || decision.repeated {
        return Outcome::Voided;
    }
    let decision = Arc::clone(decision);
    let chain = overturn(books, intent, &decision);
    books.changed.events.push(events::voided(books.now(), intent, &decision, chain.as_ref()));
    Outcome::Voided
}

/// Turns an approval into the late decline, and undoes what it took.
pub(super) fn overturn(books: &mut Books, intent: &Intent, approved: &Decision) -> Option<Chain> {
    let mut decision = approved.clone();
    let late = Decision::late_refusal();
    let chain = take_back(books, intent, &approved.token, approved);
    books.changed.overturned.push((decision.authorization, late.clone()));
    decision.refusal = Some(late);
    decision.balances = None;
    let token = decision.token.clone();
    books.decisions.insert(token.clone(), Arc::new(decision));
    books.changed.decisions.insert(token);
    chain
}

/// Undoes what the approval took.
fn take_back(
    books: &mut Books,
    intent: &Intent,
    token: &Token,
    decision: &Decision,
) -> Option<Chain> {
    let amount = decision.echo.amount?;
    let operation = decision.echo.operation?;
    if !operation.spends() && operation != Operation::Credit {
        return None;
    }
    let id =
        chains::find(books, &intent.facts, None, std::iter::once(&Link::Funding(token.clone())))?;
    let mut chain = books.chains.get(&id)?.clone();
    let held_before = chain.hold();
    let less = |total: i64| total.saturating_sub(amount.minor());
    match operation {
        Operation::Increment => chain.totals.incremented = less(chain.totals.incremented),
        Operation::Debit => {
            chain.totals.cleared = less(chain.totals.cleared);
            chain.closings.voided = true;
            let entry = Entry { from: Side::Settlement, to: Side::Account(chain.account) };
            post(books, &mut chain, entry, amount, Cause::Void);
        }
        Operation::Credit => {
            chain.totals.refunded = less(chain.totals.refunded);
            let entry = Entry { from: Side::Account(chain.account), to: Side::Settlement };
            post(books, &mut chain, entry, amount, Cause::Void);
        }
        _ => chain.closings.voided = true,
    }
    chains::adjust_held(books, &chain, held_before);
    usage::settle(books, &intent.facts, &mut chain, false);
    chains::put(books, chain.clone());
    Some(chain)
}
