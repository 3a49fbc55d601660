//! What the platform tells, in any order with what we decided ourselves.
#![expect(clippy::arithmetic_side_effects, reason = "the tests' own sums are small")]

use proptest::prelude::*;

use super::intent::{Act, Intent, Notice, NoticeIntent, Outcome, Step};
use super::testing::{
    Ledger, NOON, account, account_id, facts, intent, limit, request, step, token, usd, void_of,
};
use crate::domain::decision::{Decision, Fingerprint};
use crate::domain::facts::Facts;
use crate::domain::finding::Reason;
use crate::domain::party::Account;
use crate::domain::posting::{Cause, Flag, Movement, Side};
use crate::domain::request::{AuthRequest, Door, FaultyRequest, Operation};
use crate::domain::time::Window;

/// Whether the notice names the funding token.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Naming {
    Funding,
    TransactionOnly,
}

fn books_with(limit: i64) -> Ledger {
    let mut ledger = Ledger::default();
    ledger.accounts.insert(account_id(1), account(1, limit));
    ledger
}

fn limited() -> Facts {
    facts(1, vec![limit(9, Window::Day, Some(1_000_000), Some(100))])
}

fn told(name: &str, verb: &str, naming: Naming, notice: Notice) -> Act {
    let opposite = if verb == "approved" { "declined" } else { "approved" };
    Act::Notice(NoticeIntent {
        key: format!("txn:t-{name}:{verb}"),
        opposite: format!("txn:t-{name}:{opposite}"),
        fingerprint: Fingerprint::of(&[name, verb]),
        transaction: token(&format!("t-{name}")),
        funding: (naming == Naming::Funding).then(|| token(name)),
        account: account_id(1),
        notice,
    })
}

fn approved_as(request: AuthRequest, name: &str, naming: Naming) -> Act {
    let token = match naming {
        Naming::Funding => token(name),
        Naming::TransactionOnly => token(&format!("t-{name}")),
    };
    told(name, "approved", naming, Notice::Approved(AuthRequest { token, ..request }))
}

fn approved(name: &str, operation: Operation, minor: i64, naming: Naming) -> Act {
    approved_as(request(name, operation, minor), name, naming)
}

fn declined(name: &str, minor: i64, naming: Naming) -> Act {
    let told_of = request(name, Operation::Authorize, minor);
    let tombstone = (naming == Naming::Funding).then(|| FaultyRequest {
        token: token(name),
        door: Door::Notice,
        refusal: Decision::late_refusal(),
        fingerprint: Fingerprint::ANY,
        echo: told_of.echo(),
    });
    told(name, "declined", naming, Notice::Declined(tombstone))
}

fn run(ledger: &mut Ledger, act: Act, salt: u64) -> Outcome {
    let outcome = ledger.run(NOON, &[intent(&limited(), act, salt)]).remove(0);
    ledger.check();
    outcome
}

fn moved(outcome: Outcome) -> Movement {
    match outcome {
        Outcome::Moved(movement) => Movement::clone(&movement),
        other => panic!("expected a movement, got {other:?}"),
    }
}

fn decided(outcome: Outcome) -> Decision {
    match outcome {
        Outcome::Decided(decision) => Decision::clone(&decision),
        other => panic!("expected a decision, got {other:?}"),
    }
}

fn row(ledger: &Ledger) -> &Account {
    &ledger.accounts[&account_id(1)]
}

/// What `verify` compares: every chain's asked beside its approved rows.
fn check_approvals(ledger: &Ledger) {
    for chain in ledger.chains.values().filter(|chain| chain.merged_into.is_none()) {
        if chain.closings.voided {
            continue;
        }
        let of_chain = |id| {
            let mut id = id;
            while let Some(into) = ledger.chains.get(&id).and_then(|it| it.merged_into) {
                id = into;
            }
            id == chain.id
        };
        let approvals: i64 = ledger
            .authorizations
            .values()
            .filter(|row| row.refusal.is_none() && row.chain.is_some_and(of_chain))
            .filter(|row| row.operation.is_some_and(Operation::spends))
            .filter_map(|row| row.amount)
            .map(|amount| amount.minor())
            .sum();
        assert_eq!(chain.totals.authorized + chain.totals.incremented, approvals, "approvals");
    }
    for decision in ledger.decisions.values() {
        let row = &ledger.authorizations[&decision.authorization];
        assert_eq!((&row.token, &row.refusal), (&decision.token, &decision.refusal));
    }
}

/// Every order of these acts ends in the same account and counter.
fn check_all_orders(acts: &[Act], expected: (i64, i64), label: &str) {
    let mut orders = vec![vec![]];
    for at in 0..acts.len() {
        let mut longer = Vec::new();
        for order in orders {
            for place in 0..=at {
                let mut order: Vec<usize> = order.clone();
                order.insert(place, at);
                longer.push(order);
            }
        }
        orders = longer;
    }
    for order in orders {
        let mut ledger = books_with(1_000_000);
        for (round, at) in order.iter().chain(order.first()).enumerate() {
            run(&mut ledger, acts[*at].clone(), u64::from(round >= order.len()));
        }
        check_approvals(&ledger);
        let account = row(&ledger);
        assert_eq!((account.held, account.posted), expected, "{label}: {order:?}");
        let count: i64 = ledger.counters.values().map(|it| it.count).sum();
        let counts = i64::from(expected != (0, 0));
        assert_eq!(count, counts, "{label}: {order:?}");
    }
}

#[test]
fn what_the_platform_approved_is_held_once_whatever_we_said_and_when() {
    for naming in [Naming::Funding, Naming::TransactionOnly] {
        let ask = || Act::Authorize(request("a", Operation::Authorize, 700));
        let confirm = || approved("a", Operation::Authorize, 700, naming);
        check_all_orders(&[ask(), confirm()], (700, 0), "asked and confirmed");
        let late = [ask(), confirm(), void_of("a", 0)];
        check_all_orders(&late, (700, 0), "voided and confirmed all the same");
        check_all_orders(&[confirm()], (700, 0), "stood in for");
        let clear = step(1, "c", "a", Step::Clear { amount: usd(650), last: true });
        check_all_orders(&[ask(), confirm(), clear], (0, 650), "cleared");
    }
}

#[test]
fn what_the_platform_declined_leaves_no_hold_and_closes_the_token() {
    for naming in [Naming::Funding, Naming::TransactionOnly] {
        let mut ledger = books_with(1_000);
        let ask = || Act::Authorize(request("a", Operation::Authorize, 700));
        assert!(decided(run(&mut ledger, ask(), 0)).approved());
        assert_eq!(moved(run(&mut ledger, declined("a", 700, naming), 0)).held_change, -700);
        let again = decided(run(&mut ledger, ask(), 1));
        assert_eq!(again.refusal, Some(Decision::late_refusal()));
        check_approvals(&ledger);
    }
    let ask = || Act::Authorize(request("a", Operation::Authorize, 700));
    let decline = || declined("a", 700, Naming::Funding);
    check_all_orders(&[ask(), decline()], (0, 0), "timed out");
    check_all_orders(&[ask(), decline(), void_of("a", 0)], (0, 0), "timed out, voided");
}

#[test]
fn a_request_that_comes_after_its_tombstone_is_one_fixed_late_decline() {
    let mut ledger = books_with(1_000);
    run(&mut ledger, declined("a", 700, Naming::Funding), 0);
    // Even one that is not what the notice told of.
    for minor in [700, 701, 700] {
        let ask = Act::Authorize(request("a", Operation::Authorize, minor));
        let decision = decided(run(&mut ledger, ask, 1));
        let refusal = decision.refusal.unwrap();
        assert_eq!(
            (refusal.reason, refusal.code.as_str()),
            (Reason::TransactionNotPermitted, "late")
        );
    }
    assert_eq!((row(&ledger).held, ledger.authorizations.len()), (0, 1));
}

#[test]
fn a_decline_that_is_told_too_stands_in_any_order() {
    for naming in [Naming::Funding, Naming::TransactionOnly] {
        let both = [approved("a", Operation::Authorize, 700, naming), declined("a", 700, naming)];
        check_all_orders(&both, (0, 0), "contradicted");
    }
}

#[test]
fn a_repeat_that_was_answered_is_voided_by_the_platform_s_own_decline() {
    let mut ledger = books_with(1_000);
    let ask = || Act::Authorize(request("a", Operation::Authorize, 700));
    run(&mut ledger, ask(), 0);
    run(&mut ledger, ask(), 1);
    run(&mut ledger, declined("a", 700, Naming::Funding), 0);
    assert_eq!(row(&ledger).held, 0);
}

#[test]
fn a_stand_in_may_overdraw_and_says_so_and_nothing_is_approved_until_it_is_back() {
    let mut ledger = books_with(500);
    let refused = Act::Authorize(request("a", Operation::Authorize, 700));
    assert!(!decided(run(&mut ledger, refused, 0)).approved());
    let confirm = approved("a", Operation::Authorize, 700, Naming::Funding);
    let movement = moved(run(&mut ledger, confirm, 0));
    assert_eq!(movement.flags, [Flag::StandIn, Flag::Overdrawn]);
    assert_eq!((movement.held_change, row(&ledger).available()), (700, -200));
    let more = Act::Authorize(request("b", Operation::Authorize, 1));
    assert!(!decided(run(&mut ledger, more, 0)).approved());
    let ask = Act::Authorize(request("a", Operation::Authorize, 700));
    assert!(!decided(run(&mut ledger, ask, 1)).approved(), "the answer stays what it was");
    check_approvals(&ledger);
}

#[test]
fn the_hold_follows_the_amount_that_the_platform_approved() {
    for (asked, confirmed) in [(700, 400), (400, 700)] {
        for naming in [Naming::Funding, Naming::TransactionOnly] {
            let mut ledger = books_with(10_000);
            let ask = Act::Authorize(request("a", Operation::Authorize, asked));
            assert!(decided(run(&mut ledger, ask, 0)).approved());
            let confirm = approved("a", Operation::Authorize, confirmed, naming);
            let movement = moved(run(&mut ledger, confirm, 0));
            assert!(movement.flags.contains(&Flag::AmountDiffers));
            assert_eq!(row(&ledger).held, confirmed);
            check_approvals(&ledger);
        }
    }
}

#[test]
fn single_messages_and_credits_follow_the_platform_too() {
    for naming in [Naming::Funding, Naming::TransactionOnly] {
        for (operation, posted) in [(Operation::Debit, 700), (Operation::Credit, -700)] {
            let ask = || Act::Authorize(request("a", operation, 700));
            let confirm = || approved("a", operation, 700, naming);
            let acts = [ask(), confirm(), void_of("a", 0)];
            let mut orders = vec![vec![0, 1, 2], vec![0, 2, 1], vec![1, 0, 2], vec![1, 2, 0]];
            orders.push(vec![2, 1, 0]);
            for order in orders {
                let mut ledger = books_with(10_000);
                for at in &order {
                    run(&mut ledger, acts[*at].clone(), 0);
                }
                assert_eq!(row(&ledger).posted, posted, "{operation:?} {naming:?} {order:?}");
                check_approvals(&ledger);
            }
        }
    }
}

#[test]
fn what_was_confirmed_with_less_and_then_declined_moves_nothing_in_the_end() {
    for operation in [Operation::Authorize, Operation::Debit, Operation::Credit] {
        for confirmed in [400, 700, 900] {
            let acts = [
                Act::Authorize(request("a", operation, 700)),
                approved("a", operation, confirmed, Naming::Funding),
                declined("a", 700, Naming::Funding),
            ];
            for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
                let mut ledger = books_with(10_000);
                for at in order {
                    run(&mut ledger, acts[at].clone(), 0);
                }
                let account = row(&ledger);
                let label = format!("{operation:?} {confirmed} {order:?}");
                assert_eq!((account.held, account.posted), (0, 0), "{label}");
            }
        }
    }
}

#[test]
fn disputes_credit_provisionally_and_end_lost_or_won() {
    let mut ledger = books_with(10_000);
    run(&mut ledger, Act::Authorize(request("a", Operation::Authorize, 900)), 0);
    run(&mut ledger, step(1, "c", "a", Step::Clear { amount: usd(900), last: true }), 0);
    let credit = moved(run(&mut ledger, step(1, "d", "c", Step::Chargeback(usd(900))), 0));
    assert_eq!((credit.posted_change, credit.totals.unwrap().disputed), (-900, 900));
    let lost = step(1, "l", "d", Step::ChargebackReversal(usd(900)));
    assert_eq!(moved(run(&mut ledger, lost, 0)).totals.unwrap().disputed, 0);
    assert_eq!(row(&ledger).posted, 900);
    run(&mut ledger, step(1, "d2", "c", Step::Chargeback(usd(900))), 0);
    let won = moved(run(&mut ledger, step(1, "w", "d2", Step::ChargebackWon(usd(900))), 0));
    assert_eq!((won.posted_change, row(&ledger).posted), (0, 0));
    let disputes: i64 = ledger
        .postings
        .iter()
        .map(|it| match (it.debit == Side::Disputes, it.credit == Side::Disputes) {
            (true, _) => it.amount.minor(),
            (_, true) => -it.amount.minor(),
            _ => 0,
        })
        .sum();
    assert_eq!(disputes, 0, "nothing is claimed any more");
    assert!(ledger.postings.iter().any(|it| it.cause == Cause::ChargebackWon));
}

#[test]
fn an_announced_credit_comes_or_is_cancelled() {
    let mut ledger = books_with(10_000);
    let expected = moved(run(&mut ledger, step(1, "e", "none", Step::ExpectCredit(usd(300))), 0));
    let to_come = |movement: &Movement| movement.totals.unwrap().credit_to_come();
    assert_eq!((to_come(&expected), expected.posted_change), (300, 0));
    let partly = moved(run(&mut ledger, step(1, "x", "e", Step::CancelCredit(usd(100))), 0));
    assert_eq!(to_come(&partly), 200);
    let come = moved(run(&mut ledger, step(1, "r", "e", Step::Refund(usd(200))), 0));
    assert_eq!((to_come(&come), come.posted_change), (0, -200));
    assert_eq!(row(&ledger).available(), 10_200);
}

/// A purchase with everything that may follow it, each message's own outcome fixed.
fn messages() -> impl Strategy<Value = Vec<Act>> {
    let amount = || 1_i64..2_000;
    let naming = || prop_oneof![Just(Naming::Funding), Just(Naming::TransactionOnly)];
    let one = prop_oneof![
        2 => (amount(), naming()).prop_map(|(minor, naming)| (None, minor, naming)),
        1 => amount().prop_map(|by| (Some(Step::AdviseBy(usd(by))), by, Naming::Funding)),
        1 => amount().prop_map(|by| (Some(Step::Reverse(Some(usd(by)))), by, Naming::Funding)),
        1 => Just((Some(Step::Reverse(None)), 0, Naming::Funding)),
        2 => (amount(), any::<bool>())
            .prop_map(|(by, last)| (Some(Step::Clear { amount: usd(by), last }), by, Naming::Funding)),
        1 => amount().prop_map(|by| (Some(Step::Refund(usd(by))), by, Naming::Funding)),
        1 => amount().prop_map(|by| (Some(Step::Chargeback(usd(by))), by, Naming::Funding)),
        1 => amount().prop_map(|by| (Some(Step::ChargebackReversal(usd(by))), by, Naming::Funding)),
        1 => amount().prop_map(|by| (Some(Step::AdjustDebit(usd(by))), by, Naming::Funding)),
        1 => Just((Some(Step::Expire), 0, Naming::Funding)),
    ];
    let first = (amount(), naming());
    let rest = prop::collection::vec((one, any::<prop::sample::Index>()), 1..7);
    (first, rest).prop_map(|((minor, naming), rest)| {
        let mut acts = vec![approved("m0", Operation::Authorize, minor, naming)];
        for (at, ((what, minor, naming), index)) in rest.into_iter().enumerate() {
            let (name, parent) = (format!("m{}", at + 1), format!("m{}", index.index(at + 1)));
            acts.push(match what {
                Some(what) => step(1, &name, &parent, what),
                None => {
                    let mut more = request(&name, Operation::Increment, minor);
                    more.preceding = Some(token(&format!("t-{parent}")));
                    approved_as(more, &name, naming)
                }
            });
        }
        acts
    })
}

/// Sums over the messages, by arithmetic that can not be wrong.
fn naive(acts: &[Act]) -> (i128, i128) {
    let (mut asked, mut back, mut cleared, mut closed, mut posted) = (0, 0, 0, false, 0_i128);
    for act in acts {
        match act {
            Act::Notice(told) => {
                if let Notice::Approved(request) = &told.notice {
                    asked += i128::from(request.amount.minor());
                }
            }
            Act::Step(step) => match step.step {
                Step::AdviseBy(by) | Step::Reverse(Some(by)) => back += i128::from(by.minor()),
                Step::Reverse(None) | Step::Expire => closed = true,
                Step::Clear { amount, last } => {
                    cleared += i128::from(amount.minor());
                    closed |= last;
                }
                Step::Refund(by) | Step::Chargeback(by) => posted -= i128::from(by.minor()),
                Step::ChargebackReversal(by) | Step::AdjustDebit(by) => {
                    posted += i128::from(by.minor());
                }
                _ => unreachable!("not among the messages"),
            },
            _ => unreachable!("not among the messages"),
        }
    }
    let net = (asked - back).max(0);
    let held = if closed { 0 } else { (net - cleared).max(0) };
    (held, posted + cleared)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn notices_in_any_order_and_number_end_in_the_books_of_the_naive_model(
        acts in messages(),
        order in prop::collection::vec(any::<(u32, u8)>(), 20),
        batch in 1_usize..4,
    ) {
        let mut shuffled: Vec<(u32, Intent)> = Vec::new();
        for (at, act) in acts.iter().enumerate() {
            shuffled.push((order[at].0, intent(&limited(), act.clone(), 0)));
            if order[at + 10].1 % 2 == 0 {
                shuffled.push((order[at + 10].0, intent(&limited(), act.clone(), 1)));
            }
        }
        shuffled.sort_by_key(|(key, _)| *key);
        let shuffled: Vec<Intent> = shuffled.into_iter().map(|(_, intent)| intent).collect();
        let mut ledger = books_with(500);
        for batch in shuffled.chunks(batch) {
            ledger.run(NOON, batch);
            ledger.check();
        }
        check_approvals(&ledger);
        let account = row(&ledger);
        prop_assert_eq!((i128::from(account.held), i128::from(account.posted)), naive(&acts));
        let open = ledger.chains.values().filter(|it| it.merged_into.is_none()).count();
        prop_assert_eq!(open, 1, "one purchase, one chain");
    }
}
