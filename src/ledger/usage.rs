//! Usage: what a chain counts against limits, taken at approval and given back later, once, and
//! only into the window it came from.

use crate::domain::chain::{Chain, Use};
use crate::domain::facts::Facts;
use crate::domain::policy::{Counter, CounterKey, Limit};
use crate::domain::time::Timestamp;

use super::books::Books;

/// What is used of each limit in the facts, in their order, in its current window.
pub(super) fn used(books: &mut Books, facts: &Facts) -> Vec<Counter> {
    let Some(card) = facts.card.as_ref() else { return Vec::new() };
    let starts = books.starts(&card.zone);
    let rows = facts.limits.limits.iter().map(|limit| {
        let start = starts.of(limit.window);
        let row =
            limit.counter(card.id, card.currency).and_then(|key| books.counters.get(&key).copied());
        rolled(row.unwrap_or_default(), start)
    });
    rows.collect()
}

/// How far apart the beginnings of one window may lie, seen from accounts in different time zones, or from
/// one whose zone was changed. Two windows of one zone begin at least 23 hours apart.
const ZONES_APART_US: i64 = 20 * 3_600 * 1_000_000;

/// A row seen from a window: rolled forward, never back. A person's wallets may be in different zones, and
/// the month that begins again a few hours later in another one is the same month.
const fn rolled(row: Counter, start: Timestamp) -> Counter {
    let later = start.as_micros().saturating_sub(row.window_start.as_micros());
    if later > ZONES_APART_US {
        return Counter { window_start: start, amount: 0, count: 0 };
    }
    row
}

/// Brings the counters in line with what the chain counts now. `taken` says that the chain has just
/// been approved to use more; anything else that it counts more goes back to where it came from.
pub(super) fn settle(books: &mut Books, facts: &Facts, chain: &mut Chain, taken: bool) {
    let recorded = sum(&chain.uses, |used| used.amount);
    let amount = chain.counted().saturating_sub(recorded);
    let count = chain.counted_uses().saturating_sub(sum(&chain.uses, |used| used.count));
    if (taken || chain.uses.is_empty()) && (amount > 0 || count > 0) {
        chain.uses.push(Use { at: books.now(), amount: 0, count: 0 });
    }
    let mut steps = Vec::new();
    spread(&mut chain.uses, amount, |used| &mut used.amount, |at, by| steps.push((at, by, 0)));
    spread(&mut chain.uses, count, |used| &mut used.count, |at, by| steps.push((at, 0, by)));
    for (at, amount, count) in steps {
        shift_counters(books, facts, chain, at, amount, count);
    }
}

fn sum(uses: &[Use], part: fn(&Use) -> i64) -> i64 {
    uses.iter().map(part).fold(0, i64::saturating_add)
}

/// Adds to the latest use, or takes from the latest ones what they have.
fn spread(
    uses: &mut [Use],
    mut change: i64,
    part: fn(&mut Use) -> &mut i64,
    mut moved: impl FnMut(Timestamp, i64),
) {
    for used in uses.iter_mut().rev() {
        if change == 0 {
            return;
        }
        let at = used.at;
        let value = part(used);
        let by = change.max(value.saturating_neg());
        *value = value.saturating_add(by);
        change = change.saturating_sub(by);
        if by != 0 {
            moved(at, by);
        }
    }
}

fn shift_counters(
    books: &mut Books,
    facts: &Facts,
    chain: &Chain,
    at: Timestamp,
    amount: i64,
    count: i64,
) {
    let Some(card) = facts.card.as_ref() else { return };
    let starts = books.starts(&card.zone);
    let counts = |limit: &Limit| limit.counts(&chain.merchant, chain.currency);
    let keys = facts.limits.counters(chain.card, chain.currency).filter(|(_, limit)| counts(limit));
    for (key, limit) in keys {
        shift(books, key, starts.of(limit.window), at, amount, count);
    }
}

/// Adds to one counter what was used at `at`, unless its window began later.
fn shift(
    books: &mut Books,
    key: CounterKey,
    start: Timestamp,
    at: Timestamp,
    amount: i64,
    count: i64,
) {
    let mut counter = rolled(books.counters.get(&key).copied().unwrap_or_default(), start);
    if at < counter.window_start {
        return;
    }
    counter.amount = counter.amount.saturating_add(amount).max(0);
    counter.count = counter.count.saturating_add(count).max(0);
    books.counters.insert(key, counter);
    books.changed.counters.insert(key);
}
