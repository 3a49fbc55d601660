//! The life cycle in any order, and random traffic against a naive model.
#![expect(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "the tests' own sums are small, and a panic is a failure"
)]

use std::collections::HashMap;

use proptest::prelude::*;

use super::intent::{Act, ChainRef, Intent, IntentRefusal, Outcome, Step, StepIntent};
use super::testing::{
    Ledger, NOON, account, account_id, card_id, facts, intent, limit, request, step, token, usd,
};
use crate::domain::chain::{Closings, HoldState, Totals};
use crate::domain::decision::{Decision, Fingerprint};
use crate::domain::facts::Facts;
use crate::domain::party::Account;
use crate::domain::policy::{Counter, CounterKey, Member};
use crate::domain::posting::{Flag, Movement};
use crate::domain::request::Operation;
use crate::domain::time::{Timestamp, Window};

fn books_with(limit: i64) -> Ledger {
    let mut ledger = Ledger::default();
    ledger.accounts.insert(account_id(1), account(1, limit));
    ledger
}

fn authorize(ledger: &mut Ledger, facts: &Facts, name: &str, minor: i64) -> Decision {
    let act = Act::Authorize(request(name, Operation::Authorize, minor));
    decided(&ledger.run(NOON, &[intent(facts, act, 0)])[0])
}

fn decided(outcome: &Outcome) -> Decision {
    match outcome {
        Outcome::Decided(decision) => Decision::clone(decision),
        other => panic!("expected a decision, got {other:?}"),
    }
}

fn moved(outcome: &Outcome) -> Movement {
    match outcome {
        Outcome::Moved(movement) => Movement::clone(movement),
        other => panic!("expected a movement, got {other:?}"),
    }
}

fn take(ledger: &mut Ledger, name: &str, parent: &str, what: Step) -> Movement {
    let intent = intent(&facts(1, vec![]), step(1, name, parent, what), 0);
    moved(&ledger.run(NOON, &[intent])[0])
}

fn row(ledger: &Ledger) -> &Account {
    &ledger.accounts[&account_id(1)]
}

#[test]
fn a_purchase_is_held_cleared_in_parts_over_cleared_and_refunded() {
    let mut ledger = books_with(10_000);
    assert!(authorize(&mut ledger, &facts(1, vec![]), "a", 6_000).approved());
    assert_eq!(row(&ledger).held, 6_000);
    let first = take(&mut ledger, "c1", "a", Step::Clear { amount: usd(2_000), last: false });
    assert_eq!((first.hold, first.held_change, first.posted_change), (4_000, -2_000, 2_000));
    let over = take(&mut ledger, "c2", "c1", Step::Clear { amount: usd(5_000), last: true });
    assert_eq!((over.hold, over.hold_state), (0, Some(HoldState::Cleared)));
    assert_eq!(over.flags, [Flag::OverClearing]);
    assert_eq!((row(&ledger).held, row(&ledger).posted), (0, 7_000));
    take(&mut ledger, "r", "c2", Step::Refund(usd(1_000)));
    assert_eq!(row(&ledger).available(), 4_000);
    ledger.check();
}

#[test]
fn money_that_is_owed_may_overdraw_and_nothing_is_approved_until_it_is_back() {
    let mut ledger = books_with(1_000);
    let force = take(&mut ledger, "f", "none", Step::ForcePost(usd(1_500)));
    assert_eq!(force.flags, [Flag::NoAuthorization, Flag::Overdrawn]);
    let facts = facts(1, vec![]);
    assert!(!authorize(&mut ledger, &facts, "a", 1).approved());
    take(&mut ledger, "r", "f", Step::Refund(usd(501)));
    assert!(authorize(&mut ledger, &facts, "b", 1).approved());
    assert!(!authorize(&mut ledger, &facts, "c", 1).approved());
    ledger.check();
}

#[test]
fn the_same_token_is_decided_once_and_another_request_under_it_changes_nothing() {
    let mut ledger = books_with(10_000);
    let facts = facts(1, vec![]);
    let act = || Act::Authorize(request("a", Operation::Authorize, 100));
    let batch = [intent(&facts, act(), 0), intent(&facts, act(), 1), intent(&facts, act(), 2)];
    let outcomes = ledger.run(NOON, &batch);
    let first = decided(&outcomes[0]);
    for repeat in &outcomes[1..] {
        assert_eq!(decided(repeat).authorization, first.authorization);
    }
    let other = Act::Authorize(request("a", Operation::Authorize, 101));
    let outcome = &ledger.run(NOON, &[intent(&facts, other, 3)])[0];
    assert!(matches!(outcome, Outcome::Refused(IntentRefusal::TokenReused)));
    assert_eq!((row(&ledger).held, ledger.events.len()), (100, 1));
}

#[test]
fn an_undelivered_approval_is_a_late_decline_for_ever() {
    for operation in [Operation::Authorize, Operation::Debit, Operation::Credit] {
        let mut ledger = books_with(10_000);
        let facts = facts(1, vec![limit(9, Window::Day, Some(5_000), Some(5))]);
        let act = || Act::Authorize(request("a", operation, 700));
        assert!(decided(&ledger.run(NOON, &[intent(&facts, act(), 0)])[0]).approved());
        ledger.run(NOON, &[intent(&facts, Act::Void(token("a")), 0)]);
        let again = decided(&ledger.run(NOON, &[intent(&facts, act(), 1)])[0]);
        assert_eq!(again.refusal, Some(Decision::late_refusal()));
        assert_eq!((row(&ledger).held, row(&ledger).posted), (0, 0), "{operation:?}");
        assert!(ledger.counters.values().all(|it| (it.amount, it.count) == (0, 0)));
        ledger.check();
    }
}

#[test]
fn an_approval_that_a_repeat_was_answered_with_is_not_voided() {
    let mut ledger = books_with(10_000);
    let facts = facts(1, vec![]);
    let act = || Act::Authorize(request("a", Operation::Authorize, 700));
    ledger.run(NOON, &[intent(&facts, act(), 0), intent(&facts, act(), 1)]);
    ledger.run(NOON, &[intent(&facts, Act::Void(token("a")), 0)]);
    assert_eq!(row(&ledger).held, 700);
}

#[test]
fn a_card_that_was_unknown_and_is_known_now_is_judged_anew() {
    let mut ledger = books_with(10_000);
    let unknown = Facts::default();
    let act = || Act::Authorize(request("a", Operation::Authorize, 700));
    let first = decided(&ledger.run(NOON, &[intent(&unknown, act(), 0)])[0]);
    assert_eq!(first.refusal.unwrap().code.as_str(), "card.unknown");
    let second = decided(&ledger.run(NOON, &[intent(&facts(1, vec![]), act(), 1)])[0]);
    assert!(second.approved());
}

#[test]
fn a_voided_increment_leaves_the_purchase_alone() {
    let mut ledger = books_with(10_000);
    let facts = facts(1, vec![]);
    authorize(&mut ledger, &facts, "a", 700);
    let mut more = request("i", Operation::Increment, 50);
    more.original = Some(token("a"));
    assert!(decided(&ledger.run(NOON, &[intent(&facts, Act::Authorize(more), 0)])[0]).approved());
    assert_eq!(row(&ledger).held, 750);
    ledger.run(NOON, &[intent(&facts, Act::Void(token("i")), 0)]);
    assert_eq!(row(&ledger).held, 700);
    ledger.check();
}

#[test]
fn funding_and_limit_changes_happen_once_under_their_key() {
    let mut ledger = books_with(1_000);
    let on_account = |key: &str, what| {
        let act = Act::Step(StepIntent {
            key: key.to_owned(),
            fingerprint: Fingerprint::of(&[&format!("{what:?}")]),
            account: account_id(1),
            chain: None,
            step: what,
        });
        intent(&Facts::default(), act, 0)
    };
    let fund = on_account("k1", Step::Fund(usd(500)));
    let outcomes = ledger.run(NOON, &[fund.clone(), fund.clone()]);
    assert_eq!(moved(&outcomes[0]), moved(&outcomes[1]));
    ledger.run(NOON, &[fund]);
    assert_eq!(row(&ledger).funded, 500);
    let other = on_account("k1", Step::Fund(usd(501)));
    let outcome = &ledger.run(NOON, &[other])[0];
    assert!(matches!(outcome, Outcome::Refused(IntentRefusal::KeyReused)));
    let cut =
        |key, limit, version| on_account(key, Step::ChangeLimit { limit: usd(limit), version });
    ledger.run(NOON, &[cut("k2", 10, 1)]);
    let stale = &ledger.run(NOON, &[cut("k3", 20, 1)])[0];
    assert!(matches!(stale, Outcome::Refused(IntentRefusal::VersionConflict)));
    assert_eq!((row(&ledger).limit, row(&ledger).version), (10, 2));
    ledger.check();
}

#[test]
fn what_is_given_back_goes_only_into_the_window_it_came_from() {
    let mut ledger = books_with(100_000);
    let facts = facts(1, vec![limit(9, Window::Day, Some(1_000), Some(2))]);
    assert!(authorize(&mut ledger, &facts, "a", 1_000).approved());
    let tomorrow = Timestamp::from_micros(NOON.as_micros() + 86_400_000_000);
    let at = |ledger: &mut Ledger, name: &str, minor| {
        let act = Act::Authorize(request(name, Operation::Authorize, minor));
        decided(&ledger.run(tomorrow, &[intent(&facts, act, 0)])[0]).approved()
    };
    assert!(at(&mut ledger, "b", 600), "a new day");
    let reverse = intent(&facts, step(1, "r", "a", Step::Reverse(None)), 0);
    ledger.run(tomorrow, &[reverse]);
    assert!(!at(&mut ledger, "c", 401), "yesterday's use gives nothing back to today");
    assert!(at(&mut ledger, "d", 400));
    assert!(!at(&mut ledger, "e", 1), "nor does it give back a count");
    ledger.check();
}

#[test]
fn a_new_limit_starts_from_the_approvals_of_its_window() {
    let mut ledger = books_with(100_000);
    assert!(authorize(&mut ledger, &facts(1, vec![]), "a", 800).approved());
    let mut young = limit(9, Window::Day, Some(1_000), None);
    young.created_at = NOON;
    let limited = facts(1, vec![young]);
    assert!(!authorize(&mut ledger, &limited, "b", 201).approved());
    assert!(authorize(&mut ledger, &limited, "c", 200).approved());
    let reverse = intent(&limited, step(1, "r", "a", Step::Reverse(Some(usd(300)))), 0);
    ledger.run(NOON, &[reverse]);
    assert!(authorize(&mut ledger, &limited, "d", 300).approved(), "given back to the new limit");
    assert!(!authorize(&mut ledger, &limited, "e", 1).approved());
}

#[test]
fn an_increment_that_comes_first_is_judged_as_a_first_authorization() {
    let mut ledger = books_with(1_000);
    let facts = facts(1, vec![]);
    let mut more = request("i", Operation::Increment, 300);
    more.original = Some(token("a"));
    assert!(decided(&ledger.run(NOON, &[intent(&facts, Act::Authorize(more), 0)])[0]).approved());
    assert!(authorize(&mut ledger, &facts, "a", 600).approved());
    assert_eq!(ledger.chains.values().filter(|it| it.merged_into.is_none()).count(), 1);
    let back = take(&mut ledger, "r", "a", Step::Reverse(None));
    assert_eq!(back.held_change, -900);
    ledger.check();
}

#[test]
fn a_message_between_two_others_joins_their_chains() {
    let mut ledger = books_with(10_000);
    take(&mut ledger, "c", "b", Step::Clear { amount: usd(300), last: false });
    authorize(&mut ledger, &facts(1, vec![]), "a", 1_000);
    assert_eq!(row(&ledger).held, 1_000, "nobody knows yet that the clearing is of this purchase");
    let joined = take(&mut ledger, "b", "a", Step::AdviseBy(usd(200)));
    assert_eq!(joined.hold, 500);
    ledger.check();
    let by_lost_name = take(&mut ledger, "d", "c", Step::Clear { amount: usd(500), last: true });
    assert_eq!(by_lost_name.hold, 0);
    ledger.check();
}

/// One purchase's messages. `parent` is an index into the list: always an earlier one.
fn life_cycle() -> impl Strategy<Value = Vec<(Step, usize)>> {
    let amount = || (1_i64..2_000).prop_map(usd);
    let one = prop_oneof![
        amount().prop_map(Step::AdviseBy),
        amount().prop_map(|part| Step::Reverse(Some(part))),
        Just(Step::Reverse(None)),
        (amount(), any::<bool>()).prop_map(|(amount, last)| Step::Clear { amount, last }),
        amount().prop_map(Step::Refund),
        Just(Step::Expire),
    ];
    prop::collection::vec((one, any::<prop::sample::Index>()), 1..7).prop_map(|steps| {
        let parents = |(at, (step, index)): (usize, (Step, prop::sample::Index))| {
            (step, index.index(at + 1)) // 0 is the authorization
        };
        steps.into_iter().enumerate().map(parents).collect()
    })
}

/// What must not depend on the order.
#[derive(Debug, PartialEq)]
struct Ending {
    account: Account,
    totals: Totals,
    closings: Closings,
    hold: i64,
    counter: Option<Counter>,
    postings: Vec<(i64, &'static str)>,
}

fn ending(ledger: &Ledger) -> Ending {
    let mut open = ledger.chains.values().filter(|chain| chain.merged_into.is_none());
    let chain = open.next().expect("one purchase");
    assert!(open.next().is_none(), "one purchase, one chain");
    let mut postings: Vec<_> =
        ledger.postings.iter().map(|it| (it.amount.minor(), it.cause.as_str())).collect();
    postings.sort_unstable();
    let nothing = |counter: &Counter| (counter.amount, counter.count) == (0, 0);
    Ending {
        account: row(ledger).clone(),
        totals: chain.totals,
        closings: chain.closings,
        hold: chain.hold(),
        counter: ledger.counters.values().next().copied().filter(|it| !nothing(it)),
        postings,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_order_and_duplication_of_a_life_cycle_ends_in_the_same_books(
        steps in life_cycle(),
        order in prop::collection::vec(any::<(u32, u8)>(), 30),
        batch in 1_usize..4,
    ) {
        let facts = facts(1, vec![limit(9, Window::Day, Some(1_000_000), Some(100))]);
        let mut messages = vec![Act::Authorize(request("m0", Operation::Authorize, 1_000))];
        for (at, (what, parent)) in steps.iter().enumerate() {
            messages.push(step(1, &format!("m{}", at + 1), &format!("m{parent}"), *what));
        }
        let straight: Vec<Intent> = messages.iter().map(|act| intent(&facts, act.clone(), 0)).collect();
        let mut expected = books_with(1_000_000);
        for intent in &straight {
            expected.run(NOON, std::slice::from_ref(intent));
        }
        // A permutation with duplicates: every message once, and some again.
        let mut shuffled: Vec<(u32, Intent)> = Vec::new();
        for (at, act) in messages.iter().enumerate() {
            shuffled.push((order[at].0, intent(&facts, act.clone(), 0)));
            if order[at + 10].1 % 3 == 0 {
                shuffled.push((order[at + 10].0, intent(&facts, act.clone(), 1)));
            }
        }
        shuffled.sort_by_key(|(key, _)| *key);
        let shuffled: Vec<Intent> = shuffled.into_iter().map(|(_, intent)| intent).collect();
        let mut actual = books_with(1_000_000);
        for batch in shuffled.chunks(batch) {
            actual.run(NOON, batch);
            actual.check();
        }
        expected.check();
        prop_assert_eq!(ending(&actual), ending(&expected));
    }

    #[test]
    fn increments_in_any_order_end_in_the_same_books(
        amounts in prop::collection::vec(1_i64..500, 1..6),
        order in prop::collection::vec(any::<u32>(), 12),
    ) {
        let facts = facts(1, vec![limit(9, Window::Day, Some(1_000_000), Some(100))]);
        let mut messages = vec![Act::Authorize(request("m0", Operation::Authorize, 1_000))];
        for (at, amount) in amounts.iter().enumerate() {
            let mut more = request(&format!("m{}", at + 1), Operation::Increment, *amount);
            more.preceding = Some(token(&format!("t-m{at}"))); // each follows the one before it
            messages.push(Act::Authorize(more));
        }
        messages.push(step(1, "c", &format!("m{}", amounts.len()), Step::Clear { amount: usd(700), last: false }));
        let run = |messages: &[Act]| {
            let mut ledger = books_with(1_000_000);
            for act in messages {
                ledger.run(NOON, &[intent(&facts, act.clone(), 0)]);
                ledger.check();
            }
            ending(&ledger)
        };
        let mut shuffled: Vec<(u32, Act)> = order.into_iter().zip(messages.clone()).collect();
        shuffled.sort_by_key(|(key, _)| *key);
        let shuffled: Vec<Act> = shuffled.into_iter().map(|(_, act)| act).collect();
        prop_assert_eq!(run(&shuffled), run(&messages));
    }
}

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

#[test]
fn a_step_knows_its_chain_by_the_first_authorization_alone() {
    let mut ledger = books_with(1_000);
    let facts = facts(1, vec![]);
    let decision = authorize(&mut ledger, &facts, "a", 400);
    let act = Act::Step(StepIntent {
        key: "r".to_owned(),
        fingerprint: Fingerprint::of(&["r"]),
        account: account_id(1),
        chain: Some(ChainRef { root: Some(decision.authorization), ..ChainRef::default() }),
        step: Step::AdviseTotal(usd(150)),
    });
    let movement = moved(&ledger.run(NOON, &[intent(&facts, act, 0)])[0]);
    assert_eq!((movement.hold, movement.amount), (150, usd(250)));
}
