//! Counters: kept with the hold, started from what was used before, rolled with their window.

use tollgate::domain::finding::Reason;
use tollgate::domain::money::{Currency, Money};
use tollgate::domain::party::{Account, Wallet};
use tollgate::domain::policy::{Limit, LimitMode, MerchantScope, Scope};
use tollgate::domain::request::{AuthRequest, Operation};
use tollgate::domain::time::Window;
use tollgate::ledger::intent::Step;

use super::subject::{Subject, purchase, root, token, usd};

const DAY: i64 = 86_400_000_000;

async fn refused(subject: &Subject, name: &str, card: &str, minor: i64) -> Option<Reason> {
    subject.decide(purchase(name, card, minor)).await.refusal.as_ref().map(|why| why.reason)
}

pub async fn counters_are_kept_and_rolled(subject: &Subject) {
    let program = subject.program("acme", 1000_00).await;
    let limit = subject.limit(Scope::Card(program.card.id), Window::Day, 10_00);
    subject.resources.insert_limit(limit).await.unwrap();
    let over = Some(Reason::AmountLimitExceeded);
    let first = subject.approve(purchase("t1", "acme-card", 6_00)).await.id;
    assert_eq!(refused(subject, "t2", "acme-card", 4_01).await, over);
    assert_eq!(refused(subject, "t3", "acme-card", 4_00).await, None);
    assert_eq!(refused(subject, "t4", "acme-card", 1).await, over);
    subject.take("s1", "acme-card", root(first), Step::Reverse(None)).await;
    assert_eq!(refused(subject, "t5", "acme-card", 6_00).await, None, "given back");
    subject.assert_adds_up().await;
    subject.clock.pass(DAY);
    assert_eq!(refused(subject, "t6", "acme-card", 10_00).await, None, "a new day");
    subject.assert_adds_up().await;
}

pub async fn a_young_limit_counts_what_its_card_has_used(subject: &Subject) {
    let program = subject.program("acme", 1000_00).await;
    subject.approve(purchase("yesterday", "acme-card", 50_00)).await;
    subject.clock.pass(DAY);
    let mut elsewhere = purchase("elsewhere", "acme-card", 20_00);
    elsewhere.merchant.mid = Some("another".into());
    subject.approve(elsewhere).await;
    subject.approve(purchase("today", "acme-card", 6_00)).await;
    let mut limit = subject.limit(Scope::User(program.user.id), Window::Day, 10_00);
    limit.merchant = MerchantScope::Mid("42".into());
    subject.resources.insert_limit(limit).await.unwrap();
    let over = Some(Reason::AmountLimitExceeded);
    assert_eq!(refused(subject, "t1", "acme-card", 4_01).await, over);
    assert_eq!(refused(subject, "t2", "acme-card", 4_00).await, None);
    assert_eq!(refused(subject, "t3", "acme-card", 1).await, over, "the seed was stored");
    subject.assert_adds_up().await;
}

pub async fn a_companys_pool_counts_the_uses_of_all_its_cards(subject: &Subject) {
    let program = subject.program("acme", 1000_00).await;
    let colleague = subject.user(program.employer(), "colleague");
    subject.resources.insert_user(colleague.clone()).await.unwrap();
    let card = subject.card(&colleague, program.account, "second");
    subject.resources.insert_card(card).await.unwrap();
    subject.program("other", 1000_00).await;
    for (name, card) in [("t1", "acme-card"), ("t2", "second"), ("t3", "other-card")] {
        subject.approve(purchase(name, card, 3_00)).await;
    }
    let mut company = subject.limit(Scope::Company(program.company().id), Window::Day, 10_00);
    company.mode = LimitMode::Pool;
    let mut user = subject.limit(Scope::User(colleague.id), Window::Lifetime, 5_00);
    user.mode = LimitMode::Pool;
    for limit in [company, user] {
        subject.resources.insert_limit(limit).await.unwrap();
    }
    let over = Some(Reason::AmountLimitExceeded);
    assert_eq!(refused(subject, "t4", "second", 2_01).await, over, "the user's");
    assert_eq!(refused(subject, "t5", "acme-card", 4_01).await, over, "the company's");
    assert_eq!(refused(subject, "t6", "second", 2_00).await, None);
    assert_eq!(refused(subject, "t7", "acme-card", 2_01).await, over);
    assert_eq!(refused(subject, "t8", "acme-card", 2_00).await, None);
    subject.assert_adds_up().await;
}

pub async fn a_users_pool_counts_the_uses_of_all_their_cards(subject: &Subject) {
    let program = subject.program("acme", 1000_00).await;
    let second = subject.card(&program.user, program.account, "second");
    subject.resources.insert_card(second).await.unwrap();
    subject.program("other", 1000_00).await;
    for (name, card) in [("t1", "acme-card"), ("t2", "second"), ("t3", "other-card")] {
        subject.approve(purchase(name, card, 3_00)).await;
    }
    let mut pool = subject.limit(Scope::User(program.user.id), Window::Week, 10_00);
    pool.mode = LimitMode::Pool;
    subject.resources.insert_limit(pool).await.unwrap();
    let over = Some(Reason::AmountLimitExceeded);
    assert_eq!(refused(subject, "t4", "second", 4_01).await, over);
    assert_eq!(refused(subject, "t5", "acme-card", 2_00).await, None);
    assert_eq!(refused(subject, "t6", "second", 2_01).await, over);
    assert_eq!(refused(subject, "t7", "second", 2_00).await, None);
    subject.assert_adds_up().await;
}

pub async fn a_pool_counts_on_when_its_amount_is_taken_away_and_given_back(subject: &Subject) {
    let program = subject.program("acme", 1000_00).await;
    let mut pool = subject.limit(Scope::User(program.user.id), Window::Month, 10_00);
    (pool.mode, pool.count) = (LimitMode::Pool, Some(10));
    pool.merchant = MerchantScope::Mid("42".into());
    subject.resources.insert_limit(pool.clone()).await.unwrap();
    subject.clock.pass(DAY);
    assert_eq!(refused(subject, "t1", "acme-card", 6_00).await, None);
    for (version, amount, name, minor) in [(2, None, "t2", 3_00), (3, Some(10_00), "t3", 1_00)] {
        let changed = Limit { version, amount, ..pool.clone() };
        subject.resources.update_limit(changed).await.unwrap();
        assert_eq!(refused(subject, name, "acme-card", minor).await, None, "{name}");
        subject.assert_adds_up().await;
    }
    let over = Some(Reason::AmountLimitExceeded);
    assert_eq!(refused(subject, "t4", "acme-card", 1).await, over, "all of it is counted");
}

pub async fn a_persons_pool_counts_each_currency_apart(subject: &Subject) {
    let person = subject.user(None, "person");
    subject.resources.insert_user(person.clone()).await.unwrap();
    let mut cards = Vec::new();
    for (code, name) in [("EUR", "euros"), ("JPY", "yen")] {
        let currency = Currency::parse(code).unwrap();
        let wallet = Wallet { currency, ..subject.wallet(&person, "UTC") };
        let granted = Account { limit: 1_000_000, ..Account::empty(wallet.account, currency) };
        let card = subject.card(&person, wallet.account, name);
        subject.resources.insert_wallet(wallet, granted).await.unwrap();
        subject.resources.insert_card(card).await.unwrap();
        cards.push((name, currency));
    }
    let spend = async |name: &str, (card, currency): (&str, Currency), minor| {
        let amount = Money::new(minor, currency);
        let request = AuthRequest { amount, ..purchase(name, card, minor) };
        subject.decide(request).await.refusal.as_ref().map(|why| why.reason)
    };
    let (euros, yen) = (cards[0], cards[1]);
    assert_eq!(spend("t1", euros, 600).await, None);
    assert_eq!(spend("t2", yen, 900).await, None);
    let mut pool = subject.limit(Scope::User(person.id), Window::Month, 1_000);
    pool.mode = LimitMode::Pool;
    let mut often = subject.limit(Scope::User(person.id), Window::Day, 0);
    (often.mode, often.amount, often.count) = (LimitMode::Pool, None, Some(4));
    subject.resources.insert_limit(pool).await.unwrap();
    subject.resources.insert_limit(often).await.unwrap();
    let over = Some(Reason::AmountLimitExceeded);
    assert_eq!(spend("t3", euros, 401).await, over);
    assert_eq!(spend("t4", euros, 400).await, None, "the yen are not counted");
    assert_eq!(spend("t5", yen, 101).await, over);
    assert_eq!(spend("t6", yen, 100).await, None);
    subject.assert_adds_up().await;
    assert!(spend("t7", yen, 1).await.is_some());
    assert!(spend("t8", euros, 1).await.is_some());
    let mut snapshot = subject.audit.snapshot().await.unwrap();
    let counters = snapshot.counters().await.unwrap();
    let mut used: Vec<_> = counters.iter().map(|(_, used, _)| (used.count, used.amount)).collect();
    used.sort_unstable();
    assert_eq!(used, [(2, 1_000), (2, 1_000), (4, 2_000)], "purchases are counted together");
    subject.assert_adds_up().await;
}

pub async fn a_message_of_another_card_counts_for_the_card_of_the_purchase(subject: &Subject) {
    let program = subject.program("acme", 1000_00).await;
    let replacement = subject.card(&program.user, program.account, "replacement");
    subject.resources.insert_card(replacement).await.unwrap();
    let limit = subject.limit(Scope::User(program.user.id), Window::Day, 20_00);
    subject.resources.insert_limit(limit).await.unwrap();
    subject.approve(purchase("t1", "acme-card", 6_00)).await;
    subject.approve(purchase("t2", "acme-card", 7_00)).await;
    let mut more = purchase("t3", "replacement", 1_00);
    more.operation = Operation::Increment;
    more.original = Some(token("t1"));
    subject.approve(more).await;
    subject.assert_adds_up().await;
    let over = Some(Reason::AmountLimitExceeded);
    assert_eq!(refused(subject, "t4", "acme-card", 6_01).await, over, "14 of 20 are used");
    assert_eq!(refused(subject, "t5", "acme-card", 6_00).await, None);
    subject.assert_adds_up().await;
}

pub async fn a_deleted_limit_takes_its_counters_along(subject: &Subject) {
    let program = subject.program("acme", 1000_00).await;
    let limit = subject.limit(Scope::User(program.user.id), Window::Month, 10_00);
    subject.resources.insert_limit(limit.clone()).await.unwrap();
    subject.approve(purchase("t1", "acme-card", usd(9_00).minor())).await;
    let mut snapshot = subject.audit.snapshot().await.unwrap();
    let counters = snapshot.counters().await.unwrap();
    assert_eq!(counters.len(), 1);
    assert_eq!((counters[0].1.amount, counters[0].1.count), (9_00, 1));
    assert_eq!(counters[0].2.as_ref(), Some(&limit));
    subject.resources.delete_limit(limit.id).await.unwrap();
    let mut snapshot = subject.audit.snapshot().await.unwrap();
    assert!(snapshot.counters().await.unwrap().is_empty());
    subject.approve(purchase("t2", "acme-card", 9_00)).await;
}
