//! Lists: what a query names is looked up, and a page is read with one row more, which tells whether
//! there is another page. Names that nobody has find nothing.

use std::fmt::Display;

use uuid::Uuid;

use super::Service;
use super::error::Error;
use crate::domain::authorization::Authorization;
use crate::domain::id::{AccountId, CardId, CompanyId, ControlId, Home, LimitId, UserId};
use crate::domain::party::{Account, Card, Company, User, Wallet};
use crate::domain::policy::{Control, Limit, Scope};
use crate::domain::posting::{Place, Posting};
use crate::domain::time::Timestamp;
use crate::domain::token::Token;
use crate::store::lists::{
    AccountQuery, AuthorizationQuery, Bound, CardQuery, CompanyQuery, HistoryQuery, Page,
    PolicyQuery, UserQuery,
};
use crate::wire::v1::limit::ScopeRef;
use crate::wire::v1::lists::{
    AccountList, AuthorizationList, BoundRef, CONTROLS, CardList, CompanyList, HISTORY, LIMITS,
    PolicyList, UserList, WalletList,
};
use crate::wire::v1::query::{self, PageOf};

/// How much earlier or later than its decision an id may have been drawn: requests wait for seconds
/// at most, and clocks of instances and stores differ less.
const DRAWN_WITHIN_US: i64 = 3_600_000_000;

/// A page of a list.
pub struct Listed<T> {
    /// What was found.
    pub items: Vec<T>,
    /// The cursor of what follows; `None` at the end.
    pub next: Option<String>,
}

impl<T> Listed<T> {
    const fn nothing() -> Self {
        Self { items: Vec::new(), next: None }
    }

    /// Rows of a page that was asked for with one more than it shows.
    pub(super) fn of<I: Display>(
        name: &str,
        mut items: Vec<T>,
        limit: u32,
        id: impl Fn(&T) -> I,
    ) -> Self {
        let next = cut(&mut items, limit).map(|last| query::cursor(name, &id(last)));
        Self { items, next }
    }
}

/// How many rows are read for a page: one more than it shows.
pub const fn rows(limit: u32) -> u32 {
    limit.saturating_add(1)
}

/// Cuts what was read down to a page. Its last row, where something follows it.
pub fn cut<T>(read: &mut Vec<T>, limit: u32) -> Option<&T> {
    let shown = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = read.len() > shown;
    read.truncate(shown);
    read.last().filter(|_| more)
}

/// The rows of a page.
pub(super) const fn page<I: Copy>(asked: &PageOf<I>) -> Page<I> {
    Page { before: asked.cursor, rows_max: rows(asked.limit) }
}

/// The only object that a page may show: it can not stand behind its own end.
fn only<T, I: PartialOrd + Display>(
    name: &str,
    found: Option<T>,
    asked: &PageOf<I>,
    id: impl Fn(&T) -> I,
) -> Listed<T> {
    let found = found.filter(|row| asked.cursor.as_ref().is_none_or(|end| id(row) < *end));
    Listed::of(name, found.into_iter().collect(), asked.limit, id)
}

impl Service {
    /// The company that a caller may look at: its own, where it is bound to one. `None`: it asks for
    /// another's, of which it sees nothing.
    fn confined(&self, asked: Option<CompanyId>) -> Option<Option<CompanyId>> {
        match (self.reach.company(), asked) {
            (None, asked) => Some(asked),
            (Some(own), None) => Some(Some(own)),
            (Some(own), Some(asked)) => (own == asked).then_some(Some(own)),
        }
    }

    /// Companies.
    pub async fn list_companies(&self, asked: CompanyList) -> Result<Listed<Company>, Error> {
        let Some(company) = self.confined(asked.company) else { return Ok(Listed::nothing()) };
        let query = CompanyQuery {
            company,
            status: asked.status,
            token: asked.marqeta_token,
            page: page(&asked.page),
        };
        let found = self.lists.companies(query).await?;
        Ok(Listed::of(CompanyList::NAME, found, asked.page.limit, |row| row.id))
    }

    /// Users of a home.
    pub async fn list_users(&self, home: Home, asked: UserList) -> Result<Listed<User>, Error> {
        let Some(company) = self.confined(asked.company) else { return Ok(Listed::nothing()) };
        let asked = UserList { company, ..asked };
        if let Some(token) = &asked.marqeta_token {
            let found = self.find_user(token).await?.filter(|user| {
                user.marqeta_token.as_ref() == Some(token)
                    && user.home() == home
                    && asked.company.is_none_or(|company| user.company == Some(company))
                    && asked.status.is_none_or(|status| user.status == status)
            });
            return Ok(only(UserList::NAME, found, &asked.page, |row| row.id));
        }
        let query = UserQuery {
            home,
            company: asked.company,
            status: asked.status,
            page: page(&asked.page),
        };
        let found = self.lists.users(query).await?;
        Ok(Listed::of(UserList::NAME, found, asked.page.limit, |row| row.id))
    }

    /// Cards of a home.
    pub async fn list_cards(&self, home: Home, asked: CardList) -> Result<Listed<Card>, Error> {
        let Some(company) = self.confined(asked.company) else { return Ok(Listed::nothing()) };
        let asked = CardList { company, ..asked };
        let user = match self.user_named(asked.user.as_ref()).await? {
            Named::Nobody => return Ok(Listed::nothing()),
            Named::One(id) => Some(id),
            Named::Anybody => None,
        };
        if let Some(token) = &asked.marqeta_token {
            let account = match asked.company {
                Some(company) => Some(self.account_of_company(company).await?),
                None => None,
            };
            let found = self.find_card(token).await?.filter(|card| {
                card.marqeta_token.as_ref() == Some(token)
                    && card.account.home() == home
                    && user.is_none_or(|user| card.user == user)
                    && account.is_none_or(|account| Some(card.account) == account)
                    && asked.account.is_none_or(|account| card.account == account)
                    && asked.status.is_none_or(|status| card.status == status)
            });
            return Ok(only(CardList::NAME, found, &asked.page, |row| row.id));
        }
        let query = CardQuery {
            home,
            company: asked.company,
            user,
            account: asked.account,
            status: asked.status,
            page: page(&asked.page),
        };
        let found = self.lists.cards(query).await?;
        Ok(Listed::of(CardList::NAME, found, asked.page.limit, |row| row.id))
    }

    /// Accounts of companies.
    pub async fn list_accounts(&self, asked: AccountList) -> Result<Listed<Account>, Error> {
        let Some(company) = self.confined(asked.company) else { return Ok(Listed::nothing()) };
        let asked = AccountList { company, ..asked };
        let query = AccountQuery { company: asked.company, page: page(&asked.page) };
        let found = self.lists.accounts(query).await?;
        Ok(Listed::of(AccountList::NAME, found, asked.page.limit, |row| row.id))
    }

    /// Wallets with what is on them.
    pub async fn list_wallets(
        &self,
        asked: WalletList,
    ) -> Result<Listed<(Wallet, Account)>, Error> {
        let found = match self.user_named(asked.user.as_ref()).await? {
            Named::Nobody => return Ok(Listed::nothing()),
            Named::One(user) => self.wallets_before(user, &asked.page).await?,
            Named::Anybody => self.lists.wallets(page(&asked.page)).await?,
        };
        Ok(Listed::of(WalletList::NAME, found, asked.page.limit, |row| row.0.account))
    }

    /// Limits.
    pub async fn list_limits(&self, asked: PolicyList<LimitId>) -> Result<Listed<Limit>, Error> {
        let limit = asked.page.limit;
        let Some(query) = self.policy_query(asked).await? else { return Ok(Listed::nothing()) };
        let found = self.lists.limits_page(query).await?;
        Ok(Listed::of(LIMITS, found, limit, |row| row.id))
    }

    /// Controls.
    pub async fn list_controls(
        &self,
        asked: PolicyList<ControlId>,
    ) -> Result<Listed<Control>, Error> {
        let limit = asked.page.limit;
        let Some(query) = self.policy_query(asked).await? else { return Ok(Listed::nothing()) };
        let found = self.lists.controls_page(query).await?;
        Ok(Listed::of(CONTROLS, found, limit, |row| row.id))
    }

    /// Authorizations of both homes.
    pub async fn list_authorizations(
        &self,
        asked: AuthorizationList,
    ) -> Result<Listed<Authorization>, Error> {
        let Some(company) = self.confined(asked.company) else { return Ok(Listed::nothing()) };
        let asked = AuthorizationList { company, ..asked };
        let card = match self.card_named(asked.card.as_ref()).await? {
            Named::Nobody => return Ok(Listed::nothing()),
            Named::One(id) => Some(id),
            Named::Anybody => None,
        };
        let query = AuthorizationQuery {
            company: asked.company,
            account: asked.account,
            card,
            approved: asked.approved,
            from: asked.from,
            to: asked.to,
            floor: asked.from.map_or(Uuid::nil(), |from| drawn(from.plus_micros(-DRAWN_WITHIN_US))),
            page: page(&asked.page),
        };
        let found = self.lists.authorizations(query).await?;
        Ok(Listed::of(AuthorizationList::NAME, found, asked.page.limit, |row| row.id))
    }

    /// What has moved on an account, latest first.
    pub async fn account_history(
        &self,
        account: AccountId,
        asked: PageOf<Place>,
    ) -> Result<Listed<Posting>, Error> {
        self.account(account).await?;
        let query = HistoryQuery { account, page: page(&asked) };
        let found = self.lists.account_history(query).await?;
        Ok(Listed::of(HISTORY, found, asked.limit, Posting::place))
    }

    /// What has moved in a wallet, latest first.
    pub async fn wallet_history(
        &self,
        wallet: AccountId,
        asked: PageOf<Place>,
    ) -> Result<Listed<Posting>, Error> {
        self.resources.wallet(wallet).await?.ok_or(Error::NotFound(None))?;
        self.account_history(wallet, asked).await
    }

    /// A person has few wallets: all are read.
    async fn wallets_before(
        &self,
        user: UserId,
        asked: &PageOf<AccountId>,
    ) -> Result<Vec<(Wallet, Account)>, Error> {
        let mut wallets = self.resources.wallets_of(user).await?;
        wallets.retain(|wallet| asked.cursor.is_none_or(|end| wallet.account < end));
        wallets.sort_by_key(|wallet| std::cmp::Reverse(wallet.account));
        let rows_max = usize::try_from(page(asked).rows_max).unwrap_or(usize::MAX);
        wallets.truncate(rows_max);
        let mut found = Vec::with_capacity(wallets.len());
        for wallet in wallets {
            let account = self.account(wallet.account).await?;
            found.push((wallet, account));
        }
        Ok(found)
    }

    /// `None`: what is named is not there, and so binds nobody.
    async fn policy_query<I: Copy>(
        &self,
        asked: PolicyList<I>,
    ) -> Result<Option<PolicyQuery<I>>, Error> {
        let Some(company) = self.confined(asked.company) else { return Ok(None) };
        let bound = match asked.bound {
            None => None,
            Some(BoundRef::Kind(kind)) => Some(Bound::Kind(kind)),
            Some(BoundRef::One(scope)) => match self.scope_named(scope).await? {
                Some(scope) => Some(Bound::One(scope)),
                None => return Ok(None),
            },
        };
        Ok(Some(PolicyQuery { company, bound, page: page(&asked.page) }))
    }

    async fn scope_named(&self, scope: ScopeRef) -> Result<Option<Scope>, Error> {
        match self.scope(scope).await {
            Ok(scope) => Ok(Some(scope)),
            Err(Error::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn user_named(&self, name: Option<&Token>) -> Result<Named<UserId>, Error> {
        let Some(name) = name else { return Ok(Named::Anybody) };
        let found = self.find_user(name).await?;
        Ok(found.map_or(Named::Nobody, |user| Named::One(user.id)))
    }

    async fn card_named(&self, name: Option<&Token>) -> Result<Named<CardId>, Error> {
        let Some(name) = name else { return Ok(Named::Anybody) };
        let found = self.find_card(name).await?;
        Ok(found.map_or(Named::Nobody, |card| Named::One(card.id)))
    }

    async fn account_of_company(&self, id: CompanyId) -> Result<Option<AccountId>, Error> {
        Ok(self.resources.company(id).await?.map(|company| company.account))
    }
}

/// What a filter names.
enum Named<I> {
    /// Nothing: there is no such filter.
    Anybody,
    /// Something that is not there.
    Nobody,
    /// This.
    One(I),
}

/// The smallest id that may be drawn at a time: ids begin with 48 bits of milliseconds.
fn drawn(at: Timestamp) -> Uuid {
    let millis = u128::try_from(at.as_micros() / 1_000).unwrap_or(0);
    Uuid::from_u128(millis << 80)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_page_has_a_next_one_only_where_something_follows() {
        for (read, shown, last) in [(0, 0, None), (1, 1, None), (2, 2, None), (rows(2), 2, Some(1))]
        {
            let mut read: Vec<u32> = (0..read).collect();
            assert_eq!(cut(&mut read, 2).copied(), last);
            assert_eq!(read.len(), shown);
        }
    }
}
