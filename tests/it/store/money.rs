//! Batches: what the judge has changed is there after the commit, and is found again by every name.

use tollgate::domain::chain::{HoldState, Link};
use tollgate::domain::decision::{Decision, Echo, Fingerprint};
use tollgate::domain::facts::Facts;
use tollgate::domain::finding::{Reason, Refusal};
use tollgate::domain::id::Home;
use tollgate::domain::posting::Cause;
use tollgate::domain::request::{Door, FaultyRequest, Operation};
use tollgate::domain::standing::Rules;
use tollgate::ledger;
use tollgate::ledger::intent::{Act, IntentRefusal, Outcome, Step};
use tollgate::ledger::wanted::Wanted;
use tollgate::store::StoreError;

use super::subject::{Subject, named, purchase, root, token, usd, void_of};

pub async fn a_purchase_is_there_once_it_is_committed(subject: &Subject) {
    let program = subject.program("acme", 100_00).await;
    let request = purchase("t1", "acme-card", 30_00);
    let mut intents = [subject.request(request.clone()).await];
    let id = intents[0].authorization_id();
    let mut txn = subject.begin(&Wanted::by(&intents)).await.unwrap();
    txn.refresh_stale_facts(&mut intents).await.unwrap();
    ledger::apply(txn.books(), &intents[0], &Rules::default());
    let account = program.account;
    assert_eq!(subject.balance(account).await, [100_00, 0, 0, 0], "not committed yet");
    assert_eq!(subject.history.chain(id).await.unwrap(), None);
    txn.commit().await.unwrap();
    assert_eq!(subject.balance(account).await, [100_00, 0, 30_00, 0]);
    let chain = subject.chain(id).await;
    assert_eq!((chain.hold(), chain.state()), (30_00, HoldState::Active));
    assert_eq!((chain.account, chain.card), (account, program.card.id));
    assert_eq!(chain.merchant, request.merchant);
    assert_eq!(chain.uses.len(), 1);
    assert!(chain.expires_at > Some(chain.opened_at));
    assert_eq!(subject.authorization(id).await.chain, Some(id));
    subject.assert_adds_up().await;
}

pub async fn a_repeat_is_answered_from_its_row(subject: &Subject) {
    subject.program("acme", 100_00).await;
    let mut request = purchase("t1", "acme-card", 30_00);
    request.acting_user = Some(token("acme-user"));
    request.business = Some(token("acme"));
    let first = subject.decide(request.clone()).await;
    let repeat = subject.decide(request.clone()).await;
    assert_eq!(*repeat, Decision { repeated: true, ..Decision::clone(&first) });
    assert_eq!(*subject.decide(request.clone()).await, *repeat, "the mark was stored");
    let dear = purchase("t2", "acme-card", 999_00);
    let declined = subject.decide(dear.clone()).await;
    assert_eq!(declined.refusal.as_ref().map(|why| why.reason), Some(Reason::InsufficientFunds));
    assert_eq!(subject.decide(dear).await, declined);
    request.amount = usd(30_01);
    let other = subject.settle_one(subject.request(request).await).await;
    assert!(matches!(other, Outcome::Refused(IntentRefusal::TokenReused)), "{other:?}");
    let mut inquiry = purchase("t3", "acme-card", 0);
    inquiry.operation = Operation::BalanceInquiry;
    let answered = subject.decide(inquiry.clone()).await;
    assert_eq!(answered.balances.map(|balances| balances.available), Some(70_00));
    assert_eq!(subject.decide(inquiry).await.balances, answered.balances);
    subject.assert_adds_up().await;
}

pub async fn a_life_cycle_ends_in_the_same_rows(subject: &Subject) {
    let program = subject.program("acme", 100_00).await;
    let id = subject.approve(purchase("t1", "acme-card", 30_00)).await.id;
    let mut more = purchase("t2", "acme-card", 10_00);
    more.operation = Operation::Increment;
    more.original = Some(token("t1"));
    assert_eq!(subject.approve(more).await.chain, Some(id));
    subject.take("s1", "acme-card", root(id), Step::Reverse(Some(usd(5_00)))).await;
    let clear = |minor, last| Step::Clear { amount: usd(minor), last };
    subject.take("s2", "acme-card", root(id), clear(20_00, false)).await;
    let cleared = subject.take("s3", "acme-card", root(id), clear(25_00, true)).await;
    let again = subject.take("s3", "acme-card", root(id), clear(25_00, true)).await;
    assert_eq!(again, cleared, "a repeat is answered from its row");
    subject.take("s4", "acme-card", root(id), Step::Refund(usd(1_00))).await;
    let chain = subject.chain(id).await;
    assert_eq!((chain.hold(), chain.state()), (0, HoldState::Cleared));
    assert_eq!(chain.totals.cleared, 45_00);
    assert_eq!(subject.balance(program.account).await, [100_00, 0, 0, 44_00]);
    let postings = subject.history.postings(id).await.unwrap();
    let moved: Vec<_> = postings.iter().map(|p| (p.number, p.amount.minor(), p.cause)).collect();
    let expected =
        [(0, 20_00, Cause::Clearing), (1, 25_00, Cause::Clearing), (2, 1_00, Cause::Refund)];
    assert_eq!(moved, expected);
    subject.assert_adds_up().await;
}

pub async fn funding_and_limits_change_the_account_once(subject: &Subject) {
    let program = subject.program("acme", 100_00).await;
    let account = program.account;
    for _ in 0..2 {
        subject.take("fund \"é\"", "acme-card", None, Step::Fund(usd(7_00))).await;
        let change = Step::ChangeLimit { limit: usd(50_00), version: 1 };
        let moved = subject.take("limit", "acme-card", None, change).await;
        assert_eq!(moved.account_version, 2);
    }
    assert_eq!(subject.balance(account).await, [50_00, 7_00, 0, 0]);
    subject.assert_adds_up().await;
}

pub async fn a_later_message_finds_its_chain_by_any_name(subject: &Subject) {
    subject.program("acme", 100_00).await;
    let mut request = purchase("t1", "acme-card", 30_00);
    request.transaction = Some(token("trx-1"));
    let id = subject.approve(request).await.id;
    let one = Step::Clear { amount: usd(1_00), last: false };
    let by = |parents: &[Link], own: &[Link]| named(parents, own);
    let transaction = Link::Transaction(token("trx-1"));
    let own = Link::Transaction(token("trx-2"));
    for (key, chain) in [
        ("by its transaction", by(std::slice::from_ref(&transaction), std::slice::from_ref(&own))),
        ("by a clearing's", by(&[own], &[])),
        ("by its funding", by(&[Link::Funding(token("t1"))], &[])),
    ] {
        assert_eq!(subject.take(key, "acme-card", chain, one).await.chain, Some(id), "{key}");
    }
    // A clearing that comes before its authorization waits under the name it gave.
    let early = by(&[Link::Funding(token("t9"))], &[]);
    let early = subject.take("early", "acme-card", early, one).await.chain;
    let late = subject.approve(purchase("t9", "acme-card", 3_00)).await;
    assert_eq!(late.chain, early);
    assert_eq!(late.held, 2_00);
    subject.assert_adds_up().await;
}

pub async fn chains_that_turn_out_to_be_one_are_loaded_together(subject: &Subject) {
    let program = subject.program("acme", 100_00).await;
    let first = subject.approve(purchase("t1", "acme-card", 10_00)).await.id;
    let second = subject.approve(purchase("t2", "acme-card", 20_00)).await.id;
    let links = [Link::Funding(token("t1")), Link::Funding(token("t2"))];
    let clear = Step::Clear { amount: usd(5_00), last: false };
    let both = subject.take("both", "acme-card", named(&links, &[]), clear).await;
    assert_eq!(both.chain, Some(first), "the earlier one stays");
    assert_eq!(subject.chain(second).await.id, first, "found under the other's id too");
    let later = subject.take("later", "acme-card", named(&links[1..], &[]), clear).await;
    assert_eq!((later.chain, later.hold), (Some(first), 20_00));
    assert_eq!(subject.balance(program.account).await, [100_00, 0, 20_00, 10_00]);
    assert_eq!(subject.history.postings(first).await.unwrap().len(), 2);
    subject.assert_adds_up().await;
}

pub async fn a_void_overturns_the_stored_approval(subject: &Subject) {
    let program = subject.program("acme", 100_00).await;
    let request = purchase("t1", "acme-card", 30_00);
    let made = subject.approve(request.clone()).await;
    let facts = subject.facts_of(&request).await;
    let void = subject.intent(facts, void_of("t1", made.id));
    subject.settle_one(void).await;
    let late = Some(Decision::late_refusal());
    assert_eq!(subject.authorization(made.id).await.refusal, late);
    assert_eq!(subject.decide(request).await.refusal, late);
    assert_eq!(subject.chain(made.id).await.state(), HoldState::Voided);
    assert_eq!(subject.balance(program.account).await, [100_00, 0, 0, 0]);
    subject.assert_adds_up().await;
}

pub async fn a_declined_request_is_kept_without_an_account(subject: &Subject) {
    let faulty = FaultyRequest {
        token: token("t1"),
        door: Door::Marqeta,
        refusal: Refusal::new(Reason::InvalidAmount, "request.amount"),
        fingerprint: Fingerprint::of(&["1e309"]),
        echo: Echo { method: Some("pgfs.\"x\"".into()), ..Echo::default() },
    };
    let act = Act::Decline(faulty.clone());
    let first = subject.settle_one(subject.intent(Facts::default(), act.clone())).await;
    let again = subject.settle_one(subject.intent(Facts::default(), act)).await;
    let (Outcome::Decided(first), Outcome::Decided(again)) = (first, again) else { panic!() };
    assert_eq!(first, again);
    assert_eq!((&first.echo, &first.refusal), (&faulty.echo, &Some(faulty.refusal)));
    let stored = subject.authorization(first.authorization).await;
    assert_eq!((stored.account, stored.amount, stored.id.home()), (None, None, Home::Business));
    let unknown = subject.decide(purchase("t2", "no-card", 1_00)).await;
    let code = unknown.refusal.as_ref().map(|why| why.code.as_str().to_owned());
    assert_eq!(code.as_deref(), Some("card.unknown"));
    subject.assert_adds_up().await;
}

pub async fn a_clash_with_what_is_stored_is_a_conflict(subject: &Subject) {
    let program = subject.program("acme", 100_00).await;
    let first = subject.request(purchase("t1", "acme-card", 30_00)).await;
    let mut other = subject.request(purchase("t2", "acme-card", 1_00)).await;
    other.uuid = first.uuid; // and so the id of its authorization
    subject.settle(&mut [first]).await.unwrap();
    let clash = subject.settle(&mut [other]).await;
    assert!(matches!(clash, Err(StoreError::Conflict(_))), "{clash:?}");
    assert_eq!(subject.balance(program.account).await, [100_00, 0, 30_00, 0]);
    subject.approve(purchase("t2", "acme-card", 2_00)).await;
    subject.assert_adds_up().await;
}
