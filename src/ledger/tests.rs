//! The ledger's tests, by subject, and what they have in common.
#![expect(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "the tests' own sums are small, and a panic is a failure"
)]

mod late;
mod life_cycle;
mod model;
mod orders;
mod windows;

use super::intent::{Act, Outcome, Step};
use super::testing::{Ledger, NOON, account, account_id, facts, intent, request, step};
use crate::domain::decision::Decision;
use crate::domain::facts::Facts;
use crate::domain::party::Account;
use crate::domain::posting::Movement;
use crate::domain::request::Operation;

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
