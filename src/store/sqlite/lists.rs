//! Lists: pages of resources and of history. Each filter that may stand alone has a statement that
//! begins with its index.

use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::SqliteStore;
use super::encode::keys;
use super::parties::{self, CardRow, CompanyRow, UserRow, WalletRow};
use super::query::{Asked, ask, many};
use super::rows::{self, AccountRow, AuthorizationRow, PostingRow};
use crate::domain::authorization::Authorization;
use crate::domain::id::{
    AccountId, AuthorizationId, CardId, CompanyId, ControlId, Home, LimitId, UserId,
};
use crate::domain::kyc::KycRecord;
use crate::domain::party::{Account, Card, Company, User, Wallet};
use crate::domain::policy::{Control, Limit, Scope};
use crate::domain::posting::Posting;
use crate::domain::time::Timestamp;
use crate::domain::token::Token;
use crate::store::lists::{
    AccountQuery, AuthorizationQuery, Bound, CardQuery, CompanyQuery, HistoryQuery, KycQuery,
    Lists, Page, PolicyQuery, UserQuery, newest,
};
use crate::store::{StoreError, StoreFuture};

/// Comes after every id of its prefix.
fn end(prefix: &str) -> String {
    format!("{prefix}~")
}

/// The id that a page ends before.
fn before<I: ToString>(page: &Page<I>, prefix: &str) -> String {
    page.before.as_ref().map_or_else(|| end(prefix), I::to_string)
}

fn text(value: Option<impl ToString>) -> Option<String> {
    value.map(|value| value.to_string())
}

/// Whose prefix a kind of subject has.
fn prefix(kind: &str) -> &str {
    match kind {
        "company" => CompanyId::PREFIX,
        "user" => UserId::PREFIX,
        "card" => CardId::PREFIX,
        _ => "prog",
    }
}

impl SqliteStore {
    async fn list<T: DeserializeOwned>(&self, asked: Asked) -> Result<Vec<T>, StoreError> {
        many(&mut *self.reader().await?, asked).await
    }
}

impl Lists for SqliteStore {
    fn companies(&self, query: CompanyQuery) -> StoreFuture<'_, Vec<Company>> {
        Box::pin(async move {
            let sql = match (&query.company, &query.token) {
                (Some(_), _) => include_str!("sql/company_page.sql"),
                (None, Some(_)) => include_str!("sql/companies_by_token.sql"),
                (None, None) => include_str!("sql/companies_page.sql"),
            };
            let asked = ask(sql)
                .bind(before(&query.page, CompanyId::PREFIX))
                .bind(query.page.rows_max)
                .bind(query.status.map(|status| status.as_str()))
                .bind(text(query.company))
                .bind(text(query.token));
            let rows: Vec<CompanyRow> = self.list(asked).await?;
            Ok(rows.into_iter().map(parties::company).collect())
        })
    }

    fn users(&self, query: UserQuery) -> StoreFuture<'_, Vec<User>> {
        Box::pin(async move {
            let sql = match (&query.company, &query.status) {
                (Some(_), _) => include_str!("sql/users_by_company.sql"),
                (None, Some(_)) => include_str!("sql/users_by_status.sql"),
                (None, None) => include_str!("sql/users_page.sql"),
            };
            let asked = ask(sql)
                .bind(before(&query.page, UserId::PREFIX))
                .bind(query.page.rows_max)
                .bind(text(query.company))
                .bind(query.status.map(|status| status.as_str()))
                .bind(query.home == Home::Personal);
            let rows: Vec<UserRow> = self.list(asked).await?;
            Ok(rows.into_iter().map(parties::user).collect())
        })
    }

    fn cards(&self, query: CardQuery) -> StoreFuture<'_, Vec<Card>> {
        Box::pin(async move {
            let sql = match (&query.user, &query.account, &query.company, &query.status) {
                (Some(_), ..) => include_str!("sql/cards_by_user.sql"),
                (None, Some(_), ..) => include_str!("sql/cards_by_account.sql"),
                (None, None, Some(_), _) => include_str!("sql/cards_by_company.sql"),
                (None, None, None, Some(_)) => include_str!("sql/cards_by_status.sql"),
                (None, None, None, None) => include_str!("sql/cards_page.sql"),
            };
            let accounts = match query.home {
                Home::Business => "acc_b%",
                Home::Personal => "acc_p%",
            };
            let asked = ask(sql)
                .bind(before(&query.page, CardId::PREFIX))
                .bind(query.page.rows_max)
                .bind(text(query.user))
                .bind(text(query.account))
                .bind(query.status.map(|status| status.as_str()))
                .bind(text(query.company))
                .bind(accounts);
            let rows: Vec<CardRow> = self.list(asked).await?;
            Ok(rows.into_iter().map(parties::card).collect())
        })
    }

    fn users_named(&self, names: Vec<Token>) -> StoreFuture<'_, Vec<User>> {
        Box::pin(async move {
            let asked = ask(include_str!("sql/users_named.sql")).bind(keys(&names));
            let rows: Vec<UserRow> = self.list(asked).await?;
            Ok(rows.into_iter().map(parties::user).collect())
        })
    }

    fn cards_named(&self, names: Vec<Token>) -> StoreFuture<'_, Vec<Card>> {
        Box::pin(async move {
            let asked = ask(include_str!("sql/cards_named.sql")).bind(keys(&names));
            let rows: Vec<CardRow> = self.list(asked).await?;
            Ok(rows.into_iter().map(parties::card).collect())
        })
    }

    fn accounts(&self, query: AccountQuery) -> StoreFuture<'_, Vec<Account>> {
        Box::pin(async move {
            let sql = match query.company {
                Some(_) => include_str!("sql/accounts_by_company.sql"),
                None => include_str!("sql/accounts_page.sql"),
            };
            let asked = ask(sql)
                .bind(before(&query.page, "acc_b"))
                .bind(query.page.rows_max)
                .bind(text(query.company));
            let rows: Vec<AccountRow> = self.list(asked).await?;
            Ok(rows.into_iter().map(rows::account).collect())
        })
    }

    fn wallets(&self, page: Page<AccountId>) -> StoreFuture<'_, Vec<(Wallet, Account)>> {
        Box::pin(async move {
            let asked = ask(include_str!("sql/wallets_page.sql"))
                .bind(before(&page, "acc_p"))
                .bind(page.rows_max);
            let rows: Vec<(WalletRow, AccountRow)> = self.list(asked).await?;
            let whole = |(wallet, account)| (parties::wallet(wallet), rows::account(account));
            Ok(rows.into_iter().map(whole).collect())
        })
    }

    fn wallets_held_by(&self, users: Vec<UserId>) -> StoreFuture<'_, Vec<Wallet>> {
        Box::pin(async move {
            let asked = ask(include_str!("sql/wallets_held_by.sql")).bind(keys(users));
            let rows: Vec<WalletRow> = self.list(asked).await?;
            Ok(rows.into_iter().map(parties::wallet).collect())
        })
    }

    fn limits_binding(&self, whom: Vec<Scope>) -> StoreFuture<'_, Vec<Limit>> {
        Box::pin(self.list(ask(include_str!("sql/limits_binding.sql")).bind(keys(whom))))
    }

    fn limits_page(&self, query: PolicyQuery<LimitId>) -> StoreFuture<'_, Vec<Limit>> {
        let sql = match (query.bound, query.company) {
            (Some(Bound::One(_)), _) => include_str!("sql/limits_by_scope.sql"),
            (_, Some(_)) => include_str!("sql/limits_by_company.sql"),
            (Some(Bound::Kind(_)), None) => include_str!("sql/limits_by_kind.sql"),
            (None, None) => include_str!("sql/limits_page.sql"),
        };
        Box::pin(self.list(policies(ask(sql), &query, LimitId::PREFIX)))
    }

    fn controls_page(&self, query: PolicyQuery<ControlId>) -> StoreFuture<'_, Vec<Control>> {
        let sql = match (query.bound, query.company) {
            (Some(Bound::One(_)), _) => include_str!("sql/controls_by_scope.sql"),
            (_, Some(_)) => include_str!("sql/controls_by_company.sql"),
            (Some(Bound::Kind(_)), None) => include_str!("sql/controls_by_kind.sql"),
            (None, None) => include_str!("sql/controls_page.sql"),
        };
        Box::pin(self.list(policies(ask(sql), &query, ControlId::PREFIX)))
    }

    fn kyc_records(&self, query: KycQuery) -> StoreFuture<'_, Vec<KycRecord>> {
        Box::pin(self.kyc_page(query))
    }

    fn authorizations(&self, query: AuthorizationQuery) -> StoreFuture<'_, Vec<Authorization>> {
        Box::pin(async move {
            let sql = match (&query.card, &query.account, &query.company) {
                (Some(_), ..) => include_str!("sql/authorizations_by_card.sql"),
                (None, Some(_), _) => include_str!("sql/authorizations_by_account.sql"),
                (None, None, Some(_)) => include_str!("sql/authorizations_by_company.sql"),
                (None, None, None) => return self.all_authorizations(&query).await,
            };
            // All of them are of one home, and lie in the order of their arrival.
            let before = text(query.page.before);
            let rows: Vec<AuthorizationRow> =
                self.list(decided(ask(sql), &query, before, None)).await?;
            Ok(rows.into_iter().map(rows::authorization).collect())
        })
    }

    fn account_history(&self, query: HistoryQuery) -> StoreFuture<'_, Vec<Posting>> {
        Box::pin(async move {
            let before = query.page.before;
            let asked = ask(include_str!("sql/account_history.sql"))
                .bind(query.account.to_string())
                .bind(before.map_or(i64::MAX, |place| place.at.as_micros()))
                .bind(before.map_or_else(|| end("aut_"), |place| place.source.to_string()))
                .bind(before.map_or(u32::MAX, |place| place.number))
                .bind(query.page.rows_max);
            let rows: Vec<PostingRow> = self.list(asked).await?;
            rows.into_iter().map(rows::posting).collect()
        })
    }
}

impl SqliteStore {
    /// Each home's ids are a range of their own.
    async fn all_authorizations(
        &self,
        query: &AuthorizationQuery,
    ) -> Result<Vec<Authorization>, StoreError> {
        let mut homes = Vec::new();
        for home in Home::ALL {
            let before = query.page.before.map_or(Uuid::max(), |id| id.uuid());
            let [before, floor] =
                [before, query.floor].map(|id| AuthorizationId::new(home, id).to_string());
            let asked = ask(include_str!("sql/authorizations_page.sql"));
            let rows: Vec<AuthorizationRow> =
                self.list(decided(asked, query, Some(before), Some(floor))).await?;
            homes.push(rows.into_iter().map(rows::authorization).collect());
        }
        Ok(newest(homes, |row: &Authorization| row.id.uuid(), query.page.rows_max))
    }
}

fn policies<I: ToString>(asked: Asked, query: &PolicyQuery<I>, own: &str) -> Asked {
    let one = match query.bound {
        Some(Bound::One(scope)) => Some(scope.to_string()),
        Some(Bound::Kind(_)) | None => None,
    };
    asked
        .bind(before(&query.page, own))
        .bind(query.page.rows_max)
        .bind(one)
        .bind(query.bound.map(|bound| prefix(bound.kind()).to_owned()))
        .bind(text(query.company))
}

fn decided(
    asked: Asked,
    query: &AuthorizationQuery,
    before: Option<String>,
    floor: Option<String>,
) -> Asked {
    asked
        .bind(before)
        .bind(query.page.rows_max)
        .bind(text(query.card))
        .bind(text(query.account))
        .bind(query.approved)
        .bind(query.from.map_or(i64::MIN, Timestamp::as_micros))
        .bind(query.to.map_or(i64::MAX, Timestamp::as_micros))
        .bind(floor)
        .bind(text(query.company))
}
