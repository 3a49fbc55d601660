//! Answers that nobody waited for, and what a later message makes of them.

use super::super::intent::Act;
use super::super::testing::{NOON, facts, intent, limit, request, token};
use super::{authorize, books_with, decided, row};
use crate::domain::decision::Decision;
use crate::domain::facts::Facts;
use crate::domain::request::Operation;
use crate::domain::time::Window;

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
