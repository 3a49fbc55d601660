//! Random traffic against a naive model.

use std::collections::HashMap;

use proptest::prelude::*;

use super::super::intent::{Act, Intent, Step, StepIntent};
use super::super::testing::{
    NOON, account_id, card_id, facts, intent, limit, request, step, token, usd,
};
use super::{books_with, decided, row};
use crate::domain::decision::Fingerprint;
use crate::domain::policy::{CounterKey, Member};
use crate::domain::request::Operation;
use crate::domain::time::Window;

/// The same traffic, by arithmetic that can not be wrong: sums over all messages, in 128 bits.
#[derive(Default)]
struct Naive {
    credit: i128,
    /// By purchase: approved, given back, cleared, closed.
    purchases: HashMap<usize, (i128, i128, i128, bool)>,
    refunded: i128,
}

impl Naive {
    fn hold(purchase: &(i128, i128, i128, bool)) -> i128 {
        let (approved, back, cleared, closed) = purchase;
        if *closed { 0 } else { ((approved - back).max(0) - cleared).max(0) }
    }

    fn counted(purchase: &(i128, i128, i128, bool)) -> i128 {
        let (approved, back, cleared, closed) = purchase;
        let net = (approved - back).max(0);
        if *closed { net.min(*cleared) } else { net }
    }

    fn taken(&self) -> i128 {
        let each = self.purchases.values();
        each.map(|it| Self::hold(it) + it.2).sum::<i128>() - self.refunded
    }

    fn used(&self) -> (i128, i128) {
        let counted = || self.purchases.values().map(Self::counted);
        (counted().sum(), counted().filter(|it| *it > 0).count() as i128)
    }
}

#[derive(Clone, Copy, Debug)]
enum Op {
    Authorize(i64),
    Increment(usize, i64),
    Reverse(usize, i64),
    Clear(usize, i64, bool),
    Refund(usize, i64),
    Expire(usize),
    Fund(i64),
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let one = prop_oneof![
        4 => (1_i64..500).prop_map(Op::Authorize),
        2 => (0_usize..20, 1_i64..300).prop_map(|(at, by)| Op::Increment(at, by)),
        1 => (0_usize..20, 1_i64..300).prop_map(|(at, by)| Op::Reverse(at, by)),
        2 => (0_usize..20, 1_i64..600, any::<bool>()).prop_map(|(at, by, last)| Op::Clear(at, by, last)),
        1 => (0_usize..20, 1_i64..100).prop_map(|(at, by)| Op::Refund(at, by)),
        1 => (0_usize..20).prop_map(Op::Expire),
        1 => (1_i64..200).prop_map(Op::Fund),
    ];
    prop::collection::vec(one, 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// No approval above the balance or the limits, and no false decline either.
    #[test]
    fn random_traffic_agrees_with_the_naive_model(ops in ops(), batch in 1_usize..5) {
        const DAY_AMOUNT: i128 = 3_000;
        const DAY_COUNT: i128 = 8;
        let facts = facts(1, vec![limit(9, Window::Day, Some(3_000), Some(8))]);
        let mut ledger = books_with(2_000);
        let mut naive = Naive { credit: 2_000, ..Naive::default() };
        let mut intents = Vec::new();
        for (at, op) in ops.iter().enumerate() {
            let name = format!("m{at}");
            let act = match *op {
                Op::Authorize(minor) => Act::Authorize(request(&name, Operation::Authorize, minor)),
                Op::Increment(to, minor) => {
                    let mut more = request(&name, Operation::Increment, minor);
                    more.original = Some(token(&format!("m{to}")));
                    Act::Authorize(more)
                }
                Op::Reverse(to, minor) => step(1, &name, &format!("m{to}"), Step::Reverse(Some(usd(minor)))),
                Op::Clear(to, minor, last) => {
                    step(1, &name, &format!("m{to}"), Step::Clear { amount: usd(minor), last })
                }
                Op::Refund(to, minor) => step(1, &name, &format!("m{to}"), Step::Refund(usd(minor))),
                Op::Expire(to) => step(1, &name, &format!("m{to}"), Step::Expire),
                Op::Fund(minor) => Act::Step(StepIntent {
                    key: name.clone(),
                    fingerprint: Fingerprint::of(&[&name]),
                    account: account_id(1),
                    chain: None,
                    step: Step::Fund(usd(minor)),
                }),
            };
            // Only follow-ups of purchases that were authorized before: others are another test.
            let follows = match *op {
                Op::Increment(to, _) | Op::Reverse(to, _) | Op::Clear(to, _, _) | Op::Refund(to, _)
                | Op::Expire(to) => matches!(ops.get(to), Some(Op::Authorize(_))) && to < at,
                _ => true,
            };
            if follows {
                intents.push((at, *op, intent(&facts, act, 0)));
            }
        }
        for batch in intents.chunks(batch) {
            let only: Vec<Intent> = batch.iter().map(|(_, _, intent)| intent.clone()).collect();
            let outcomes = ledger.run(NOON, &only);
            for ((at, op, _), outcome) in batch.iter().zip(&outcomes) {
                let (to, asked) = match *op {
                    Op::Authorize(minor) => (*at, i128::from(minor)),
                    Op::Increment(to, minor) => (to, i128::from(minor)),
                    _ => {
                        apply_naively(&mut naive, *op);
                        continue;
                    }
                };
                let before = naive.purchases.get(&to).copied();
                let mut after = before.unwrap_or_default();
                after.0 += asked;
                let (used, uses) = naive.used();
                let more = |part: fn(&(i128, i128, i128, bool)) -> i128| {
                    part(&after) - before.as_ref().map_or(0, part)
                };
                let more_uses = i128::from(Naive::counted(&after) > 0)
                    - before.as_ref().map_or(0, |it| i128::from(Naive::counted(it) > 0));
                let fits = |asked: i128, used: i128, max: i128| asked <= 0 || used + asked <= max;
                let expected = !after.3
                    && fits(more(Naive::hold), naive.taken(), naive.credit)
                    && fits(more(Naive::counted), used, DAY_AMOUNT)
                    && fits(more_uses, uses, DAY_COUNT);
                let decision = decided(outcome);
                prop_assert_eq!(decision.approved(), expected, "{:?} {:?}", op, decision);
                if expected {
                    naive.purchases.insert(to, after);
                }
            }
            ledger.check();
            let account = row(&ledger);
            prop_assert_eq!(i128::from(account.held + account.posted), naive.taken());
            let key = CounterKey { limit: limit(9, Window::Day, None, None).id, member: Member::Card(card_id(1)) };
            let counter = ledger.counters.get(&key).copied().unwrap_or_default();
            prop_assert_eq!((i128::from(counter.amount), i128::from(counter.count)), naive.used());
        }
    }
}

fn apply_naively(naive: &mut Naive, op: Op) {
    let purchase =
        |naive: &mut Naive, to: usize, change: fn(&mut (i128, i128, i128, bool), i128), by: i64| {
            let mut it = naive.purchases.get(&to).copied().unwrap_or_default();
            change(&mut it, i128::from(by));
            naive.purchases.insert(to, it);
        };
    match op {
        Op::Reverse(to, by) => purchase(naive, to, |it, by| it.1 += by, by),
        Op::Clear(to, by, last) => {
            purchase(naive, to, |it, by| it.2 += by, by);
            if last {
                purchase(naive, to, |it, _| it.3 = true, 0);
            }
        }
        Op::Refund(to, by) => {
            purchase(naive, to, |_, _| {}, 0);
            naive.refunded += i128::from(by);
        }
        Op::Expire(to) => purchase(naive, to, |it, _| it.3 = true, 0),
        Op::Fund(by) => naive.credit += i128::from(by),
        Op::Authorize(_) | Op::Increment(..) => unreachable!("decided, not applied"),
    }
}
