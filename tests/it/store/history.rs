//! History and outbox: read back as it was written, in order.

use tollgate::domain::authorization::{Authorization, StageTimes};
use tollgate::domain::chain::Link;
use tollgate::domain::clock::Clock;
use tollgate::domain::id::AuthorizationId;
use tollgate::domain::policy::Scope;
use tollgate::domain::standing::Rules;
use tollgate::domain::time::Window;
use tollgate::ledger;
use tollgate::ledger::intent::Step;
use tollgate::ledger::wanted::Wanted;

use super::subject::{Subject, named, purchase, root, token, usd};

pub async fn an_explanation_is_read_back_whole(subject: &Subject) {
    let program = subject.program("acme", 100_00).await;
    let limit = subject.limit(Scope::Card(program.card.id), Window::Day, 20_00);
    subject.resources.insert_limit(limit.clone()).await.unwrap();
    let mut request = purchase("t1", "acme-card", 30_00);
    request.transaction = Some(token("trx-1"));
    request.preceding = Some(token("trx-0"));
    request.original = Some(token("t0"));
    request.channel = Some("ECOMMERCE".into());
    let intents = [subject.request(request.clone()).await];
    let stages = StageTimes {
        user_lookup_us: 1,
        card_lookup_us: 2,
        spending_limits_us: 3,
        lane_wait_us: 4,
        decision_us: 5,
    };
    let id = intents[0].authorization_id();
    let mut txn = subject.begin(&Wanted::by(&intents)).await.unwrap();
    ledger::apply(txn.books(), &intents[0], &Rules::default());
    txn.books().record_stages(id, stages);
    let written = txn.books().changes().authorizations[0].clone();
    txn.commit().await.unwrap();
    let stored = subject.authorization(id).await;
    assert_eq!(stored, written);
    assert_eq!(stored.stages, stages);
    assert_eq!(stored.merchant, request.merchant, "odd characters and all");
    assert_eq!(stored.amount, Some(usd(30_00)));
    let about_limit = stored.findings.iter().find(|finding| finding.limit == Some(limit.id));
    let numbers = about_limit.and_then(|finding| finding.numbers).unwrap();
    assert_eq!((numbers.asked, numbers.used, numbers.max), (30_00, 0, 20_00));
}

pub async fn old_explanations_are_thinned_and_nothing_else(subject: &Subject) {
    let program = subject.program("acme", 100_00).await;
    let limit = subject.limit(Scope::Card(program.card.id), Window::Day, 20_00);
    subject.resources.insert_limit(limit).await.unwrap();
    let (small, dear) = (purchase("t1", "acme-card", 5_00), purchase("t2", "acme-card", 30_00));
    let first = subject.approve(small.clone()).await;
    let declined = subject.decide(dear.clone()).await;
    let declined = subject.authorization(declined.authorization).await;
    assert!(declined.refusal.is_some() && !declined.findings.is_empty() && !declined.thinned);
    let answers = [subject.decide(small.clone()).await, subject.decide(dear.clone()).await];
    subject.clock.pass(1_000_000);
    let young = subject.clock.now();
    subject.clock.pass(1_000_000);
    let stays = subject.approve(purchase("t3", "acme-card", 1_00)).await;
    let chain = subject.chain(first.id).await;
    let balance = subject.balance(program.account).await;
    let told = told(subject).await;

    let thin = async |before| subject.explanations.thin(before, 1).await.unwrap();
    assert_eq!([thin(young).await, thin(young).await, thin(young).await], [1, 1, 0]);
    let thinned = |made: &Authorization| Authorization {
        findings: Vec::new(),
        stages: StageTimes::default(),
        thinned: true,
        ..made.clone()
    };
    assert_eq!(subject.authorization(first.id).await, thinned(&first));
    assert_eq!(subject.authorization(declined.id).await, thinned(&declined));
    assert_eq!(subject.authorization(stays.id).await, stays);
    assert_eq!([subject.decide(small).await, subject.decide(dear).await], answers);
    assert_eq!(subject.chain(first.id).await, chain);
    assert_eq!(subject.balance(program.account).await, balance);
    assert_eq!(self::told(subject).await, told, "what waits is told as it was");
    subject.assert_adds_up().await;

    let clear = Step::Clear { amount: usd(5_00), last: true };
    subject.take("late", "acme-card", root(first.id), clear).await;
    assert_eq!(subject.chain(first.id).await.hold(), 0);
    subject.assert_adds_up().await;
    subject.clock.pass(1_000_000);
    let later = subject.clock.now();
    assert_eq!(subject.explanations.thin(later, 500).await.unwrap(), 1);
    assert_eq!(subject.authorization(stays.id).await, thinned(&stays));
}

/// What each event that waits says.
async fn told(subject: &Subject) -> Vec<String> {
    let waiting = subject.waiting().await;
    waiting.iter().map(|row| format!("{} {}", row.event.key, row.event.payload.get())).collect()
}

pub async fn events_wait_in_order_and_are_dropped_from_the_front(subject: &Subject) {
    subject.program("acme", 1000_00).await;
    subject.empty_the_outbox().await;
    assert_eq!(subject.outbox.depth().await.unwrap(), 0);
    for name in ["t1", "t2", "t3"] {
        subject.approve(purchase(name, "acme-card", 1_00)).await;
        subject.clock.pass(10);
    }
    let young = subject.clock.now();
    for name in ["t4", "t5"] {
        subject.approve(purchase(name, "acme-card", 1_00)).await;
    }
    let outbox = &subject.outbox;
    assert_eq!(outbox.depth().await.unwrap(), 5);
    assert_eq!(outbox.drop_before(young, 2).await.unwrap(), 2, "no more than asked");
    assert_eq!(outbox.depth().await.unwrap(), 3);
    assert_eq!(outbox.drop_before(young, 100).await.unwrap(), 1, "none that are young");
    assert_eq!(outbox.drop_before(young, 100).await.unwrap(), 0);
    assert_eq!(outbox.depth().await.unwrap(), 2);
    let later = subject.clock.now().plus_micros(1);
    assert_eq!(outbox.drop_before(later, 100).await.unwrap(), 2);
    assert_eq!(outbox.depth().await.unwrap(), 0);
    subject.approve(purchase("t6", "acme-card", 1_00)).await;
    assert_eq!(outbox.depth().await.unwrap(), 1);
}

pub async fn names_lead_to_decisions_and_chains(subject: &Subject) {
    subject.program("acme", 100_00).await;
    let mut request = purchase("t1", "acme-card", 30_00);
    request.transaction = Some(token("trx-1"));
    let id = subject.approve(request).await.id;
    let clear = Step::Clear { amount: usd(1_00), last: false };
    let [parent, own] = [Link::Funding(token("t9")), Link::Transaction(token("trx-9"))];
    let names = named(std::slice::from_ref(&parent), std::slice::from_ref(&own));
    let moved = subject.take("early", "acme-card", names, clear).await;
    let early = moved.chain.unwrap();

    let tokens = ["t1", "t9", "nobody"].map(token);
    let decided = subject.history.decided_under(&tokens).await.unwrap();
    assert_eq!(decided, [(token("t1"), id)]);
    assert!(subject.history.decided_under(&[]).await.unwrap().is_empty());
    let nobody = AuthorizationId::new(id.home(), subject.clock.uuid());
    assert_eq!(subject.history.known(&[id, nobody]).await.unwrap(), [id]);
    assert!(subject.history.known(&[]).await.unwrap().is_empty());

    let first = Link::Transaction(token("trx-1"));
    let nobody = Link::Transaction(token("nobody"));
    let names = [first.clone(), parent.clone(), own.clone(), nobody];
    let mut linked = subject.history.linked(&names).await.unwrap();
    linked.sort();
    linked.dedup();
    assert_eq!(linked, [(parent, early), (first, id), (own, early)]);
    assert!(subject.history.linked(&[]).await.unwrap().is_empty());

    assert_eq!(subject.history.taken_on("early").await.unwrap(), [moved.account]);
    assert!(subject.history.taken_on("never").await.unwrap().is_empty());
}
