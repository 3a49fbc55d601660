//! Each kind of damage is found and named; whole books are clean.

use uuid::Uuid;

use super::*;
use crate::domain::chain::{Chain, Totals, Use};
use crate::domain::id::{AuthorizationId, CardId, CompanyId, Home, LimitId, UserId};
use crate::domain::money::Currency;
use crate::domain::party::Account;
use crate::domain::policy::{Counter, CounterKey, Limit, LimitMode, Member, MerchantScope, Scope};
use crate::domain::time::{Timestamp, Window};
use crate::store::{CardOwner, ChainSums, StoreFuture};

/// Books as rows, served in pages of one.
#[derive(Clone, Default)]
struct Rows {
    accounts: Vec<AccountSums>,
    chains: Vec<ChainSums>,
    counters: Vec<(CounterKey, Counter, Option<Limit>)>,
    owners: Vec<CardOwner>,
    counts: RowCounts,
}

impl Audit for Rows {
    fn snapshot(&self) -> StoreFuture<'_, Box<dyn AuditSnapshot>> {
        let rows: Box<dyn AuditSnapshot> = Box::new(self.clone());
        Box::pin(async move { Ok(rows) })
    }
}

fn page<T: Clone, K: Ord>(rows: &[T], after: Option<&K>, key: impl Fn(&T) -> K) -> Vec<T> {
    let next = rows.iter().find(|row| after.is_none_or(|after| key(row) > *after));
    next.cloned().into_iter().collect()
}

impl AuditSnapshot for Rows {
    fn accounts(&mut self, after: Option<AccountId>) -> StoreFuture<'_, Vec<AccountSums>> {
        let page = page(&self.accounts, after.as_ref(), |row| row.account.id);
        Box::pin(async move { Ok(page) })
    }

    fn chains(&mut self, after: Option<AuthorizationId>) -> StoreFuture<'_, Vec<ChainSums>> {
        let page = page(&self.chains, after.as_ref(), |row| row.chain.id);
        Box::pin(async move { Ok(page) })
    }

    fn owners(&mut self, after: Option<CardId>) -> StoreFuture<'_, Vec<CardOwner>> {
        let page = page(&self.owners, after.as_ref(), |row| row.card);
        Box::pin(async move { Ok(page) })
    }

    fn counters(&mut self) -> StoreFuture<'_, Vec<(CounterKey, Counter, Option<Limit>)>> {
        let counters = self.counters.clone();
        Box::pin(async move { Ok(counters) })
    }

    fn counts(&mut self) -> StoreFuture<'_, RowCounts> {
        let counts = self.counts;
        Box::pin(async move { Ok(counts) })
    }
}

fn uuid(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

fn chain(n: u128, authorized: i64, cleared: i64) -> ChainSums {
    let account = AccountId::new(Home::Business, uuid(1));
    let id = AuthorizationId::new(Home::Business, uuid(n));
    let eur = Currency::parse("EUR").unwrap();
    let now = Timestamp::from_micros(1_000);
    let mut chain = Chain::empty(id, account, CardId::new(uuid(7)), eur, now);
    chain.totals = Totals { authorized, cleared, ..Totals::default() };
    chain.uses = vec![Use { at: now, amount: authorized, count: 1 }];
    let stored_hold = chain.hold();
    ChainSums { chain, stored_hold, cleared, refunded: 0, approved: authorized }
}

fn limit(mode: LimitMode) -> Limit {
    let company = CompanyId::new(uuid(9));
    Limit {
        id: LimitId::new(uuid(5)),
        scope: Scope::Company(company),
        merchant: MerchantScope::Any,
        window: Window::Day,
        amount: Some(10_000),
        count: None,
        currency: None,
        mode,
        version: 1,
        created_at: Timestamp::from_micros(0),
    }
}

/// An account with two open chains (one partly cleared), a cap and a pool; all in order.
fn whole() -> Rows {
    let eur = Currency::parse("EUR").unwrap();
    let id = AccountId::new(Home::Business, uuid(1));
    let account =
        Account { limit: 900, funded: 100, held: 700, posted: 200, ..Account::empty(id, eur) };
    let counter = Counter { window_start: Timestamp::from_micros(500), amount: 900, count: 2 };
    let counted = |mode, member| {
        let limit = limit(mode);
        (CounterKey { limit: limit.id, member }, counter, Some(limit))
    };
    let (card, user) = (CardId::new(uuid(7)), UserId::new(uuid(8)));
    let company = CompanyId::new(uuid(9));
    Rows {
        accounts: vec![AccountSums {
            account,
            holds: 700,
            posted: 200,
            funded: 100,
            overdraft_causes: 0,
        }],
        chains: vec![chain(20, 500, 200), chain(21, 400, 0)],
        counters: vec![
            counted(LimitMode::Cap, Member::Card(card)),
            counted(LimitMode::Pool, Member::Company(company)),
            counted(LimitMode::Pool, Member::User(user, Some(eur))),
        ],
        owners: vec![CardOwner { card, user, company: Some(company) }],
        counts: RowCounts { decisions: 2, approved: 2, authorizations: 2, ..Default::default() },
    }
}

async fn check(expected: &str, damage: impl FnOnce(&mut Rows)) {
    let mut rows = whole();
    damage(&mut rows);
    let report = verify(&rows).await.unwrap();
    let found: Vec<String> = report.differences.iter().map(Difference::to_string).collect();
    assert!(found.iter().any(|text| text.contains(expected)), "{expected}: {found:?}");
    assert!(!report.clean());
}

#[tokio::test]
async fn whole_books_are_clean_and_everything_was_looked_at() {
    let report = verify(&whole()).await.unwrap();
    assert_eq!(report.differences, []);
    assert!(report.clean());
    assert_eq!((report.accounts, report.chains, report.counters), (1, 2, 3));
    assert_eq!(report.counters_skipped, 0);
}

#[tokio::test]
async fn each_kind_of_damage_is_named() {
    check("held, beside its chains: stored 701, computed 700", |rows| {
        rows.accounts[0].account.held = 701;
    })
    .await;
    check("held, beside its holds", |rows| rows.accounts[0].holds = 1).await;
    check("posted, beside its postings", |rows| rows.accounts[0].posted = 201).await;
    check("funded, beside its funding", |rows| rows.accounts[0].account.funded = 99).await;
    check("at most limit + funded: stored 900, computed 899", |rows| {
        rows.accounts[0].account.limit = 799;
    })
    .await;
    check("hold, beside its totals: stored 0, computed 300", |rows| {
        rows.chains[0].stored_hold = 0;
    })
    .await;
    check("cleared, beside its debits: stored 200, computed 100", |rows| {
        rows.chains[0].cleared = 100;
    })
    .await;
    check("refunded, beside its credits", |rows| rows.chains[0].refunded = 5).await;
    check("beside its approvals: stored 400, computed 0", |rows| rows.chains[1].approved = 0).await;
    check("of crd_00000000000000000000000000000007: amount", |rows| {
        rows.counters[0].1.amount = 899;
    })
    .await;
    check("of cmp_00000000000000000000000000000009: count", |rows| rows.counters[1].1.count = 3)
        .await;
    check("of usr_00000000000000000000000000000008/JPY: amount", |rows| {
        let yen = Currency::parse("JPY").unwrap();
        rows.counters[2].0.member = Member::User(UserId::new(uuid(8)), Some(yen));
    })
    .await;
    check("decisions without", |rows| rows.counts.unexplained = 1).await;
    check("postings that do not", |rows| rows.counts.unbalanced = 1).await;
    check("authorizations missing", |rows| rows.counts.authorizations = 1).await;
    check("accounts that chains draw on", |rows| rows.accounts.clear()).await;
}

#[tokio::test]
async fn a_cause_on_record_excuses_an_overdraft() {
    let mut rows = whole();
    rows.accounts[0].account.limit = 0;
    rows.accounts[0].overdraft_causes = 1;
    let report = verify(&rows).await.unwrap();
    assert!(report.clean());
    assert_eq!(report.overdrawn, 1);
}

#[tokio::test]
async fn merged_chains_add_up_together() {
    let mut rows = whole();
    let (kept, lost) = (rows.chains[0].chain.id, &mut rows.chains[1]);
    lost.chain.merged_into = Some(kept);
    lost.chain.uses.clear();
    lost.stored_hold = 0;
    let kept = &mut rows.chains[0];
    kept.chain.totals.authorized = 900;
    kept.chain.uses[0].amount = 900;
    kept.chain.uses[0].count = 2;
    kept.stored_hold = 700;
    assert_eq!(verify(&rows).await.unwrap().differences, []);
    rows.chains[1].cleared = 1;
    assert!(!verify(&rows).await.unwrap().clean(), "a posting of the merged chain counts");
}

#[tokio::test]
async fn uses_before_the_window_do_not_count() {
    let mut rows = whole();
    rows.chains[1].chain.uses[0].at = Timestamp::from_micros(499);
    for (_, counter, _) in &mut rows.counters {
        *counter = Counter { amount: 500, count: 1, ..*counter };
    }
    assert_eq!(verify(&rows).await.unwrap().differences, []);
}

#[tokio::test]
async fn counters_that_can_not_be_recounted_are_counted_as_such() {
    let mut rows = whole();
    rows.owners.clear();
    rows.counters[0].2 = None;
    let report = verify(&rows).await.unwrap();
    assert_eq!((report.counters, report.counters_skipped), (0, 3));
}
