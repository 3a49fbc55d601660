//! Life-cycle steps: what has happened to a purchase after its authorization. Never declined: a
//! clearing above or without a hold is money already owed, posted and flagged.

use std::sync::Arc;

use crate::domain::chain::Chain;
use crate::domain::decision::Fingerprint;
use crate::domain::money::Money;
use crate::domain::party::Account;
use crate::domain::posting::{Cause, Flag, Movement, Side};

use super::books::{AppliedStep, Books};
use super::intent::{ChainRef, Intent, IntentRefusal, Outcome, Step, StepIntent};
use super::post::{self, Entry};
use super::{chains, events, usage};

/// Takes a step, or answers from the step that was taken under the same key.
pub(super) fn step(books: &mut Books, intent: &Intent, step: &StepIntent) -> Outcome {
    if let Some(earlier) = books.steps.get(&step.key) {
        return if earlier.fingerprint == step.fingerprint {
            Outcome::Moved(Arc::clone(&earlier.movement))
        } else {
            Outcome::Refused(IntentRefusal::KeyReused)
        };
    }
    let taken = match &step.chain {
        Some(chain) => on_chain(books, intent, step, chain),
        None => on_account(books, intent, step),
    };
    match taken {
        Ok(movement) => record(books, intent, step, movement),
        Err(refusal) => Outcome::Refused(refusal),
    }
}

fn record(books: &mut Books, intent: &Intent, step: &StepIntent, movement: Movement) -> Outcome {
    books.changed.events.push(events::moved(books.now(), intent, &movement));
    keep(books, &step.key, step.fingerprint, movement)
}

/// Keeps what a step did: the answer to every repeat.
pub(super) fn keep(
    books: &mut Books,
    key: &str,
    fingerprint: Fingerprint,
    movement: Movement,
) -> Outcome {
    let movement = Arc::new(movement);
    let applied = AppliedStep { key: key.to_owned(), fingerprint, movement: Arc::clone(&movement) };
    books.steps.insert(key.to_owned(), applied);
    books.changed.steps.insert(key.to_owned());
    Outcome::Moved(movement)
}

/// Funding and limit changes.
fn on_account(
    books: &mut Books,
    intent: &Intent,
    step: &StepIntent,
) -> Result<Movement, IntentRefusal> {
    let mut account =
        books.accounts.get(&step.account).cloned().ok_or(IntentRefusal::UnknownAccount)?;
    let available = account.available();
    let amount = match step.step {
        Step::Fund(amount) => {
            account.funded = sum(account.funded, same_currency(&account, amount)?)?;
            let entry = Entry { from: Side::Funding, to: Side::Account(account.id) };
            post::write(books, intent.authorization_id(), 0, entry, amount, Cause::Fund);
            amount
        }
        Step::ChangeLimit { limit, version } => {
            if version != account.version {
                return Err(IntentRefusal::VersionConflict);
            }
            account.limit = same_currency(&account, limit)?;
            account.version = sum(account.version, 1)?;
            limit
        }
        _ => return Err(IntentRefusal::UnknownAccount), // every other step names its chain
    };
    let movement = Movement {
        kind: step.step.kind(),
        chain: None,
        account: account.id,
        amount,
        held_change: 0,
        posted_change: 0,
        hold: 0,
        hold_state: None,
        totals: None,
        available: account.available(),
        account_version: account.version,
        flags: overdrawn(available, account.available()).into_iter().collect(),
        at: books.now(),
    };
    books.changed.accounts.insert(account.id);
    books.accounts.insert(account.id, account);
    Ok(movement)
}

/// A step of a purchase, or of what has none.
fn on_chain(
    books: &mut Books,
    intent: &Intent,
    step: &StepIntent,
    names: &ChainRef,
) -> Result<Movement, IntentRefusal> {
    let before = find_or_open(books, intent, step, names)?;
    let due = before.hold() > 0 && before.expires_at.is_some_and(|at| at <= books.now());
    if step.step == Step::Lapse && !due {
        return Err(IntentRefusal::NotDue); // an increment may have prolonged it
    }
    let account = books.accounts.get(&before.account).ok_or(IntentRefusal::UnknownAccount)?;
    let (available, account_id) = (account.available(), account.id);
    let mut chain = before.clone();
    let effect = take(account, &mut chain, step.step)?;
    let mut flags = flags(&before, &chain, step.step);
    if let Some((entry, amount, cause)) = effect.posting {
        post::post(books, &mut chain, entry, amount, cause);
    }
    let held_change = chains::adjust_held(books, &chain, before.hold());
    usage::settle(books, &intent.facts, &mut chain, false);
    for name in names.own.iter().chain(&names.parents) {
        chains::name(books, name, chain.id);
    }
    let after = books.accounts.get(&account_id).ok_or(IntentRefusal::UnknownAccount)?;
    flags.extend(overdrawn(available, after.available()));
    let movement = Movement {
        kind: step.step.kind(),
        chain: Some(chain.id),
        account: account_id,
        amount: effect.amount,
        held_change,
        posted_change: effect.posted_change(),
        hold: chain.hold(),
        hold_state: Some(chain.state()),
        totals: Some(chain.totals),
        available: after.available(),
        account_version: after.version,
        flags,
        at: books.now(),
    };
    chains::put(books, chain);
    Ok(movement)
}

/// The chain that the step names, or a new one that waits for the messages before it.
fn find_or_open(
    books: &mut Books,
    intent: &Intent,
    step: &StepIntent,
    names: &ChainRef,
) -> Result<Chain, IntentRefusal> {
    let all = names.own.iter().chain(&names.parents);
    let known = chains::find(books, &intent.facts, names.root, all);
    if let Some(chain) = known.and_then(|id| books.chains.get(&id)) {
        return Ok(chain.clone());
    }
    let account = books.accounts.get(&step.account).ok_or(IntentRefusal::UnknownAccount)?;
    let card = intent.facts.card.as_ref().ok_or(IntentRefusal::UnknownAccount)?;
    let id = known.unwrap_or_else(|| intent.authorization_id());
    Ok(Chain::empty(id, account.id, card.id, account.currency, books.now()))
}

/// What a step comes to.
struct Taken {
    amount: Money,
    posting: Option<(Entry, Money, Cause)>,
}

impl Taken {
    const fn posted_change(&self) -> i64 {
        match self.posting {
            Some((entry, amount, _)) => entry.change(amount),
            None => 0,
        }
    }
}

/// Adds the step to the chain's totals. Refuses before anything else has changed.
fn take(account: &Account, chain: &mut Chain, step: Step) -> Result<Taken, IntentRefusal> {
    let money = |minor| Money::new(minor, chain.currency);
    let debit = Entry { from: Side::Account(chain.account), to: Side::Settlement };
    let credit = Entry { from: Side::Settlement, to: Side::Account(chain.account) };
    let provisional = Entry { from: Side::Disputes, to: Side::Account(chain.account) };
    let taken_back = Entry { from: Side::Account(chain.account), to: Side::Disputes };
    let recovered = Entry { from: Side::Settlement, to: Side::Disputes };
    let totals = &mut chain.totals;
    let (amount, posting) = match step {
        Step::AdviseTotal(total) => {
            let less = totals.net().saturating_sub(same_currency(account, total)?);
            if less < 0 {
                return Err(IntentRefusal::AdviceRaises);
            }
            totals.shrunk = sum(totals.shrunk, less)?;
            (money(less), None)
        }
        Step::AdviseBy(less) => {
            totals.shrunk = sum(totals.shrunk, same_currency(account, less)?)?;
            (less, None)
        }
        Step::Reverse(Some(part)) => {
            totals.reversed = sum(totals.reversed, same_currency(account, part)?)?;
            (part, None)
        }
        Step::Reverse(None) => {
            let all = chain.hold();
            chain.closings.reversed = true;
            (money(all), None)
        }
        Step::Clear { amount, last } => {
            totals.cleared = sum(totals.cleared, same_currency(account, amount)?)?;
            chain.closings.cleared |= last;
            (amount, Some((debit, Cause::Clearing)))
        }
        Step::ForcePost(amount) => {
            totals.cleared = sum(totals.cleared, same_currency(account, amount)?)?;
            chain.closings.cleared = true;
            (amount, Some((debit, Cause::ForcePost)))
        }
        Step::Refund(amount) => {
            totals.refunded = sum(totals.refunded, same_currency(account, amount)?)?;
            (amount, Some((credit, Cause::Refund)))
        }
        Step::ExpectCredit(amount) => {
            totals.expected = sum(totals.expected, same_currency(account, amount)?)?;
            (amount, None)
        }
        Step::CancelCredit(amount) => {
            totals.cancelled = sum(totals.cancelled, same_currency(account, amount)?)?;
            (amount, None)
        }
        Step::Chargeback(amount) => {
            totals.disputed = sum(totals.disputed, same_currency(account, amount)?)?;
            (amount, Some((provisional, Cause::Chargeback)))
        }
        Step::ChargebackReversal(amount) => {
            let back = same_currency(account, amount)?.saturating_neg();
            totals.disputed = sum(totals.disputed, back)?;
            (amount, Some((taken_back, Cause::ChargebackReversal)))
        }
        Step::ChargebackWon(amount) => {
            same_currency(account, amount)?;
            (amount, Some((recovered, Cause::ChargebackWon)))
        }
        Step::AdjustCredit(amount) => {
            same_currency(account, amount)?;
            (amount, Some((credit, Cause::Adjustment)))
        }
        Step::AdjustDebit(amount) => {
            same_currency(account, amount)?;
            (amount, Some((debit, Cause::Adjustment)))
        }
        Step::Expire | Step::Lapse => {
            let all = chain.hold();
            chain.closings.expired = true;
            (money(all), None)
        }
        Step::Fund(_) | Step::ChangeLimit { .. } => return Err(IntentRefusal::UnknownAccount),
    };
    if posting.is_some() {
        sum(account.posted, amount.minor())?; // the account's sums must stay in range as well
    }
    Ok(Taken { amount, posting: posting.map(|(entry, cause)| (entry, amount, cause)) })
}

fn flags(before: &Chain, after: &Chain, step: Step) -> Vec<Flag> {
    let authorized = before.totals.authorized > 0 || before.totals.incremented > 0;
    let mut flags = Vec::new();
    let mut raise = |raised: bool, flag| {
        if raised {
            flags.push(flag);
        }
    };
    match step {
        Step::Clear { amount, .. } => {
            raise(!authorized, Flag::NoAuthorization);
            raise(authorized && before.closings.any(), Flag::ClearedAfterClose);
            let open = authorized && !before.closings.any();
            raise(open && amount.minor() > before.hold(), Flag::OverClearing);
        }
        Step::ForcePost(_) => raise(true, Flag::NoAuthorization),
        Step::Reverse(Some(part)) => raise(part.minor() > before.hold(), Flag::OverReversal),
        Step::AdviseBy(less) => raise(less.minor() > before.hold(), Flag::OverReversal),
        Step::Refund(_) => raise(after.totals.refunded > after.totals.cleared, Flag::OverRefund),
        _ => {}
    }
    flags
}

/// Whether the account went, or went further, below nothing.
pub(super) fn overdrawn(before: i64, after: i64) -> Option<Flag> {
    (after < 0 && after < before).then_some(Flag::Overdrawn)
}

fn same_currency(account: &Account, amount: Money) -> Result<i64, IntentRefusal> {
    let same = amount.currency() == account.currency;
    if same { Ok(amount.minor()) } else { Err(IntentRefusal::CurrencyMismatch) }
}

fn sum(one: i64, other: i64) -> Result<i64, IntentRefusal> {
    one.checked_add(other).ok_or(IntentRefusal::OutOfRange)
}
