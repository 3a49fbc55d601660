//! Notices: what the platform tells of messages that asked for a decision. It wins over our own record:
//! what it approved is held, whatever we said, and what it declined is not. In any order with the
//! request itself, and with a void of its answer, the books end the same.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::domain::chain::{Chain, Closings};
use crate::domain::decision::Decision;
use crate::domain::id::AuthorizationId;
use crate::domain::money::Money;
use crate::domain::posting::{Cause, Flag, Movement, Side, StepKind};
use crate::domain::request::{AuthRequest, FaultyRequest, Operation};
use crate::domain::standing::Rules;
use crate::domain::token::Token;

use super::authorize::{self, Made};
use super::books::Books;
use super::intent::{Intent, IntentRefusal, Notice, NoticeIntent, Outcome};
use super::lifecycle::{keep, overdrawn};
use super::post::{Entry, post};
use super::{chains, events, usage, void};

/// What a notice came to.
#[derive(Default)]
struct Effect {
    chain: Option<AuthorizationId>,
    posted_before: i64,
    held_before: i64,
    available_before: i64,
    flags: Vec<Flag>,
    /// What we had approved was more than the platform did; no decision tells of that.
    corrected: bool,
}

/// Takes a notice in, or answers from the one that was taken in under the same key.
pub(super) fn notice(
    books: &mut Books,
    intent: &Intent,
    told: &NoticeIntent,
    rules: &Rules,
) -> Outcome {
    if let Some(earlier) = books.steps.get(&told.key) {
        return if earlier.fingerprint == told.fingerprint {
            Outcome::Moved(Arc::clone(&earlier.movement))
        } else {
            Outcome::Refused(IntentRefusal::KeyReused)
        };
    }
    let Some(account) = books.accounts.get(&told.account) else {
        return Outcome::Refused(IntentRefusal::UnknownAccount);
    };
    let mut effect = Effect {
        posted_before: account.posted,
        held_before: account.held,
        available_before: account.available(),
        ..Effect::default()
    };
    let (kind, amount) = match &told.notice {
        Notice::Approved(request) => {
            if request.amount.currency() != account.currency {
                return Outcome::Refused(IntentRefusal::CurrencyMismatch);
            }
            if books.steps.contains_key(&told.opposite) {
                effect.flags.push(Flag::Contradicted);
            } else {
                approved(books, intent, told, request, rules, &mut effect);
            }
            (StepKind::Confirm, request.amount)
        }
        Notice::Declined(tombstone) => {
            let currency = account.currency;
            let amount = declined(books, intent, told, tombstone.as_ref(), &mut effect);
            if books.steps.contains_key(&told.opposite) {
                effect.flags.push(Flag::Contradicted);
            }
            (StepKind::Revoke, amount.unwrap_or(Money::new(0, currency)))
        }
    };
    let corrected = effect.corrected;
    match movement(books, told, kind, amount, effect) {
        Some(movement) => {
            if corrected {
                books.changed.events.push(events::moved(books.now(), intent, &movement));
            }
            keep(books, &told.key, told.fingerprint, movement)
        }
        None => Outcome::Refused(IntentRefusal::UnknownAccount),
    }
}

/// The decisions of the message: under its funding token, and whatever names its transaction.
fn decisions(books: &Books, told: &NoticeIntent) -> Vec<Arc<Decision>> {
    let tokens: BTreeSet<&Token> = books
        .of_transaction
        .get(&told.transaction)
        .into_iter()
        .flatten()
        .chain(told.funding.as_ref())
        .chain(std::iter::once(&told.transaction))
        .collect();
    tokens.into_iter().filter_map(|token| books.decisions.get(token).cloned()).collect()
}

/// It was approved: what is missing of it is held now, and what is too much is given back.
fn approved(
    books: &mut Books,
    intent: &Intent,
    told: &NoticeIntent,
    request: &AuthRequest,
    rules: &Rules,
    effect: &mut Effect,
) {
    let decisions = decisions(books, told);
    let stands = |decision: &&Arc<Decision>| decision.approved();
    let mut held: i64 = 0;
    for decision in decisions.iter().filter(stands) {
        held = held.saturating_add(decision.echo.amount.map_or(0, Money::minor));
        mark_answered(books, decision);
    }
    let missing = request.amount.minor().saturating_sub(held);
    let differs = held > 0 && missing != 0;
    if differs {
        effect.flags.push(Flag::AmountDiffers);
    }
    if missing > 0 {
        let voided = decisions.iter().find(|decision| !decision.approved());
        let taken = decisions.iter().any(|decision| decision.token == request.token);
        let mut request = AuthRequest {
            amount: Money::new(missing, request.amount.currency()),
            token: if taken { told.transaction.clone() } else { request.token.clone() },
            ..request.clone()
        };
        if differs && request.operation == Operation::Authorize {
            request.operation = Operation::Increment; // of what we approved ourselves
        }
        stand_in(books, intent, told, &request, voided.map(Arc::as_ref), rules, effect);
    } else if missing < 0 {
        let too_much = Money::new(missing.saturating_neg(), request.amount.currency());
        give_back(books, intent, request, too_much, effect);
    } else {
        effect.chain = authorize::known_chain(books, intent, request);
    }
}

/// The platform has the answer: a void that comes later does not take it back.
fn mark_answered(books: &mut Books, decision: &Arc<Decision>) {
    if !decision.repeated {
        let answered = Decision { repeated: true, ..Decision::clone(decision) };
        books.decisions.insert(decision.token.clone(), Arc::new(answered));
        books.changed.decisions.insert(decision.token.clone());
    }
}

/// Approved in our name, or against our own decline: it is taken unconditionally.
fn stand_in(
    books: &mut Books,
    intent: &Intent,
    told: &NoticeIntent,
    request: &AuthRequest,
    declined: Option<&Decision>,
    rules: &Rules,
    effect: &mut Effect,
) {
    let Some(card) = intent.facts.card.clone() else { return };
    effect.flags.push(Flag::StandIn);
    let known = authorize::known_chain(books, intent, request);
    if let (Some(id), Some(declined)) = (known, declined) {
        reopen(books, id, declined);
    }
    let id = known.unwrap_or(intent.authorization_id());
    let after = authorize::with_request(books, id, request, &card, rules);
    let Some(mut after) = after else { return };
    if told.funding.is_none() && !after.told.contains(&told.transaction) {
        after.told.push(told.transaction.clone());
    }
    effect.chain = Some(after.id);
    let mut made = Made::told(request, after.id);
    authorize::approve(books, intent, request, Some(after), &mut made);
    authorize::record(books, intent, made);
    // What has been told needs no answer any more.
    if let Some(decision) = books.decisions.get(&request.token).cloned() {
        mark_answered(books, &decision);
    }
}

/// A purchase whose approval was voided, because it seemed not to have been delivered, is open after
/// all. What was voided is not counted twice.
fn reopen(books: &mut Books, id: AuthorizationId, declined: &Decision) {
    let Some(mut chain) = books.chains.get(&id).cloned() else { return };
    let late = declined.refusal.as_ref().is_some_and(|it| it.code.as_str() == Decision::LATE);
    let opened = matches!(
        declined.echo.operation,
        Some(Operation::Authorize | Operation::Debit) // others were subtracted when they were voided
    );
    if !(chain.closings.voided && late && opened) {
        return;
    }
    let voided = declined.echo.amount.map_or(0, Money::minor);
    let held_before = chain.hold();
    chain.totals.authorized = chain.totals.authorized.saturating_sub(voided);
    chain.closings = Closings { voided: false, ..chain.closings };
    if declined.echo.operation == Some(Operation::Debit) {
        chain.closings.cleared = false; // set again if it is debited now
    }
    chains::adjust_held(books, &chain, held_before);
    chains::put(books, chain);
}

/// The platform approved less than we did.
fn give_back(
    books: &mut Books,
    intent: &Intent,
    request: &AuthRequest,
    too_much: Money,
    effect: &mut Effect,
) {
    let known = authorize::known_chain(books, intent, request);
    let Some(mut chain) = known.and_then(|id| books.chains.get(&id)).cloned() else { return };
    let held_before = chain.hold();
    let totals = &mut chain.totals;
    match request.operation {
        Operation::Debit => {
            totals.refunded = totals.refunded.saturating_add(too_much.minor());
            let entry = Entry { from: Side::Settlement, to: Side::Account(chain.account) };
            post(books, &mut chain, entry, too_much, Cause::Refund);
        }
        Operation::Credit => {
            totals.cleared = totals.cleared.saturating_add(too_much.minor());
            let entry = Entry { from: Side::Account(chain.account), to: Side::Settlement };
            post(books, &mut chain, entry, too_much, Cause::Clearing);
        }
        _ => totals.shrunk = totals.shrunk.saturating_add(too_much.minor()),
    }
    chains::adjust_held(books, &chain, held_before);
    usage::settle(books, &intent.facts, &mut chain, false);
    effect.chain = Some(chain.id);
    effect.corrected = true;
    chains::put(books, chain);
}

/// A single message that was confirmed with less, and now is declined as well: all of it is taken back,
/// so what the confirmation had moved must not be moved twice.
fn undo_correction(books: &mut Books, told: &NoticeIntent) {
    let Some(step) = books.steps.get(&told.opposite) else { return };
    let confirmed = Arc::clone(&step.movement);
    // More than we had approved is an approval of its own, and taken back as such.
    let less =
        confirmed.flags.contains(&Flag::AmountDiffers) && !confirmed.flags.contains(&Flag::StandIn);
    let Some(mut chain) = confirmed.chain.and_then(|id| chains::whole(books, id)) else { return };
    let moved = Money::new(confirmed.posted_change.saturating_abs(), chain.currency);
    if !less || moved.minor() == 0 {
        return;
    }
    let (account, totals) = (Side::Account(chain.account), &mut chain.totals);
    let entry = if confirmed.posted_change < 0 {
        totals.refunded = totals.refunded.saturating_sub(moved.minor());
        Entry { from: account, to: Side::Settlement }
    } else {
        totals.cleared = totals.cleared.saturating_sub(moved.minor());
        Entry { from: Side::Settlement, to: account }
    };
    post(books, &mut chain, entry, moved, Cause::Void);
    chains::put(books, chain);
}

/// It was declined: whatever we approved of it is taken back, and its token is closed for ever. Says
/// how much was taken back.
fn declined(
    books: &mut Books,
    intent: &Intent,
    told: &NoticeIntent,
    tombstone: Option<&FaultyRequest>,
    effect: &mut Effect,
) -> Option<Money> {
    let decisions = decisions(books, told);
    let mut taken_back: Option<(Arc<Decision>, Option<Chain>)> = None;
    for decision in decisions.iter().filter(|decision| decision.approved()) {
        let chain = void::overturn(books, intent, decision);
        taken_back.get_or_insert((Arc::clone(decision), chain));
    }
    let unseen = tombstone.filter(|it| !decisions.iter().any(|known| known.token == it.token));
    if let Some((decision, chain)) = taken_back {
        undo_correction(books, told);
        let event = events::voided(books.now(), intent, &decision, chain.as_ref());
        books.changed.events.push(event);
        effect.chain = chain.map(|chain| chain.id);
        return decision.echo.amount;
    }
    if let Some(tombstone) = unseen {
        authorize::record(books, intent, Made::faulty(tombstone));
    }
    None
}

fn movement(
    books: &Books,
    told: &NoticeIntent,
    kind: StepKind,
    amount: Money,
    effect: Effect,
) -> Option<Movement> {
    let chain = effect.chain.and_then(|id| books.chains.get(&id));
    let account = books.accounts.get(&chain.map_or(told.account, |chain| chain.account))?;
    let own = account.id == told.account; // else the account before is not known
    let change = |now: i64, before: i64| if own { now.saturating_sub(before) } else { 0 };
    let mut flags = effect.flags;
    flags.extend(overdrawn(effect.available_before, account.available()));
    Some(Movement {
        kind,
        chain: chain.map(|chain| chain.id),
        account: account.id,
        amount,
        held_change: change(account.held, effect.held_before),
        posted_change: change(account.posted, effect.posted_before),
        hold: chain.map_or(0, Chain::hold),
        hold_state: chain.map(Chain::state),
        totals: chain.map(|chain| chain.totals),
        available: account.available(),
        account_version: account.version,
        flags,
        at: books.now(),
    })
}
