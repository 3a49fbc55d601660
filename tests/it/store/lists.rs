//! Lists: newest first, page by page, by every filter and by several at once.

use tollgate::domain::clock::Clock;
use tollgate::domain::id::{AuthorizationId, CardId, CompanyId, Home};
use tollgate::domain::party::{Account, Card, CardStatus, User, UserStatus};
use tollgate::domain::policy::{Limit, LimitMode, Scope};
use tollgate::domain::posting::Posting;
use tollgate::domain::time::Window;
use tollgate::ledger::intent::Step;
use tollgate::store::lists::{
    AccountQuery, AuthorizationQuery, Bound, CardQuery, CompanyQuery, HistoryQuery, Page,
    PolicyQuery, UserQuery,
};
use uuid::Uuid;

use super::program::Program;
use super::subject::{Subject, purchase, root, token, usd};

const fn all<I>() -> Page<I> {
    Page { before: None, rows_max: 100 }
}

fn users(subject: &Subject) -> UserQuery {
    let home = *subject.homes.first().unwrap();
    UserQuery { home, company: None, status: None, page: all() }
}

fn cards(subject: &Subject) -> CardQuery {
    let home = *subject.homes.first().unwrap();
    CardQuery { home, company: None, user: None, account: None, status: None, page: all() }
}

fn decided() -> AuthorizationQuery {
    AuthorizationQuery {
        company: None,
        account: None,
        card: None,
        approved: None,
        from: None,
        to: None,
        floor: Uuid::nil(),
        page: all(),
    }
}

async fn another_card(subject: &Subject, program: &Program, name: &str) -> (User, Card) {
    let user = subject.user(program.employer(), &format!("{name}-user"));
    subject.resources.insert_user(user.clone()).await.unwrap();
    let card = subject.card(&user, program.account, &format!("{name}-card"));
    subject.resources.insert_card(card.clone()).await.unwrap();
    (user, card)
}

pub async fn users_and_cards_are_listed_newest_first(subject: &Subject) {
    let program = subject.program("acme", 0).await;
    let (second, second_card) = another_card(subject, &program, "second").await;
    let other = subject.program("other", 0).await;
    let found = subject.lists.users(users(subject)).await.unwrap();
    assert_eq!(found, [other.user.clone(), second.clone(), program.user.clone()]);
    let found = subject.lists.cards(cards(subject)).await.unwrap();
    assert_eq!(found, [other.card.clone(), second_card.clone(), program.card.clone()]);
    // Page by page.
    let mut page = Page { before: None, rows_max: 2 };
    let first = subject.lists.cards(CardQuery { page, ..cards(subject) }).await.unwrap();
    page.before = first.last().map(|card| card.id);
    let rest = subject.lists.cards(CardQuery { page, ..cards(subject) }).await.unwrap();
    assert_eq!((first.len(), rest), (2, vec![program.card.clone()]));
    // By whose they are.
    let by = |user, account| CardQuery { user, account, ..cards(subject) };
    let found = subject.lists.cards(by(Some(second.id), None)).await.unwrap();
    assert_eq!(found, std::slice::from_ref(&second_card));
    let found = subject.lists.cards(by(None, Some(program.account))).await.unwrap();
    assert_eq!(found, [second_card.clone(), program.card.clone()]);
    let found = subject.lists.cards(by(Some(second.id), Some(other.account))).await.unwrap();
    assert!(found.is_empty(), "{found:?}");
}

pub async fn users_and_cards_are_listed_by_status(subject: &Subject) {
    let program = subject.program("acme", 0).await;
    let (mut user, mut card) = another_card(subject, &program, "second").await;
    user.status = UserStatus::Suspended;
    card.status = CardStatus::Suspended;
    (user.version, card.version) = (2, 2);
    subject.resources.update_user(user.clone()).await.unwrap();
    subject.resources.update_card(card.clone()).await.unwrap();
    let status = Some(UserStatus::Suspended);
    let query = UserQuery { status, ..users(subject) };
    assert_eq!(subject.lists.users(query.clone()).await.unwrap(), [user.clone()]);
    let page = Page { before: Some(user.id), rows_max: 10 };
    assert!(subject.lists.users(UserQuery { page, ..query }).await.unwrap().is_empty());
    let status = Some(CardStatus::Suspended);
    let query = CardQuery { status, ..cards(subject) };
    assert_eq!(subject.lists.cards(query.clone()).await.unwrap(), [card.clone()]);
    let query = CardQuery { user: Some(user.id), ..query };
    assert_eq!(subject.lists.cards(query.clone()).await.unwrap(), [card]);
    let query = CardQuery { user: Some(program.user.id), ..query };
    assert!(subject.lists.cards(query).await.unwrap().is_empty());
}

pub async fn a_company_is_listed_with_what_is_its_own(subject: &Subject) {
    let mine = subject.program("mine", 500_00).await;
    let other = subject.program("other", 0).await;
    let company = Some(mine.company().id);
    let nobody = Some(CompanyId::new(subject.clock.uuid()));
    let query = CompanyQuery { company: None, status: None, token: None, page: all() };
    let found = subject.lists.companies(query.clone()).await.unwrap();
    assert_eq!(found, [other.company().clone(), mine.company().clone()]);
    for query in [
        CompanyQuery { company, ..query.clone() },
        CompanyQuery { token: Some(token("mine")), ..query.clone() },
        CompanyQuery { token: Some(token("mine")), company, ..query.clone() },
    ] {
        let found = subject.lists.companies(query).await.unwrap();
        assert_eq!(found, [mine.company().clone()]);
    }
    let foreign = CompanyQuery { token: Some(token("other")), company, ..query };
    assert!(subject.lists.companies(foreign).await.unwrap().is_empty());
    let query = UserQuery { company, ..users(subject) };
    assert_eq!(subject.lists.users(query.clone()).await.unwrap(), std::slice::from_ref(&mine.user));
    let query = UserQuery { company: nobody, ..query };
    assert!(subject.lists.users(query).await.unwrap().is_empty());
    let query = CardQuery { company, ..cards(subject) };
    assert_eq!(subject.lists.cards(query.clone()).await.unwrap(), std::slice::from_ref(&mine.card));
    let query = CardQuery { user: Some(other.user.id), ..query };
    assert!(subject.lists.cards(query.clone()).await.unwrap().is_empty(), "another company's user");
    let query = CardQuery { company: nobody, user: None, ..query };
    assert!(subject.lists.cards(query).await.unwrap().is_empty());
    let query = AccountQuery { company: None, page: all() };
    let found = subject.lists.accounts(query.clone()).await.unwrap();
    let accounts = [other.account, mine.account];
    assert_eq!(found.iter().map(|account| account.id).collect::<Vec<_>>(), accounts);
    let found = subject.lists.accounts(AccountQuery { company, ..query }).await.unwrap();
    assert_eq!(found, [subject.account(mine.company(), 500_00)]);
}

pub async fn policies_are_listed_by_whom_they_bind(subject: &Subject) {
    let program = subject.program("acme", 0).await;
    let scopes = [Scope::Program, Scope::User(program.user.id), Scope::Card(program.card.id)];
    let (mut limits, mut controls) = (Vec::new(), Vec::new());
    for scope in scopes {
        let limit = subject.limit(scope, Window::Day, 1_00);
        subject.resources.insert_limit(limit.clone()).await.unwrap();
        limits.insert(0, limit);
        let control = subject.control(scope);
        subject.resources.insert_control(control.clone()).await.unwrap();
        controls.insert(0, control);
    }
    let (company, lists) = (None, &subject.lists);
    let page = all();
    assert_eq!(
        lists.limits_page(PolicyQuery { company, bound: None, page }).await.unwrap(),
        limits
    );
    let page = all();
    let found = lists.controls_page(PolicyQuery { company, bound: None, page }).await.unwrap();
    assert_eq!(found, controls);
    for (at, scope) in scopes.into_iter().rev().enumerate() {
        for bound in [Bound::Kind(scope.kind()), Bound::One(scope)] {
            let bound = Some(bound);
            let page = all();
            let found = lists.limits_page(PolicyQuery { company, bound, page }).await.unwrap();
            assert_eq!(found, [limits[at].clone()], "{bound:?}");
            let page = all();
            let found = lists.controls_page(PolicyQuery { company, bound, page }).await.unwrap();
            assert_eq!(found, [controls[at].clone()], "{bound:?}");
        }
    }
    let page = Page { before: Some(limits[0].id), rows_max: 1 };
    let found = lists.limits_page(PolicyQuery { company, bound: None, page }).await.unwrap();
    assert_eq!(found, [limits[1].clone()]);
}

pub async fn policies_of_a_company_are_those_of_its_users_and_cards(subject: &Subject) {
    let mine = subject.program("mine", 0).await;
    let other = subject.program("other", 0).await;
    let mut own = Vec::new();
    for program in [&mine, &other] {
        for scope in program.scopes() {
            let limit = subject.limit(scope, Window::Day, 1_00);
            subject.resources.insert_limit(limit.clone()).await.unwrap();
            if program.company == mine.company && scope != Scope::Program {
                own.insert(0, limit);
            }
        }
    }
    let company = Some(mine.company().id);
    let query = PolicyQuery { company, bound: None, page: all() };
    assert_eq!(subject.lists.limits_page(query.clone()).await.unwrap(), own);
    let bound = Some(Bound::Kind("card"));
    let found = subject.lists.limits_page(PolicyQuery { bound, ..query.clone() }).await.unwrap();
    assert_eq!(found.len(), 1);
    let bound = Some(Bound::One(Scope::Card(other.card.id)));
    let found = subject.lists.limits_page(PolicyQuery { bound, ..query }).await.unwrap();
    assert!(found.is_empty(), "another company's card");
}

async fn ids(subject: &Subject, query: AuthorizationQuery) -> Vec<AuthorizationId> {
    let found = subject.lists.authorizations(query).await.unwrap();
    for row in &found {
        assert_eq!(*row, subject.authorization(row.id).await, "read back whole");
    }
    found.iter().map(|row| row.id).collect()
}

pub async fn authorizations_are_listed_by_card_account_outcome_and_time(subject: &Subject) {
    let program = subject.program("acme", 10_00).await;
    let other = subject.program("other", 10_00).await;
    let first = subject.approve(purchase("t-1", "acme-card", 6_00)).await;
    let second = subject.decide(purchase("t-2", "acme-card", 6_00)).await.authorization;
    let third = subject.approve(purchase("t-3", "other-card", 1_00)).await;
    assert_eq!(ids(subject, decided()).await, [third.id, second, first.id]);
    let card = Some(program.card.id);
    assert_eq!(ids(subject, AuthorizationQuery { card, ..decided() }).await, [second, first.id]);
    let account = Some(other.account);
    assert_eq!(ids(subject, AuthorizationQuery { account, ..decided() }).await, [third.id]);
    let both = AuthorizationQuery { card, account, ..decided() };
    assert!(ids(subject, both).await.is_empty());
    for (approved, expected) in [(true, vec![third.id, first.id]), (false, vec![second])] {
        let query = AuthorizationQuery { approved: Some(approved), ..decided() };
        assert_eq!(ids(subject, query).await, expected);
    }
    for card in [None, card] {
        let page = Page { before: Some(second), rows_max: 5 };
        let query = AuthorizationQuery { card, page, ..decided() };
        assert_eq!(ids(subject, query).await, [first.id], "{card:?}");
        let from = Some(third.at.plus_micros(1));
        let query = AuthorizationQuery { card, from, ..decided() };
        assert!(ids(subject, query).await.is_empty());
        let (from, to) = (Some(first.at), Some(first.at.plus_micros(1)));
        let query = AuthorizationQuery { card, from, to, ..decided() };
        assert!(ids(subject, query).await.contains(&first.id));
    }
    let floor = third.id.uuid();
    assert_eq!(ids(subject, AuthorizationQuery { floor, ..decided() }).await, [third.id]);
    let card = Some(CardId::new(subject.clock.uuid()));
    assert!(ids(subject, AuthorizationQuery { card, ..decided() }).await.is_empty());
}

pub async fn authorizations_of_a_company_are_those_of_its_account(subject: &Subject) {
    let mine = subject.program("mine", 10_00).await;
    subject.program("other", 10_00).await;
    let first = subject.approve(purchase("t-1", "mine-card", 1_00)).await;
    subject.approve(purchase("t-2", "other-card", 1_00)).await;
    let company = Some(mine.company().id);
    assert_eq!(ids(subject, AuthorizationQuery { company, ..decided() }).await, [first.id]);
}

pub async fn a_history_tells_what_has_moved_latest_first(subject: &Subject) {
    let program = subject.program("acme", 0).await;
    subject.program("other", 0).await;
    subject.take("f-1", "acme-card", None, Step::Fund(usd(50_00))).await;
    subject.take("f-2", "other-card", None, Step::Fund(usd(7_00))).await;
    subject.clock.pass(1_000);
    let bought = subject.approve(purchase("t-1", "acme-card", 20_00)).await;
    for (key, last) in [("c-1", false), ("c-2", true)] {
        let clear = Step::Clear { amount: usd(10_00), last };
        subject.take(key, "acme-card", root(bought.id), clear).await;
    }
    let page = |before, rows_max| {
        let query = HistoryQuery { account: program.account, page: Page { before, rows_max } };
        subject.lists.account_history(query)
    };
    let whole = page(None, 10).await.unwrap();
    let amounts: Vec<i64> = whole.iter().map(|row| row.amount.minor()).collect();
    assert_eq!(amounts, [10_00, 10_00, 50_00], "{whole:?}");
    let mut pieces: Vec<Posting> = Vec::new();
    while pieces.len() < whole.len() {
        let before = pieces.last().map(Posting::place);
        let next = page(before, 1).await.unwrap();
        assert_eq!(next.len(), 1);
        pieces.extend(next);
    }
    assert_eq!(pieces, whole);
    assert!(page(whole.last().map(Posting::place), 1).await.unwrap().is_empty());
}

pub async fn wallets_are_listed_with_what_is_on_them(subject: &Subject) {
    let person = subject.user(None, "wren");
    subject.resources.insert_user(person.clone()).await.unwrap();
    let mut expected = Vec::new();
    for zone in ["UTC", "Asia/Tokyo"] {
        let wallet = subject.wallet(&person, zone);
        let account = Account { funded: 5, ..Account::empty(wallet.account, wallet.currency) };
        subject.resources.insert_wallet(wallet.clone(), account.clone()).await.unwrap();
        expected.insert(0, (wallet, account));
    }
    assert_eq!(subject.lists.wallets(all()).await.unwrap(), expected);
    let page = Page { before: Some(expected[0].0.account), rows_max: 1 };
    assert_eq!(subject.lists.wallets(page).await.unwrap(), expected[1..]);
    let mut held = subject.lists.wallets_held_by(vec![person.id]).await.unwrap();
    held.sort_by_key(|wallet| std::cmp::Reverse(wallet.account));
    assert!(held.iter().eq(expected.iter().map(|(wallet, _)| wallet)), "{held:?}");
    assert!(subject.lists.wallets_held_by(Vec::new()).await.unwrap().is_empty());
    // Where both homes are one, people are no employees.
    let query = UserQuery { home: Home::Personal, ..users(subject) };
    assert_eq!(subject.lists.users(query.clone()).await.unwrap(), [person]);
    let query = UserQuery { home: Home::Business, ..query };
    assert!(subject.lists.users(query).await.unwrap().is_empty());
}

pub async fn many_are_loaded_at_once_and_what_is_there_stays(subject: &Subject) {
    let program = subject.program("acme", 0).await;
    let new = |name: &str| subject.user(program.employer(), name);
    let users = vec![new("u-1"), new("acme-user"), new("u-2")];
    let stamps = subject.resources.insert_users(users.clone()).await.unwrap();
    let subjects: Vec<Scope> = stamps.iter().map(|stamp| stamp.subject).collect();
    assert_eq!(stamps.iter().map(|stamp| stamp.version).collect::<Vec<_>>(), [1, 1]);
    assert!(subjects.contains(&Scope::User(users[0].id)), "{subjects:?}");
    let stored = subject.resources.user_record(users[2].id).await.unwrap();
    assert_eq!(stored.as_ref(), Some(&users[2]));
    assert_eq!(subject.resources.user_record(users[1].id).await.unwrap(), None);
    let cards: Vec<Card> = ["c-1", "acme-card", "c-2"]
        .into_iter()
        .map(|name| subject.card(&users[0], program.account, name))
        .collect();
    let stamps = subject.resources.insert_cards(cards.clone()).await.unwrap();
    assert_eq!(stamps.len(), 2);
    let stored = subject.resources.card_record(cards[0].id).await.unwrap();
    assert_eq!(stored.as_ref(), Some(&cards[0]));
    assert!(subject.resources.insert_cards(cards.clone()).await.unwrap().is_empty(), "again");
    let facts = subject.facts.card(&token("c-2")).await.unwrap().unwrap();
    assert_eq!((facts.id, facts.policy_version), (cards[2].id, 1));
    let names = vec![token("u-1"), token(&program.user.id.to_string()), token("nobody")];
    let mut found = subject.lists.users_named(names).await.unwrap();
    found.sort_by_key(|user| user.id);
    assert_eq!(found, [program.user.clone(), users[0].clone()]);
    let names = vec![token("c-1"), token(&cards[2].id.to_string()), token("u-1")];
    assert_eq!(subject.lists.cards_named(names).await.unwrap().len(), 2);
    let told = subject.outbox.depth().await.unwrap();
    assert_eq!(told, 2 + 4, "each new one is told of once");
}

pub async fn many_limits_are_loaded_at_once_and_what_is_there_stays(subject: &Subject) {
    let program = subject.program("acme", 0).await;
    let other = subject.program("other", 0).await;
    let (card, user) = (Scope::Card(program.card.id), Scope::User(other.user.id));
    let there = subject.limit(card, Window::Day, 1);
    subject.resources.insert_limit(there.clone()).await.unwrap();
    let new = [
        subject.limit(card, Window::Week, 2),
        subject.limit(card, Window::Month, 3),
        Limit { mode: LimitMode::Pool, ..subject.limit(user, Window::Day, 4) },
    ];
    let again = Limit { amount: Some(9), ..there.clone() };
    let limits: Vec<Limit> = std::iter::once(again).chain(new.clone()).collect();
    let stamps = subject.resources.insert_limits(limits.clone()).await.unwrap();
    let of = |scope: Scope| stamps.iter().filter(move |stamp| stamp.subject == scope);
    assert_eq!((of(card).count(), of(user).count()), (2, 1), "one for each: {stamps:?}");
    let facts = subject.facts.card(&token("acme-card")).await.unwrap().unwrap();
    assert_eq!(of(card).map(|stamp| stamp.version).max(), Some(facts.policy_version));
    let mut found = subject.lists.limits_binding(vec![card, user]).await.unwrap();
    found.sort_by_key(|limit| limit.id);
    let mut kept = [&[there][..], &new[..]].concat();
    kept.sort_by_key(|limit| limit.id);
    assert_eq!(found, kept);
    assert!(subject.lists.limits_binding(Vec::new()).await.unwrap().is_empty());
    assert!(subject.resources.insert_limits(limits).await.unwrap().is_empty(), "again");
    if let Some(company) = program.employer() {
        let query = PolicyQuery { company: Some(company), bound: None, page: all() };
        assert_eq!(subject.lists.limits_page(query).await.unwrap().len(), 3, "the card's own");
    }
}
