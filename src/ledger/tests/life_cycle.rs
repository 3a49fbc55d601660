//! A purchase from its first message to its last, and how its messages find each other.

use super::super::intent::{Act, ChainRef, IntentRefusal, Outcome, Step, StepIntent};
use super::super::testing::{NOON, account_id, facts, intent, request, token, usd};
use super::{authorize, books_with, decided, moved, row, take};
use crate::domain::chain::HoldState;
use crate::domain::decision::Fingerprint;
use crate::domain::posting::Flag;
use crate::domain::request::Operation;

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
