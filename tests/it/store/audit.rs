//! The audit reads everything, in pages, as of one moment.

use std::collections::BTreeSet;

use tollgate::domain::policy::Scope;
use tollgate::domain::request::Operation;
use tollgate::domain::time::Window;
use tollgate::ledger::intent::{Act, Step};
use tollgate::service::verify::verify;

use super::subject::{Subject, purchase, root, usd, void_of};

pub async fn what_is_committed_adds_up(subject: &Subject) {
    let program = subject.program("acme", 100_00).await;
    let limit = subject.limit(Scope::Program, Window::Month, 90_00);
    subject.resources.insert_limit(limit).await.unwrap();
    let id = subject.approve(purchase("t1", "acme-card", 60_00)).await.id;
    subject.decide(purchase("t2", "acme-card", 70_00)).await;
    let mut debit = purchase("t3", "acme-card", 8_00);
    debit.operation = Operation::Debit;
    let made = subject.approve(debit.clone()).await;
    let void = subject.intent(subject.facts_of(&debit).await, void_of("t3", made.id));
    subject.settle_one(void).await;
    let over = Step::Clear { amount: usd(150_00), last: true };
    subject.take("over", "acme-card", root(id), over).await;
    subject.take("fund", "acme-card", None, Step::Fund(usd(20_00))).await;
    let mut snapshot = subject.audit.snapshot().await.unwrap();
    let sums = snapshot.accounts(None).await.unwrap().remove(0);
    assert_eq!(sums.account.id, program.account);
    assert_eq!((sums.holds, sums.posted, sums.funded), (0, 150_00, 20_00));
    assert_eq!(sums.overdraft_causes, 1, "the over-clearing");
    let counts = snapshot.counts().await.unwrap();
    assert_eq!((counts.decisions, counts.approved, counts.authorizations), (3, 1, 3));
    assert_eq!((counts.chains, counts.postings, counts.outbox), (2, 4, 9));
    assert_eq!((counts.unexplained, counts.unbalanced), (0, 0));
    let report = verify(&*subject.audit).await.unwrap();
    assert!(report.clean(), "{:#?}", report.differences);
    assert_eq!((report.overdrawn, report.counters), (1, 1));
}

pub async fn a_snapshot_is_of_one_moment(subject: &Subject) {
    let program = subject.program("acme", 100_00).await;
    subject.approve(purchase("t1", "acme-card", 10_00)).await;
    let mut snapshot = subject.audit.snapshot().await.unwrap();
    subject.approve(purchase("t2", "acme-card", 5_00)).await;
    assert_eq!(snapshot.counts().await.unwrap().decisions, 1);
    assert_eq!(snapshot.chains(None).await.unwrap().len(), 1);
    let sums = snapshot.accounts(None).await.unwrap().remove(0);
    assert_eq!((sums.account.held, sums.holds), (10_00, 10_00));
    drop(snapshot);
    assert_eq!(subject.balance(program.account).await, [100_00, 0, 15_00, 0]);
    assert_eq!(subject.audit.snapshot().await.unwrap().counts().await.unwrap().decisions, 2);
}

pub async fn pages_hold_every_row_once(subject: &Subject) {
    const PURCHASES: usize = 1_100; // more than one page of any store
    let program = subject.program("acme", 1_000_000_00).await;
    let first = subject.request(purchase("t", "acme-card", 1_00)).await;
    let mut intents = Vec::new();
    for number in 0..PURCHASES {
        let request = purchase(&format!("t{number}"), "acme-card", 1_00);
        intents.push(subject.intent(first.facts.clone(), Act::Authorize(request)));
    }
    subject.settle(&mut intents).await.unwrap();
    let mut snapshot = subject.audit.snapshot().await.unwrap();
    let mut chains = BTreeSet::new();
    loop {
        let page = snapshot.chains(chains.last().copied()).await.unwrap();
        if page.is_empty() {
            break;
        }
        let before = chains.len();
        chains.extend(page.iter().map(|sums| sums.chain.id));
        assert_eq!(chains.len(), before + page.len(), "in id order, none twice");
    }
    assert_eq!(chains.len(), PURCHASES);
    let owners = snapshot.owners(None).await.unwrap();
    assert_eq!((owners.len(), owners[0].user), (1, program.user.id));
    assert!(snapshot.owners(Some(owners[0].card)).await.unwrap().is_empty());
    subject.assert_adds_up().await;
}
