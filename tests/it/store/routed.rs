//! Two homes, each a store of its own, behind one routing store.

use std::sync::Arc;

use futures_util::future::join_all;
use tollgate::cache::MemoryRoutes;
use tollgate::domain::access::Reach;
use tollgate::domain::audit::{Act, Outcome, Record};
use tollgate::domain::clock::Clock;
use tollgate::domain::id::{AccountId, CardId, Home};
use tollgate::domain::party::{Account, Card, User};
use tollgate::domain::policy::{Control, Limit, Scope};
use tollgate::domain::time::{Timestamp, Window};
use tollgate::store::ahead::RecordedAhead;
use tollgate::store::audit_log::AuditLog;
use tollgate::store::lists::{Bound, Lists, Page, PolicyQuery};
use tollgate::store::routed::{HomeStores, RoutedStore};
use tollgate::store::sqlite::SqliteStore;
use tollgate::store::{FactsStore, ResourceStore, StoreError};

use super::sqlite::open_store;
use super::subject::{Subject, token};

/// Each home, and both behind one.
struct Town {
    routed: Arc<RoutedStore>,
    business: Arc<SqliteStore>,
    personal: Arc<SqliteStore>,
    /// Draws ids and knows the time; its store is the business home.
    subject: Subject,
    _folder: tempfile::TempDir,
}

async fn town() -> Town {
    let (subject, business) = open_store(&Home::ALL).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("personal.db");
    let personal = SqliteStore::open(&path, subject.clock.clone(), Default::default());
    let personal = personal.await.unwrap();
    let stores = |store: &Arc<SqliteStore>| HomeStores {
        facts: store.clone(),
        resources: store.clone(),
        history: store.clone(),
        outbox: store.clone(),
        lists: store.clone(),
    };
    let routes = || Arc::new(MemoryRoutes::new(1_000));
    let log = business.clone();
    let clock = subject.clock.clone();
    let (first, second) = (stores(&business), stores(&personal));
    let routed = RoutedStore::new(first, second, routes(), routes(), log, clock);
    Town { routed: Arc::new(routed), business, personal, subject, _folder: folder }
}

impl Town {
    /// A company's card and a person's, named `{home}-card`, each of a user named `{home}-user`.
    async fn settle(&self) -> [(User, Card); 2] {
        let company = self.subject.company("acme");
        let account = self.subject.account(&company, 100_00);
        self.routed.insert_company(company.clone(), account).await.unwrap();
        let employee = self.subject.user(Some(company.id), "business-user");
        let person = self.subject.user(None, "personal-user");
        for user in [&employee, &person] {
            self.routed.insert_user(user.clone()).await.unwrap();
        }
        let wallet = self.subject.wallet(&person, "Europe/Paris");
        let empty = Account::empty(wallet.account, wallet.currency);
        self.routed.insert_wallet(wallet.clone(), empty).await.unwrap();
        let cards = [
            self.subject.card(&employee, company.account, "business-card"),
            self.subject.card(&person, wallet.account, "personal-card"),
        ];
        for card in &cards {
            self.routed.insert_card(card.clone()).await.unwrap();
        }
        let [first, second] = cards;
        [(employee, first), (person, second)]
    }

    async fn has_control(&self, control: &Control) -> [bool; 2] {
        let mut has = [false; 2];
        for (has, store) in has.iter_mut().zip([&self.business, &self.personal]) {
            *has = store.control(control.id).await.unwrap().is_some();
        }
        has
    }
}

#[tokio::test]
async fn every_reference_leads_home_and_only_there() {
    let town = town().await;
    let settled = town.settle().await;
    for ((user, card), home) in settled.iter().zip(Home::ALL) {
        for reference in [user.marqeta_token.clone().unwrap(), token(&user.id.to_string())] {
            let found = town.routed.user(&reference).await.unwrap().unwrap();
            assert_eq!((found.id, found.home()), (user.id, home));
        }
        for reference in [card.marqeta_token.clone().unwrap(), token(&card.id.to_string())] {
            let found = town.routed.card(&reference).await.unwrap().unwrap();
            assert_eq!((found.id, found.account.home()), (card.id, home));
        }
        assert_eq!(town.routed.user_record(user.id).await.unwrap().unwrap().id, user.id);
        assert_eq!(town.routed.card_record(card.id).await.unwrap().unwrap().id, card.id);
    }
    assert!(town.routed.card(&token("nobody")).await.unwrap().is_none());
    assert!(town.business.card(&token("personal-card")).await.unwrap().is_none());
    assert!(town.personal.card(&token("business-card")).await.unwrap().is_none());
}

fn record() -> Arc<Record> {
    Record::new(Act {
        at: Timestamp::from_micros(7),
        who: "admin".into(),
        reach: Reach::Program,
        what: "POST /a".to_owned(),
        object: None,
        request_id: "r-1".to_owned(),
        outcome: Outcome::Done,
    })
}

#[tokio::test]
async fn what_is_written_where_no_log_is_kept_is_told_before() {
    let town = town().await;
    let [(employee, _), (person, _)] = town.settle().await;
    let recording = || {
        let record = record();
        let resources = town.routed.recording(&record).expect("companies' home keeps a log");
        (record, resources)
    };
    let told = async || -> Vec<Outcome> {
        let entries = town.business.entries(0, 10).await.unwrap();
        entries.into_iter().map(|entry| entry.act.outcome).collect()
    };
    // Nothing is written, as the id is taken: the entry was there first.
    let (record, resources) = recording();
    resources.insert_user(User { marqeta_token: None, ..person.clone() }).await.unwrap_err();
    assert_eq!(told().await, [Outcome::Begun]);
    assert!(record.failure().is_some() && record.pending().is_some());
    // Once for each act.
    let (record, resources) = recording();
    for name in ["one", "two"] {
        resources.insert_user(town.subject.user(None, name)).await.unwrap();
    }
    assert_eq!(told().await, [Outcome::Begun; 2]);
    assert!(record.pending().is_some(), "that it was done is told by whoever has begun it");
    // What is refused after something was done has not come to nothing.
    resources.insert_user(User { marqeta_token: None, ..person.clone() }).await.unwrap_err();
    assert_eq!(told().await, [Outcome::Begun; 2]);
    assert!(record.failure().is_none());
    // Beside the log, an act and its entry are one; what follows it elsewhere is no act of its own.
    let (record, resources) = recording();
    let limit = town.subject.limit(Scope::Program, Window::Day, 20_00);
    resources.insert_user(town.subject.user(employee.company, "three")).await.unwrap();
    resources.insert_limit(limit).await.unwrap();
    assert_eq!(told().await, [Outcome::Begun, Outcome::Begun, Outcome::Done]);
    assert!(record.pending().is_none() && record.failure().is_none());
    // A removal that finds nothing has done nothing; whether a store that is gone has, nobody knows.
    let (record, personal) = recording();
    let limit = town.subject.limit(Scope::User(person.id), Window::Day, 20_00);
    let ahead = RecordedAhead::new(town.personal.clone(), town.business.clone(), record.clone());
    assert!(ahead.delete_limit(limit.id).await.unwrap().is_none());
    assert!(record.failure().is_some());
    town.personal.close().await;
    let gone = personal.insert_user(town.subject.user(None, "four")).await;
    assert!(matches!(gone, Err(StoreError::Unavailable(_))), "{gone:?}");
    assert!(record.failure().is_none());
}

#[tokio::test]
async fn writes_at_the_same_time_are_told_once() {
    let town = town().await;
    let record = record();
    let resources = town.routed.recording(&record).expect("companies' home keeps a log");
    let users = (0..8).map(|number| town.subject.user(None, &format!("user-{number}")));
    let written = join_all(users.map(|user| resources.insert_user(user))).await;
    assert!(written.iter().all(Result::is_ok), "{written:?}");
    let entries = town.business.entries(0, 10).await.unwrap();
    let told: Vec<_> = entries.into_iter().map(|entry| entry.act.outcome).collect();
    assert_eq!(told, [Outcome::Begun]);
}

#[tokio::test]
async fn a_token_of_the_other_home_is_taken_and_a_token_that_moves_is_found() {
    let town = town().await;
    let [(employee, business), (person, mut personal)] = town.settle().await;
    let taken =
        |written: Result<_, StoreError>| matches!(written, Err(StoreError::Taken("marqeta_token")));
    let mut user = town.subject.user(employee.company, "personal-user");
    assert!(taken(town.routed.insert_user(user.clone()).await));
    user.marqeta_token = Some(token("business-card")); // a card's name is free for a user
    town.routed.insert_user(user).await.unwrap();
    let card = town.subject.card(&person, personal.account, "business-card");
    assert!(taken(town.routed.insert_card(card).await));
    personal.version = 2;
    personal.marqeta_token = business.marqeta_token.clone();
    assert!(taken(town.routed.update_card(personal.clone()).await));
    // The old name is given up, and taken by a card of the other home.
    personal.marqeta_token = Some(token("renamed"));
    town.routed.update_card(personal).await.unwrap();
    let card = town.subject.card(&employee, business.account, "personal-card");
    town.routed.insert_card(card.clone()).await.unwrap();
    let found = town.routed.card(&token("personal-card")).await.unwrap().unwrap();
    assert_eq!(found.id, card.id);
}

#[tokio::test]
async fn while_one_home_is_down_the_other_goes_on_and_nobody_is_unknown() {
    let town = town().await;
    town.settle().await;
    town.personal.close().await;
    let found = town.routed.card(&token("business-card")).await.unwrap();
    assert_eq!(found.unwrap().account.home(), Home::Business);
    for reference in ["personal-card", "nobody"] {
        let unknown = town.routed.card(&token(reference)).await;
        assert!(matches!(unknown, Err(StoreError::Unavailable(_))), "{reference}: {unknown:?}");
    }
    let foreign = AccountId::new(Home::Personal, uuid::Uuid::from_u128(1));
    assert!(town.routed.account(foreign).await.is_err());
}

#[tokio::test]
async fn the_limits_of_an_owner_are_listed_while_the_other_home_is_down() {
    let town = town().await;
    let [(employee, business), (person, _)] = town.settle().await;
    let company = employee.company.expect("an employee has a company");
    let owners = [
        Scope::Program,
        Scope::Company(company),
        Scope::User(employee.id),
        Scope::Card(business.id),
    ];
    for scope in owners {
        town.routed.insert_limit(town.subject.limit(scope, Window::Day, 10_00)).await.unwrap();
    }
    town.personal.close().await;
    fn of<I>(scope: Scope) -> PolicyQuery<I> {
        let page = Page { before: None, rows_max: 10 };
        PolicyQuery { company: None, bound: Some(Bound::One(scope)), page }
    }
    for scope in owners {
        assert_eq!(town.routed.limits_page(of(scope)).await.unwrap().len(), 1, "{scope:?}");
        assert!(town.routed.controls_page(of(scope)).await.unwrap().is_empty(), "{scope:?}");
    }
    assert!(town.routed.limits_page(of(Scope::User(person.id))).await.is_err());
}

#[tokio::test]
async fn policy_goes_to_the_home_of_whom_it_binds_and_the_programs_to_both() {
    let town = town().await;
    let [(employee, business), (person, personal)] = town.settle().await;
    for (scope, expected) in [
        (Scope::User(employee.id), [true, false]),
        (Scope::Card(business.id), [true, false]),
        (Scope::User(person.id), [false, true]),
        (Scope::Card(personal.id), [false, true]),
        (Scope::Program, [true, true]),
    ] {
        let mut control = town.subject.control(scope);
        town.routed.insert_control(control.clone()).await.unwrap();
        control.version = 2;
        control.countries.clear();
        town.routed.update_control(control.clone()).await.unwrap();
        assert_eq!(town.has_control(&control).await, expected, "{scope:?}");
        assert_eq!(town.routed.control(control.id).await.unwrap().as_ref(), Some(&control));
        assert!(town.routed.delete_control(control.id).await.unwrap().is_some());
        assert_eq!(town.has_control(&control).await, [false, false], "{scope:?}");
        assert!(town.routed.delete_control(control.id).await.unwrap().is_none());
    }
    let gone = town.subject.control(Scope::Card(CardId::new(uuid::Uuid::from_u128(1))));
    assert!(matches!(town.routed.insert_control(gone).await, Err(StoreError::Stale)));
}

#[tokio::test]
async fn a_limit_of_the_program_is_the_same_in_both_homes() {
    let town = town().await;
    let mut limit = town.subject.limit(Scope::Program, Window::Day, 10_00);
    town.routed.insert_limit(limit.clone()).await.unwrap();
    limit.amount = Some(20_00);
    limit.version = 2;
    town.routed.update_limit(limit.clone()).await.unwrap();
    for store in [&town.business, &town.personal] {
        assert_eq!(store.limit(limit.id).await.unwrap().as_ref(), Some(&limit));
    }
    assert!(matches!(town.routed.update_limit(limit.clone()).await, Err(StoreError::Stale)));
    // A home that has missed something catches up with the next change.
    town.personal.delete_limit(limit.id).await.unwrap();
    limit.version = 3;
    town.routed.update_limit(limit.clone()).await.unwrap();
    limit.version = 4;
    town.business.update_limit(limit.clone()).await.unwrap();
    limit.version = 5;
    town.routed.update_limit(limit.clone()).await.unwrap();
    assert_eq!(town.personal.limit(limit.id).await.unwrap(), Some(limit.clone()));
    assert!(town.routed.delete_limit(limit.id).await.unwrap().is_some());
    for store in [&town.business, &town.personal] {
        assert!(store.limit(limit.id).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn a_control_of_the_program_is_the_same_in_both_homes() {
    let town = town().await;
    let mut control = town.subject.control(Scope::Program);
    town.routed.insert_control(control.clone()).await.unwrap();
    control.countries.clear();
    control.version = 2;
    town.routed.update_control(control.clone()).await.unwrap();
    for store in [&town.business, &town.personal] {
        assert_eq!(store.control(control.id).await.unwrap().as_ref(), Some(&control));
    }
    let again = town.routed.update_control(control.clone()).await;
    assert!(matches!(again, Err(StoreError::Stale)), "{again:?}");
    // A home that has missed something catches up with the next change.
    town.personal.delete_control(control.id).await.unwrap();
    control.version = 3;
    town.routed.update_control(control.clone()).await.unwrap();
    control.version = 4;
    town.business.update_control(control.clone()).await.unwrap();
    control.channels = vec!["ATM".into()];
    control.version = 5;
    town.routed.update_control(control.clone()).await.unwrap();
    assert_eq!(town.personal.control(control.id).await.unwrap(), Some(control));
}

#[tokio::test]
async fn program_policy_is_not_acknowledged_while_a_home_is_down() {
    let town = town().await;
    town.personal.close().await;
    let limit = town.subject.limit(Scope::Program, Window::Day, 10_00);
    let written = town.routed.insert_limit(limit.clone()).await;
    assert!(matches!(written, Err(StoreError::Unavailable(_))), "{written:?}");
    assert!(town.business.limit(limit.id).await.unwrap().is_some(), "it binds there already");
}

#[tokio::test]
async fn a_load_that_has_ended_between_the_homes_is_mended_by_the_next() {
    let town = town().await;
    let limit = town.subject.limit(Scope::Program, Window::Day, 10_00);
    town.business.insert_limit(limit.clone()).await.unwrap();
    let again = || town.routed.insert_limits(vec![limit.clone()]);
    town.subject.clock.pass(24 * 60 * 60 * 1_000_000);
    assert_eq!(again().await.unwrap().len(), 1, "it has come to the other home");
    let followed = Limit { created_at: town.subject.clock.now(), ..limit.clone() };
    assert_eq!(town.personal.limit(limit.id).await.unwrap(), Some(followed), "new there");
    assert!(again().await.unwrap().is_empty());
}

#[tokio::test]
async fn what_is_left_of_a_limit_in_the_other_home_does_not_stay() {
    for version in [1, 3] {
        let town = town().await;
        let limit = town.subject.limit(Scope::Program, Window::Day, 10_00);
        town.personal.insert_limit(Limit { amount: Some(90_00), ..limit.clone() }).await.unwrap();
        for later in 2..=version {
            let left = Limit { amount: Some(90_00), version: later, ..limit.clone() };
            town.personal.update_limit(left).await.unwrap();
        }
        assert_eq!(town.routed.insert_limits(vec![limit.clone()]).await.unwrap().len(), 1);
        let amounts = async || {
            let business = town.business.limit(limit.id).await.unwrap().unwrap();
            let personal = town.personal.limit(limit.id).await.unwrap().unwrap();
            [business.amount, personal.amount]
        };
        assert_eq!(amounts().await, [Some(10_00); 2], "left at version {version}");
        // The homes' versions differ from now on.
        let changed = Limit { amount: Some(20_00), version: 2, ..limit.clone() };
        town.routed.update_limit(changed).await.unwrap();
        assert_eq!(amounts().await, [Some(20_00); 2], "left at version {version}");
        assert!(town.routed.delete_limit(limit.id).await.unwrap().is_some());
        assert!(town.personal.limit(limit.id).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn limits_are_loaded_where_those_are_kept_whom_they_bind() {
    let town = town().await;
    let [(_, employees), (_, persons)] = town.settle().await;
    let limit = |scope, window| town.subject.limit(scope, window, 1);
    let mut scopes = vec![Scope::Program];
    for (card, store) in [(&employees, &town.business), (&persons, &town.personal)] {
        let scope = Scope::Card(card.id);
        let limits = vec![limit(scope, Window::Day), limit(scope, Window::Week)];
        assert_eq!(town.routed.insert_limits(limits).await.unwrap().len(), 2);
        assert_eq!(store.limits_binding(vec![scope]).await.unwrap().len(), 2);
        scopes.push(scope);
    }
    let program = vec![limit(Scope::Program, Window::Day)];
    assert_eq!(town.routed.insert_limits(program.clone()).await.unwrap().len(), 1);
    for store in [&town.business, &town.personal] {
        assert_eq!(store.limits_binding(vec![Scope::Program]).await.unwrap(), program);
    }
    assert!(town.routed.insert_limits(program).await.unwrap().is_empty(), "again");
    assert_eq!(town.routed.limits_binding(scopes).await.unwrap().len(), 5);
}
