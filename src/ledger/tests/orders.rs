//! Any order of a purchase's messages, each any number of times: the same books.

use proptest::prelude::*;

use super::super::intent::{Act, Intent, Step};
use super::super::testing::{Ledger, NOON, facts, intent, limit, request, step, token, usd};
use super::{books_with, row};
use crate::domain::chain::{Closings, Totals};
use crate::domain::party::Account;
use crate::domain::policy::Counter;
use crate::domain::request::Operation;
use crate::domain::time::{Timestamp, Window};

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
    expires_at: Option<Timestamp>,
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
        expires_at: chain.expires_at,
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
        increments in prop::collection::vec((1_i64..500, 1_u16..60), 1..6),
        order in prop::collection::vec(any::<u32>(), 12),
    ) {
        let facts = facts(1, vec![limit(9, Window::Day, Some(1_000_000), Some(100))]);
        let mut messages = vec![Act::Authorize(request("m0", Operation::Authorize, 1_000))];
        for (at, (amount, days)) in increments.iter().enumerate() {
            let mut more = request(&format!("m{}", at + 1), Operation::Increment, *amount);
            more.hold_days = Some(*days);
            more.preceding = Some(token(&format!("t-m{at}"))); // each follows the one before it
            messages.push(Act::Authorize(more));
        }
        messages.push(step(1, "c", &format!("m{}", increments.len()), Step::Clear { amount: usd(700), last: false }));
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
