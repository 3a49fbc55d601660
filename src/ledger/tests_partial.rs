//! Partial approval (only where it is offered, asked for, and money alone is missing), and decisions that
//! are not taken.

use super::apply;
use super::intent::{Act, Intent, Outcome};
use super::testing::{Ledger, NOON, account, account_id, facts, intent, limit, request, usd};
use super::wanted::Wanted;
use crate::domain::decision::Decision;
use crate::domain::policy::Limit;
use crate::domain::request::Operation;
use crate::domain::standing::Rules;
use crate::domain::time::Window;

const OFFERED: Rules = Rules {
    limited_user_spends: true,
    limited_card_spends: false,
    partial_approval: true,
    hold_days: 7,
};

fn ledger(credit: i64) -> Ledger {
    let mut ledger = Ledger::default();
    ledger.accounts.insert(account_id(1), account(1, credit));
    ledger
}

fn settle(ledger: &mut Ledger, intent: &Intent, rules: &Rules) -> Outcome {
    let wanted = Wanted::by(std::slice::from_ref(intent));
    let mut books = ledger.books(&wanted, NOON);
    let outcome = apply(&mut books, intent, rules);
    ledger.absorb(&books);
    outcome
}

fn decided(outcome: &Outcome) -> Decision {
    let Outcome::Decided(decision) = outcome else { panic!("{outcome:?}") };
    Decision::clone(decision)
}

fn ask(operation: Operation, partial: bool, limits: Vec<Limit>) -> Intent {
    let mut request = request("p", operation, 500);
    request.partial = partial;
    intent(&facts(1, limits), Act::Authorize(request), 0)
}

#[test]
fn what_is_left_is_approved_where_the_terminal_can_do_with_less() {
    for operation in [Operation::Authorize, Operation::Debit] {
        let mut ledger = ledger(300);
        let intent = ask(operation, true, vec![]);
        let decision = decided(&settle(&mut ledger, &intent, &OFFERED));
        assert!(decision.approved());
        assert_eq!(
            (decision.echo.amount, decision.echo.requested),
            (Some(usd(300)), Some(usd(500)))
        );
        let row = &ledger.accounts[&account_id(1)];
        assert_eq!((row.available(), row.held + row.posted), (0, 300));
        let record = &ledger.authorizations[&decision.authorization];
        assert_eq!(record.amount, Some(usd(300)));
        let told = record.findings.last().unwrap();
        assert_eq!(told.check.as_str(), "amount.partial");
        // The same message again is a repeat, though less was approved.
        let again = ask(operation, true, vec![]);
        let repeat = decided(&settle(&mut ledger, &again, &OFFERED));
        assert_eq!((repeat.authorization, repeat.echo), (decision.authorization, decision.echo));
        assert_eq!(ledger.accounts[&account_id(1)].available(), 0);
    }
}

#[test]
fn in_every_other_case_the_purchase_is_declined_as_a_whole() {
    let day = || vec![limit(7, Window::Day, Some(400), None)];
    let off = Rules::default();
    for (credit, intent, rules, code) in [
        (300, ask(Operation::Authorize, true, vec![]), off, "funds.insufficient"),
        (300, ask(Operation::Authorize, false, vec![]), OFFERED, "funds.insufficient"),
        (0, ask(Operation::Authorize, true, vec![]), OFFERED, "funds.insufficient"),
        (300, ask(Operation::Authorize, true, day()), OFFERED, "limit.day.amount"),
        (900, ask(Operation::Authorize, true, day()), OFFERED, "limit.day.amount"),
    ] {
        let mut ledger = ledger(credit);
        let decision = decided(&settle(&mut ledger, &intent, &rules));
        let refusal = decision.refusal.expect("a decline");
        assert_eq!(refusal.code.as_str(), code, "{credit}");
        assert_eq!((decision.echo.amount, decision.echo.requested), (Some(usd(500)), None));
        assert_eq!(ledger.accounts[&account_id(1)].held, 0);
    }
}

#[test]
fn whoever_asks_for_cash_is_not_given_less() {
    for (operation, method, code) in [
        (Operation::Authorize, "PGFS.Authorization", None),
        (Operation::Debit, "pgfs.auth_plus_capture", None),
        (Operation::Debit, "pgfs.pindebit", None),
        (Operation::Authorize, "pgfs.atm.withdrawal", Some("funds.insufficient")),
        (Operation::Authorize, "pgfs.authorization.cashback", Some("funds.insufficient")),
        (Operation::Debit, "pgfs.pindebit.atm.withdrawal", Some("funds.insufficient")),
        (Operation::Debit, "pgfs.pindebit.cashback", Some("funds.insufficient")),
        (Operation::Debit, "pgfs.pindebit.quasi.cash", Some("funds.insufficient")),
    ] {
        let mut request = request("p", operation, 500);
        request.partial = true;
        request.method = Some(method.into());
        let intent = intent(&facts(1, vec![]), Act::Authorize(request), 0);
        let decision = decided(&settle(&mut ledger(300), &intent, &OFFERED));
        let refusal = decision.refusal.map(|refusal| refusal.code);
        assert_eq!(refusal.as_ref().map(|code| code.as_str()), code, "{method}");
    }
}

#[test]
fn a_preview_says_what_would_be_decided_and_changes_nothing() {
    let mut ledger = ledger(700);
    let day = || vec![limit(7, Window::Day, Some(600), None)];
    settle(&mut ledger, &ask(Operation::Authorize, false, day()), &Rules::default());
    for (minor, code) in [(100, None), (101, Some("limit.day.amount"))] {
        let act = Act::Preview(request("dry", Operation::Authorize, minor));
        let intent = intent(&facts(1, day()), act, 0);
        let mut books = ledger.books(&Wanted::by(std::slice::from_ref(&intent)), NOON);
        let outcome = apply(&mut books, &intent, &Rules::default());
        let Outcome::Previewed(preview) = outcome else { panic!("{outcome:?}") };
        let refusal = preview.authorization.refusal.map(|refusal| refusal.code);
        assert_eq!(refusal.as_ref().map(|code| code.as_str()), code);
        assert_eq!(preview.windows.len(), 1);
        assert!(books.unchanged());
    }
}
