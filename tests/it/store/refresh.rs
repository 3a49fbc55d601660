//! Facts are checked under the lock: whatever has changed since they were read is read again.

use tollgate::domain::facts::Cardholder;
use tollgate::domain::finding::Reason;
use tollgate::domain::party::{CardStatus, CompanyStatus, UserStatus};
use tollgate::domain::policy::Scope;
use tollgate::domain::time::{Window, Zone};
use tollgate::ledger::intent::{Intent, Outcome, Step};
use tollgate::ledger::wanted::Wanted;
use tollgate::store::Refreshed;

use super::program::Program;
use super::subject::{Subject, purchase, token, usd, void_of};

/// What a batch of one makes of facts that were read before.
async fn refreshed(subject: &Subject, intent: &Intent) -> (Intent, Refreshed) {
    let mut intents = [intent.clone()];
    let mut txn = subject.begin(&Wanted::by(&intents)).await.unwrap();
    let refreshed = txn.refresh_stale_facts(&mut intents).await.unwrap();
    let [intent] = intents;
    (intent, refreshed)
}

async fn change_everything(subject: &Subject, program: &Program) {
    let store = &subject.resources;
    let mut card = program.card.clone();
    (card.status, card.version) = (CardStatus::Suspended, 2);
    store.update_card(card).await.unwrap();
    let mut user = program.user.clone();
    (user.status, user.version) = (UserStatus::Suspended, 2);
    store.update_user(user).await.unwrap();
    let zone = Zone::parse("Asia/Tokyo").unwrap();
    if let Some(mut company) = program.company.clone() {
        (company.status, company.version) = (CompanyStatus::Closed, 2);
        company.zone = zone.clone();
        store.update_company(company).await.unwrap();
    }
    if let Some(mut wallet) = program.wallet.clone() {
        (wallet.zone, wallet.version) = (zone, 2);
        store.update_wallet(wallet).await.unwrap();
    }
}

pub async fn stale_facts_are_replaced_under_the_lock(subject: &Subject) {
    let program = subject.program("acme", 100_00).await;
    let mut request = purchase("t1", "acme-card", 1_00);
    request.acting_user = Some(token("acme-user"));
    let intent = subject.request(request.clone()).await;
    let (same, current) = refreshed(subject, &intent).await;
    assert!(matches!(current, Refreshed::Current), "{current:?}");
    assert_eq!(same.facts, intent.facts);
    change_everything(subject, &program).await;
    let fresh = subject.facts_of(&request).await;
    assert_ne!(fresh, intent.facts);
    let (now, replaced) = refreshed(subject, &intent).await;
    assert_eq!(now.facts, fresh);
    let Refreshed::Replaced(stale) = replaced else { panic!("{replaced:?}") };
    assert_eq!(stale, std::slice::from_ref(&intent.facts));
    for scope in program.scopes() {
        let before = subject.request(request.clone()).await;
        let limit = subject.limit(scope, Window::Day, 50);
        subject.resources.insert_limit(limit.clone()).await.unwrap();
        let (now, _) = refreshed(subject, &before).await;
        assert!(now.facts.limits.limits.contains(&limit), "an added limit of {scope}");
        subject.resources.delete_limit(limit.id).await.unwrap();
        let (then, _) = refreshed(subject, &now).await;
        assert!(!then.facts.limits.limits.contains(&limit), "a removed limit of {scope}");
    }
}

pub async fn what_was_unknown_and_is_known_now_is_replaced(subject: &Subject) {
    let mut request = purchase("t1", "acme-card", 1_00);
    let nobody = subject.request(request.clone()).await;
    assert_eq!(nobody.facts.card, None);
    request.token = token("t2");
    request.acting_user = Some(token("wren"));
    let program = subject.program("acme", 100_00).await;
    let stranger = subject.request(request).await;
    assert_eq!(stranger.facts.cardholder, Cardholder::Unknown);
    subject.resources.insert_user(subject.user(program.employer(), "wren")).await.unwrap();
    // The account that turns up is locked already, or the batch must begin again to lock it.
    let (known, replaced) = refreshed(subject, &nobody).await;
    assert!(!matches!(replaced, Refreshed::Current), "{replaced:?}");
    assert!(known.facts.card.is_some());
    let (known, _) = refreshed(subject, &stranger).await;
    assert!(matches!(known.facts.cardholder, Cardholder::Known(_)));
    // What the fresh facts name is loaded, and so the purchase is judged by it.
    let outcome = subject.settle_one(nobody).await;
    let Outcome::Decided(decision) = outcome else { panic!("{outcome:?}") };
    assert_eq!(decision.refusal, None);
    let reason = subject.settle_one(stranger).await;
    let Outcome::Decided(decision) = reason else { panic!("{reason:?}") };
    let reason = decision.refusal.as_ref().map(|why| why.reason);
    assert_eq!(reason, Some(Reason::InvalidCard), "known, and not its owner");
}

pub async fn a_step_is_refreshed_by_its_card(subject: &Subject) {
    let program = subject.program("acme", 100_00).await;
    let step = subject.step("s1", "acme-card", None, Step::Fund(usd(1_00))).await;
    let void = subject.intent(step.facts.clone(), void_of("t1", step.authorization_id()));
    let limit = subject.limit(Scope::Card(program.card.id), Window::Day, 50);
    subject.resources.insert_limit(limit.clone()).await.unwrap();
    for intent in [step, void] {
        let (now, replaced) = refreshed(subject, &intent).await;
        assert!(matches!(replaced, Refreshed::Replaced(_)), "{replaced:?}");
        assert_eq!(now.facts.limits.limits, std::slice::from_ref(&limit));
        assert_eq!(now.facts.cardholder, Cardholder::Owner);
    }
}

pub async fn a_write_before_the_batch_is_seen_by_it(subject: &Subject) {
    let mut program = subject.program("acme", 100_00).await;
    let mut intents = Vec::new();
    for name in ["t1", "t2", "t3"] {
        intents.push(subject.request(purchase(name, "acme-card", 1_00)).await);
    }
    program.card.status = CardStatus::Suspended;
    program.card.version = 2;
    subject.resources.update_card(program.card).await.unwrap();
    let outcomes = subject.settle(&mut intents).await.unwrap();
    for outcome in outcomes {
        let Outcome::Decided(decision) = outcome else { panic!("{outcome:?}") };
        let reason = decision.refusal.as_ref().map(|why| why.reason);
        assert_eq!(reason, Some(Reason::CardNotActive));
    }
    subject.assert_adds_up().await;
}
