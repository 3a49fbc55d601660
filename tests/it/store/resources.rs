//! Resources are kept whole, change by version, and say whose policy has changed.

use tollgate::domain::clock::Clock;
use tollgate::domain::id::{CardId, CompanyId, ControlId, LimitId, UserId};
use tollgate::domain::party::{
    Account, Card, CardStatus, Company, CompanyStatus, Setter, User, UserStatus, Wallet,
};
use tollgate::domain::policy::{Control, Effect, PolicyStamp, Scope};
use tollgate::domain::time::{Window, Zone};
use tollgate::store::StoreError;

use super::program::Program;
use super::subject::{Subject, token};

pub async fn a_company_is_kept_with_its_account(subject: &Subject) {
    let store = &subject.resources;
    let mut company = subject.company("acme");
    let account = subject.account(&company, 500_00);
    let stamps = store.insert_company(company.clone(), account.clone()).await.unwrap();
    assert_eq!(stamps, [PolicyStamp { subject: Scope::Company(company.id), version: 1 }]);
    assert_eq!(store.company(company.id).await.unwrap().as_ref(), Some(&company));
    assert_eq!(store.account(account.id).await.unwrap(), Some(account));
    company.name = "Acme \"Größe\" \\ Ltd".into();
    company.status = CompanyStatus::Suspended;
    company.status_set_at = Some(subject.clock.now());
    company.zone = Zone::parse("America/New_York").unwrap();
    company.marqeta_token = None;
    company.version = 2;
    store.update_company(company.clone()).await.unwrap();
    assert_eq!(store.company(company.id).await.unwrap(), Some(company));
    let nobody = CompanyId::new(subject.clock.uuid());
    assert_eq!(store.company(nobody).await.unwrap(), None);
}

pub async fn users_and_cards_are_kept_whole(subject: &Subject) {
    let store = &subject.resources;
    let Program { mut user, mut card, .. } = subject.program("acme", 0).await;
    assert_eq!(store.user_record(user.id).await.unwrap().as_ref(), Some(&user));
    assert_eq!(store.card_record(card.id).await.unwrap().as_ref(), Some(&card));
    user.email = Some("zoe@example.org".into());
    user.first_name = None;
    user.status = UserStatus::Limited;
    user.status_set_at = Some(subject.clock.now());
    user.status_set_by = Some(Setter::Program);
    user.version = 2;
    store.update_user(user.clone()).await.unwrap();
    assert_eq!(store.user_record(user.id).await.unwrap(), Some(user));
    card.status = CardStatus::Terminated;
    card.status_set_at = Some(subject.clock.now());
    card.status_set_by = Some(Setter::Platform);
    card.expires = None;
    card.last_four = None;
    card.product = None;
    card.version = 2;
    store.update_card(card.clone()).await.unwrap();
    assert_eq!(store.card_record(card.id).await.unwrap(), Some(card));
    let nobody = UserId::new(subject.clock.uuid());
    assert_eq!(store.user_record(nobody).await.unwrap(), None);
    assert_eq!(store.card_record(CardId::new(subject.clock.uuid())).await.unwrap(), None);
}

pub async fn people_and_wallets_are_kept_whole(subject: &Subject) {
    let store = &subject.resources;
    let mut person = subject.user(None, "wren");
    store.insert_user(person.clone()).await.unwrap();
    person.email = Some("wren@example.org".into());
    person.first_name = None;
    person.status = UserStatus::Limited;
    person.version = 2;
    store.update_user(person.clone()).await.unwrap();
    assert_eq!(store.user_record(person.id).await.unwrap().as_ref(), Some(&person));
    let mut wallets = Vec::new();
    for zone in ["UTC", "Asia/Tokyo"] {
        let wallet = subject.wallet(&person, zone);
        let account = Account::empty(wallet.account, wallet.currency);
        store.insert_wallet(wallet.clone(), account).await.unwrap();
        wallets.push(wallet);
        subject.clock.pass(1);
    }
    assert_eq!(store.wallets_of(person.id).await.unwrap(), wallets, "oldest first");
    let mut wallet = wallets.remove(0);
    wallet.zone = Zone::parse("Europe/Paris").unwrap();
    wallet.version = 2;
    store.update_wallet(wallet.clone()).await.unwrap();
    let card = subject.card(&person, wallet.account, "wren-card");
    store.insert_card(card.clone()).await.unwrap();
    assert_eq!(store.card_record(card.id).await.unwrap(), Some(card));
    assert_eq!(store.wallet(wallet.account).await.unwrap(), Some(wallet));
    let nobody = UserId::new(subject.clock.uuid());
    assert!(store.wallets_of(nobody).await.unwrap().is_empty());
}

pub async fn limits_and_controls_are_kept_whole(subject: &Subject) {
    let store = &subject.resources;
    let mut limit = subject.limit(Scope::Program, Window::Month, 100_00);
    store.insert_limit(limit.clone()).await.unwrap();
    assert_eq!(store.limit(limit.id).await.unwrap().as_ref(), Some(&limit));
    limit.amount = None;
    limit.count = Some(3);
    limit.version = 2;
    store.update_limit(limit.clone()).await.unwrap();
    assert_eq!(store.limit(limit.id).await.unwrap().as_ref(), Some(&limit));
    assert!(store.delete_limit(limit.id).await.unwrap().is_some());
    assert_eq!(store.limit(limit.id).await.unwrap(), None);
    assert_eq!(store.delete_limit(limit.id).await.unwrap(), None, "a second time");
    let mut control = subject.control(Scope::Program);
    store.insert_control(control.clone()).await.unwrap();
    assert_eq!(store.control(control.id).await.unwrap().as_ref(), Some(&control));
    control.effect = Effect::Allow;
    control.mccs = vec!["5411".parse().unwrap()];
    control.mcc_groups.clear();
    control.merchants = vec!["mid-1".into()];
    control.entry_modes = vec!["CHIP".into()];
    (control.starts_at, control.ends_at) = (None, Some(subject.clock.now()));
    control.version = 2;
    store.update_control(control.clone()).await.unwrap();
    assert_eq!(store.control(control.id).await.unwrap().as_ref(), Some(&control));
    assert!(store.delete_control(control.id).await.unwrap().is_some());
    assert_eq!(store.control(control.id).await.unwrap(), None);
    let nothing = ControlId::new(subject.clock.uuid());
    assert_eq!(store.delete_control(nothing).await.unwrap(), None);
}

pub async fn an_update_of_an_old_version_is_stale(subject: &Subject) {
    let store = &subject.resources;
    let program = subject.program("acme", 0).await;
    let limit = subject.limit(Scope::Card(program.card.id), Window::Day, 1);
    store.insert_limit(limit.clone()).await.unwrap();
    let control = subject.control(Scope::Card(program.card.id));
    store.insert_control(control.clone()).await.unwrap();
    for version in [1, 3] {
        let mut user = program.user.clone();
        user.version = version;
        let mut card = program.card.clone();
        card.version = version;
        let mut limit = limit.clone();
        limit.version = version;
        assert!(matches!(store.update_user(user).await, Err(StoreError::Stale)));
        assert!(matches!(store.update_card(card).await, Err(StoreError::Stale)));
        assert!(matches!(store.update_limit(limit).await, Err(StoreError::Stale)));
        let control = Control { version, ..control.clone() };
        assert!(matches!(store.update_control(control).await, Err(StoreError::Stale)));
    }
    // Nothing moves a control to someone else.
    let moved = Control { scope: Scope::User(program.user.id), version: 2, ..control.clone() };
    assert!(matches!(store.update_control(moved).await, Err(StoreError::Stale)));
    assert_eq!(store.control(control.id).await.unwrap(), Some(control));
    let facts = subject.facts.card(&token("acme-card")).await.unwrap().unwrap();
    assert_eq!(facts.policy_version, 3, "only the limit and the control that were added count");
    let mut nothing = subject.limit(Scope::Program, Window::Day, 1);
    nothing.id = LimitId::new(subject.clock.uuid());
    nothing.version = 2;
    assert!(matches!(store.update_limit(nothing).await, Err(StoreError::Stale)));
    let nothing = Control { version: 2, ..subject.control(Scope::Program) };
    assert!(matches!(store.update_control(nothing).await, Err(StoreError::Stale)));
}

pub async fn an_update_of_an_old_company_is_stale(subject: &Subject) {
    let program = subject.program("acme", 0).await;
    for version in [1, 3] {
        let company = Company { version, ..program.company().clone() };
        let stale = subject.resources.update_company(company).await;
        assert!(matches!(stale, Err(StoreError::Stale)), "{stale:?}");
    }
}

pub async fn an_update_of_an_old_wallet_is_stale(subject: &Subject) {
    let person = subject.user(None, "wren");
    subject.resources.insert_user(person.clone()).await.unwrap();
    let wallet = subject.wallet(&person, "UTC");
    let account = Account::empty(wallet.account, wallet.currency);
    subject.resources.insert_wallet(wallet.clone(), account).await.unwrap();
    for version in [1, 3] {
        let wallet = Wallet { version, ..wallet.clone() };
        let stale = subject.resources.update_wallet(wallet).await;
        assert!(matches!(stale, Err(StoreError::Stale)), "{stale:?}");
    }
}

/// A token of another object of the kind.
fn assert_taken(result: Result<Vec<PolicyStamp>, StoreError>) {
    assert!(matches!(result, Err(StoreError::Taken("marqeta_token"))), "{result:?}");
}

pub async fn a_taken_token_of_a_company_is_named(subject: &Subject) {
    let store = &subject.resources;
    subject.program("acme", 0).await;
    let company = subject.company("acme");
    let account = subject.account(&company, 0);
    assert_taken(store.insert_company(company, account.clone()).await);
    assert_eq!(store.account(account.id).await.unwrap(), None, "nothing of it stays");
}

pub async fn a_taken_token_is_named(subject: &Subject) {
    let store = &subject.resources;
    let program = subject.program("acme", 0).await;
    subject.program("other", 0).await;
    assert_taken(store.insert_user(subject.user(program.employer(), "acme-user")).await);
    let card = subject.card(&program.user, program.account, "other-card");
    assert_taken(store.insert_card(card).await);
    let mut card = program.card.clone();
    card.marqeta_token = Some(token("other-card"));
    card.version = 2;
    assert_taken(store.update_card(card).await);
    let again = store.insert_card(program.card.clone()).await;
    assert!(matches!(again, Err(StoreError::Taken(_))), "{again:?}");
    let mut nameless = subject.user(program.employer(), "x");
    for _ in 0..2 {
        nameless.id = UserId::new(subject.clock.uuid());
        nameless.marqeta_token = None;
        store.insert_user(nameless.clone()).await.unwrap();
    }
}

pub async fn every_write_bumps_the_versions_of_its_subjects(subject: &Subject) {
    let store = &subject.resources;
    let program = subject.program("acme", 0).await;
    let stamp = |subject, changes| {
        let version = program.first_version(subject) + changes;
        vec![PolicyStamp { subject, version }]
    };
    let mut scopes = program.scopes();
    scopes.retain(|scope| *scope != Scope::Program);
    let user = User { version: 2, ..program.user.clone() };
    let changed = store.update_user(user).await.unwrap();
    assert_eq!(changed, stamp(Scope::User(program.user.id), 1));
    let card = Card { version: 2, ..program.card.clone() };
    let changed = store.update_card(card).await.unwrap();
    assert_eq!(changed, stamp(Scope::Card(program.card.id), 1));
    if let Some(company) = &program.company {
        let changed = store.update_company(Company { version: 2, ..company.clone() }).await;
        assert_eq!(changed.unwrap(), stamp(Scope::Company(company.id), 1));
    }
    for scope in scopes {
        let mut limit = subject.limit(scope, Window::Day, 1);
        assert_eq!(store.insert_limit(limit.clone()).await.unwrap(), stamp(scope, 2));
        limit.version = 2;
        assert_eq!(store.update_limit(limit.clone()).await.unwrap(), stamp(scope, 3));
        assert_eq!(store.delete_limit(limit.id).await.unwrap(), Some(stamp(scope, 4)));
        let mut control = subject.control(scope);
        assert_eq!(store.insert_control(control.clone()).await.unwrap(), stamp(scope, 5));
        control.version = 2;
        assert_eq!(store.update_control(control.clone()).await.unwrap(), stamp(scope, 6));
        assert_eq!(store.delete_control(control.id).await.unwrap(), Some(stamp(scope, 7)));
    }
    let limit = subject.limit(Scope::Program, Window::Day, 1);
    let before = store.insert_limit(limit.clone()).await.unwrap()[0];
    let after = store.delete_limit(limit.id).await.unwrap().unwrap()[0];
    assert_eq!((before.subject, after.version), (Scope::Program, before.version + 1));
}
