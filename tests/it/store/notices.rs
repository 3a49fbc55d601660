//! What the platform tells of messages: found by funding token and by transaction, and kept with all that
//! a later message needs to see.

use tollgate::domain::chain::Link;
use tollgate::domain::decision::{Decision, Fingerprint};
use tollgate::domain::posting::{Cause, Flag, Movement, Side};
use tollgate::domain::request::{AuthRequest, Door, FaultyRequest};
use tollgate::domain::token::Token;
use tollgate::ledger::intent::{Act, Notice, NoticeIntent, Outcome, Step};

use super::subject::{Subject, named, purchase, token, usd, void_of};

/// A purchase whose transaction is told, too.
fn told(name: &str, minor: i64) -> AuthRequest {
    let transaction = Some(token(&format!("trx-{name}")));
    AuthRequest { transaction, ..purchase(name, "acme-card", minor) }
}

async fn tell(
    subject: &Subject,
    request: &AuthRequest,
    funding: Option<Token>,
    notice: Notice,
) -> Movement {
    let facts = subject.facts_of(request).await;
    let transaction = request.transaction.clone().unwrap();
    let (verb, opposite) = match &notice {
        Notice::Approved(_) => ("approved", "declined"),
        Notice::Declined(_) => ("declined", "approved"),
    };
    let intent = NoticeIntent {
        key: format!("txn:{transaction}:{verb}"),
        opposite: format!("txn:{transaction}:{opposite}"),
        fingerprint: Fingerprint::of(&[verb]),
        transaction,
        funding,
        account: facts.account().unwrap(),
        notice,
    };
    match subject.settle_one(subject.intent(facts, Act::Notice(intent))).await {
        Outcome::Moved(movement) => Movement::clone(&movement),
        other => panic!("{other:?}"),
    }
}

async fn approve(subject: &Subject, request: &AuthRequest, funding: Option<Token>) -> Movement {
    let token = funding.clone().or(request.transaction.clone()).unwrap();
    let request = AuthRequest { token, door: Door::Notice, ..request.clone() };
    tell(subject, &request, funding, Notice::Approved(request.clone())).await
}

async fn decline(subject: &Subject, request: &AuthRequest, funding: Option<Token>) -> Movement {
    let tombstone = funding.clone().map(|token| FaultyRequest {
        token,
        door: Door::Notice,
        refusal: Decision::late_refusal(),
        fingerprint: Fingerprint::ANY,
        echo: request.echo(),
    });
    tell(subject, request, funding, Notice::Declined(tombstone)).await
}

pub async fn a_confirmed_approval_is_found_by_either_name(subject: &Subject) {
    let account = subject.program("acme", 100_00).await.account;
    for (name, funding) in [("t1", Some(token("t1"))), ("t2", None)] {
        let request = told(name, 10_00);
        let made = subject.approve(request.clone()).await;
        let confirmed = approve(subject, &request, funding.clone()).await;
        assert_eq!((confirmed.held_change, confirmed.flags.len()), (0, 0), "{name}");
        let again = approve(subject, &request, funding).await;
        assert_eq!(again, confirmed, "a repeat is answered from its row");
        let facts = subject.facts_of(&request).await;
        subject.settle_one(subject.intent(facts, void_of(name, made.id))).await;
    }
    assert_eq!(subject.balance(account).await, [100_00, 0, 20_00, 0], "no void takes it back");
    subject.assert_adds_up().await;
}

pub async fn a_stand_in_is_held_once_whatever_we_said(subject: &Subject) {
    let account = subject.program("acme", 5_00).await.account;
    // We declined; the platform approved.
    let declined = told("t1", 10_00);
    assert!(!subject.decide(declined.clone()).await.approved());
    let stood_in = approve(subject, &declined, Some(token("t1"))).await;
    assert_eq!(stood_in.flags, [Flag::StandIn, Flag::Overdrawn]);
    assert_eq!(subject.balance(account).await, [5_00, 0, 10_00, 0]);
    // Nobody asked us, and the funding token is not named: the request that comes late changes nothing.
    let unasked = told("t2", 2_00);
    approve(subject, &unasked, None).await;
    let late = subject.decide(unasked).await;
    assert_eq!(late.refusal, Some(Decision::late_refusal()));
    // It is named: the late request is answered as the platform decided.
    let named = told("t3", 3_00);
    approve(subject, &named, Some(token("t3"))).await;
    assert!(subject.decide(named).await.approved());
    assert_eq!(subject.balance(account).await, [5_00, 0, 15_00, 0]);
    subject.assert_adds_up().await;
}

pub async fn a_voided_approval_that_was_delivered_is_held_again(subject: &Subject) {
    let account = subject.program("acme", 100_00).await.account;
    for (name, funding) in [("t1", Some(token("t1"))), ("t2", None)] {
        let request = told(name, 10_00);
        let made = subject.approve(request.clone()).await;
        let facts = subject.facts_of(&request).await;
        subject.settle_one(subject.intent(facts, void_of(name, made.id))).await;
        assert_eq!(approve(subject, &request, funding).await.held_change, 10_00, "{name}");
        let answer = subject.decide(request).await;
        assert_eq!(answer.refusal, Some(Decision::late_refusal()), "the answer stays");
    }
    assert_eq!(subject.balance(account).await, [100_00, 0, 20_00, 0]);
    subject.assert_adds_up().await;
}

pub async fn a_told_decline_leaves_no_hold_and_a_tombstone(subject: &Subject) {
    let account = subject.program("acme", 100_00).await.account;
    for (name, funding) in [("t1", Some(token("t1"))), ("t2", None)] {
        let request = told(name, 10_00);
        subject.approve(request.clone()).await;
        assert_eq!(decline(subject, &request, funding).await.held_change, -10_00);
        assert_eq!(subject.decide(request).await.refusal, Some(Decision::late_refusal()));
    }
    let unseen = told("t3", 10_00);
    decline(subject, &unseen, Some(token("t3"))).await;
    let first = subject.decide(unseen.clone()).await;
    assert_eq!(first.refusal, Some(Decision::late_refusal()));
    let other = AuthRequest { amount: usd(11_00), ..unseen };
    assert_eq!(subject.decide(other).await, first, "one fixed answer, whatever is asked");
    assert_eq!(subject.balance(account).await, [100_00, 0, 0, 0]);
    subject.assert_adds_up().await;
}

pub async fn disputes_and_announced_credits_are_kept(subject: &Subject) {
    let account = subject.program("acme", 100_00).await.account;
    let id = subject.approve(told("t1", 30_00)).await.id;
    let purchase = || named(&[Link::Transaction(token("trx-t1"))], &[]);
    let steps = [
        ("clear", Step::Clear { amount: usd(30_00), last: true }),
        ("expect", Step::ExpectCredit(usd(9_00))),
        ("cancel", Step::CancelCredit(usd(2_00))),
        ("charge", Step::Chargeback(usd(30_00))),
        ("back", Step::ChargebackReversal(usd(10_00))),
        ("won", Step::ChargebackWon(usd(20_00))),
        ("credit", Step::AdjustCredit(usd(4_00))),
        ("debit", Step::AdjustDebit(usd(1_00))),
    ];
    for (key, step) in steps {
        let first = subject.take(key, "acme-card", purchase(), step).await;
        assert_eq!(subject.take(key, "acme-card", purchase(), step).await, first, "{key}");
    }
    let chain = subject.chain(id).await;
    assert_eq!((chain.totals.disputed, chain.totals.credit_to_come()), (20_00, 7_00));
    let postings = subject.history.postings(id).await.unwrap();
    let moved: Vec<_> = postings.iter().map(|it| (it.cause, it.amount.minor())).collect();
    let expected = [
        (Cause::Clearing, 30_00),
        (Cause::Chargeback, 30_00),
        (Cause::ChargebackReversal, 10_00),
        (Cause::ChargebackWon, 20_00),
        (Cause::Adjustment, 4_00),
        (Cause::Adjustment, 1_00),
    ];
    assert_eq!(moved, expected);
    assert_eq!((postings[3].debit, postings[3].credit), (Side::Settlement, Side::Disputes));
    assert_eq!(subject.balance(account).await, [100_00, 0, 0, 7_00]);
    subject.assert_adds_up().await;
}
