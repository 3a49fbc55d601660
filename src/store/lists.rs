//! Ports to lists: pages of resources and of history, newest first. Ids are drawn in order of time, so
//! a page is what comes before an id. Every query is answered from an index, but for
//! authorizations on PostgreSQL: those of an account or company walk the primary key, and a rare one may take long.

use uuid::Uuid;

use super::StoreFuture;
use crate::domain::authorization::Authorization;
use crate::domain::id::{
    AccountId, AuthorizationId, CardId, CompanyId, ControlId, Home, KycId, LimitId, UserId,
};
use crate::domain::kyc::{KycRecord, KycStatus};
use crate::domain::party::{
    Account, Card, CardStatus, Company, CompanyStatus, User, UserStatus, Wallet,
};
use crate::domain::policy::{Control, Limit, Scope};
use crate::domain::posting::{Place, Posting};
use crate::domain::time::Timestamp;
use crate::domain::token::Token;

/// Which part of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page<I> {
    /// What is older than this; `None`: from the newest on.
    pub before: Option<I>,
    /// So many at most.
    pub rows_max: u32,
}

/// Which companies.
#[derive(Clone, Debug)]
pub struct CompanyQuery {
    /// This one.
    pub company: Option<CompanyId>,
    /// In this state.
    pub status: Option<CompanyStatus>,
    /// With this token of the platform's.
    pub token: Option<Token>,
    /// Which part.
    pub page: Page<CompanyId>,
}

/// Which users.
#[derive(Clone, Debug)]
pub struct UserQuery {
    /// Employees, or people on their own.
    pub home: Home,
    /// Of this company.
    pub company: Option<CompanyId>,
    /// In this state.
    pub status: Option<UserStatus>,
    /// Which part.
    pub page: Page<UserId>,
}

/// Which cards.
#[derive(Clone, Debug)]
pub struct CardQuery {
    /// Of companies, or of people on their own.
    pub home: Home,
    /// Of this company.
    pub company: Option<CompanyId>,
    /// Of this user.
    pub user: Option<UserId>,
    /// That draw on this account.
    pub account: Option<AccountId>,
    /// In this state.
    pub status: Option<CardStatus>,
    /// Which part.
    pub page: Page<CardId>,
}

/// Which accounts of companies.
#[derive(Clone, Debug)]
pub struct AccountQuery {
    /// Of this company.
    pub company: Option<CompanyId>,
    /// Which part.
    pub page: Page<AccountId>,
}

/// Whom limits or controls bind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// Someone of this kind: `program`, `company`, `user` or `card`.
    Kind(&'static str),
    /// This very one.
    One(Scope),
}

impl Bound {
    /// The kind of whom they bind.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Kind(kind) => kind,
            Self::One(scope) => scope.kind(),
        }
    }
}

/// Which limits, or controls.
#[derive(Clone, Debug)]
pub struct PolicyQuery<I> {
    /// That bind this company, its users or its cards.
    pub company: Option<CompanyId>,
    /// That bind this one, or this kind.
    pub bound: Option<Bound>,
    /// Which part.
    pub page: Page<I>,
}

/// Which submissions of people on their own.
#[derive(Clone, Debug)]
pub struct KycQuery {
    /// Of this person.
    pub user: Option<UserId>,
    /// In this state.
    pub status: Option<KycStatus>,
    /// Which part.
    pub page: Page<KycId>,
}

/// Which authorizations.
#[derive(Clone, Debug)]
pub struct AuthorizationQuery {
    /// On the account of this company.
    pub company: Option<CompanyId>,
    /// On this account.
    pub account: Option<AccountId>,
    /// Of this card.
    pub card: Option<CardId>,
    /// Approved ones, or declined ones.
    pub approved: Option<bool>,
    /// Decided at this time or later.
    pub from: Option<Timestamp>,
    /// Decided earlier than this.
    pub to: Option<Timestamp>,
    /// Nothing that was decided at `from` or later has a smaller id.
    pub floor: Uuid,
    /// Which part.
    pub page: Page<AuthorizationId>,
}

/// Which postings of an account.
#[derive(Clone, Debug)]
pub struct HistoryQuery {
    /// The account.
    pub account: AccountId,
    /// Which part.
    pub page: Page<Place>,
}

/// Lists. A home that does not keep a kind of object has none of it.
pub trait Lists: Send + Sync {
    /// Companies.
    fn companies(&self, query: CompanyQuery) -> StoreFuture<'_, Vec<Company>>;
    /// Users of one home.
    fn users(&self, query: UserQuery) -> StoreFuture<'_, Vec<User>>;
    /// Cards of one home.
    fn cards(&self, query: CardQuery) -> StoreFuture<'_, Vec<Card>>;
    /// Users by the platform's token or our id; names that nobody has are left out.
    fn users_named(&self, names: Vec<Token>) -> StoreFuture<'_, Vec<User>>;
    /// Cards, in the same way.
    fn cards_named(&self, names: Vec<Token>) -> StoreFuture<'_, Vec<Card>>;
    /// Accounts of companies, as last committed.
    fn accounts(&self, query: AccountQuery) -> StoreFuture<'_, Vec<Account>>;
    /// Wallets with what is on them.
    fn wallets(&self, page: Page<AccountId>) -> StoreFuture<'_, Vec<(Wallet, Account)>>;
    /// All wallets of these users.
    fn wallets_held_by(&self, users: Vec<UserId>) -> StoreFuture<'_, Vec<Wallet>>;
    /// Limits.
    fn limits_page(&self, query: PolicyQuery<LimitId>) -> StoreFuture<'_, Vec<Limit>>;
    /// All limits that bind any of these.
    fn limits_binding(&self, whom: Vec<Scope>) -> StoreFuture<'_, Vec<Limit>>;
    /// Controls.
    fn controls_page(&self, query: PolicyQuery<ControlId>) -> StoreFuture<'_, Vec<Control>>;
    /// What people have submitted.
    fn kyc_records(&self, query: KycQuery) -> StoreFuture<'_, Vec<KycRecord>>;
    /// Authorizations.
    fn authorizations(&self, query: AuthorizationQuery) -> StoreFuture<'_, Vec<Authorization>>;
    /// What has moved on an account.
    fn account_history(&self, query: HistoryQuery) -> StoreFuture<'_, Vec<Posting>>;
}

/// Lists of several stores as one: the newest of all, each id once.
pub fn newest<T>(lists: Vec<Vec<T>>, id: impl Fn(&T) -> Uuid, rows_max: u32) -> Vec<T> {
    let mut all: Vec<T> = lists.into_iter().flatten().collect();
    all.sort_by_key(|row| std::cmp::Reverse(id(row)));
    all.dedup_by_key(|row| id(row));
    all.truncate(usize::try_from(rows_max).unwrap_or(usize::MAX));
    all
}
