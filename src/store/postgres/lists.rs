//! Lists: pages of resources and of history. Each filter that may stand alone has a statement that
//! begins with its index. Authorizations have none by card or account: every purchase would pay for it.

use sqlx::FromRow;
use sqlx::Postgres;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::QueryAs;
use uuid::Uuid;

use super::error::translate;
use super::policies::subject_row;
use super::{PostgresStore, parties, rows};
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
    Lists, Page, PolicyQuery, UserQuery,
};
use crate::store::{StoreError, StoreFuture};

type Asked<'q, T> = QueryAs<'q, Postgres, T, PgArguments>;

/// The id that a page ends before.
fn before<I>(page: &Page<I>, uuid: impl Fn(&I) -> Uuid) -> Uuid {
    page.before.as_ref().map_or(Uuid::max(), uuid)
}

/// What people on their own have is kept in the other home.
fn nothing<T: Send + 'static>() -> StoreFuture<'static, Vec<T>> {
    Box::pin(std::future::ready(Ok(Vec::new())))
}

impl PostgresStore {
    async fn list<T>(&self, asked: Asked<'_, T>) -> Result<Vec<T>, StoreError>
    where
        T: for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        asked.fetch_all(&mut self.reader().await?).await.map_err(translate)
    }
}

impl Lists for PostgresStore {
    fn companies(&self, query: CompanyQuery) -> StoreFuture<'_, Vec<Company>> {
        Box::pin(async move {
            let sql = match (&query.company, &query.token) {
                (Some(_), _) => include_str!("sql/company_page.sql"),
                (None, Some(_)) => include_str!("sql/companies_by_token.sql"),
                (None, None) => include_str!("sql/companies_page.sql"),
            };
            let asked = sqlx::query_as(sql)
                .bind(before(&query.page, |id| id.uuid()))
                .bind(i64::from(query.page.rows_max))
                .bind(query.status.map(|status| status.as_str()))
                .bind(query.company.map(CompanyId::uuid))
                .bind(query.token.as_ref().map(|token| token.as_str()));
            self.list(asked).await?.into_iter().map(parties::company).collect()
        })
    }

    fn users(&self, query: UserQuery) -> StoreFuture<'_, Vec<User>> {
        if query.home != Home::Business {
            return nothing();
        }
        Box::pin(async move {
            let sql = match (&query.company, &query.status) {
                (Some(_), _) => include_str!("sql/users_by_company.sql"),
                (None, Some(_)) => include_str!("sql/users_by_status.sql"),
                (None, None) => include_str!("sql/users_page.sql"),
            };
            let asked = sqlx::query_as(sql)
                .bind(before(&query.page, |id| id.uuid()))
                .bind(i64::from(query.page.rows_max))
                .bind(query.company.map(CompanyId::uuid))
                .bind(query.status.map(|status| status.as_str()));
            self.list(asked).await?.into_iter().map(parties::user).collect()
        })
    }

    fn cards(&self, query: CardQuery) -> StoreFuture<'_, Vec<Card>> {
        if query.home != Home::Business {
            return nothing();
        }
        Box::pin(async move {
            let sql = match (&query.user, &query.account, &query.company, &query.status) {
                (Some(_), ..) => include_str!("sql/cards_by_user.sql"),
                (None, Some(_), ..) => include_str!("sql/cards_by_account.sql"),
                (None, None, Some(_), _) => include_str!("sql/cards_by_company.sql"),
                (None, None, None, Some(_)) => include_str!("sql/cards_by_status.sql"),
                (None, None, None, None) => include_str!("sql/cards_page.sql"),
            };
            let asked = sqlx::query_as(sql)
                .bind(before(&query.page, |id| id.uuid()))
                .bind(i64::from(query.page.rows_max))
                .bind(query.user.map(UserId::uuid))
                .bind(query.account.map(AccountId::uuid))
                .bind(query.status.map(|status| status.as_str()))
                .bind(query.company.map(CompanyId::uuid));
            self.list(asked).await?.into_iter().map(parties::card).collect()
        })
    }

    fn users_named(&self, names: Vec<Token>) -> StoreFuture<'_, Vec<User>> {
        Box::pin(self.find_users(names))
    }

    fn cards_named(&self, names: Vec<Token>) -> StoreFuture<'_, Vec<Card>> {
        Box::pin(self.find_cards(names))
    }

    fn accounts(&self, query: AccountQuery) -> StoreFuture<'_, Vec<Account>> {
        Box::pin(async move {
            let sql = match query.company {
                Some(_) => include_str!("sql/accounts_by_company.sql"),
                None => include_str!("sql/accounts_page.sql"),
            };
            let asked = sqlx::query_as(sql)
                .bind(before(&query.page, |id| id.uuid()))
                .bind(i64::from(query.page.rows_max))
                .bind(query.company.map(CompanyId::uuid));
            self.list(asked).await?.into_iter().map(rows::account).collect()
        })
    }

    fn wallets(&self, _page: Page<AccountId>) -> StoreFuture<'_, Vec<(Wallet, Account)>> {
        nothing()
    }

    fn wallets_held_by(&self, _users: Vec<UserId>) -> StoreFuture<'_, Vec<Wallet>> {
        nothing()
    }

    fn limits_binding(&self, whom: Vec<Scope>) -> StoreFuture<'_, Vec<Limit>> {
        Box::pin(async move {
            let whom: Vec<Uuid> = whom.into_iter().map(subject_row).collect();
            let asked = sqlx::query_as(include_str!("sql/limits_binding.sql")).bind(whom);
            let rows = self.list(asked).await?;
            rows.into_iter().map(|(body,): (String,)| rows::json(&body)).collect()
        })
    }

    fn limits_page(&self, query: PolicyQuery<LimitId>) -> StoreFuture<'_, Vec<Limit>> {
        Box::pin(async move {
            let sql = match (query.bound, query.company) {
                (Some(Bound::One(_)), _) => include_str!("sql/limits_by_scope.sql"),
                (_, Some(_)) => include_str!("sql/limits_by_company.sql"),
                (Some(Bound::Kind(_)), None) => include_str!("sql/limits_by_kind.sql"),
                (None, None) => include_str!("sql/limits_page.sql"),
            };
            let end = before(&query.page, |id| id.uuid());
            let rows = self.list(policies(sqlx::query_as(sql), end, &query)).await?;
            rows.into_iter().map(|(body,): (String,)| rows::json(&body)).collect()
        })
    }

    fn controls_page(&self, query: PolicyQuery<ControlId>) -> StoreFuture<'_, Vec<Control>> {
        Box::pin(async move {
            let sql = match (query.bound, query.company) {
                (Some(Bound::One(_)), _) => include_str!("sql/controls_by_scope.sql"),
                (_, Some(_)) => include_str!("sql/controls_by_company.sql"),
                (Some(Bound::Kind(_)), None) => include_str!("sql/controls_by_kind.sql"),
                (None, None) => include_str!("sql/controls_page.sql"),
            };
            let end = before(&query.page, |id| id.uuid());
            let rows = self.list(policies(sqlx::query_as(sql), end, &query)).await?;
            rows.into_iter().map(|(body,): (String,)| rows::json(&body)).collect()
        })
    }

    fn kyc_records(&self, _query: KycQuery) -> StoreFuture<'_, Vec<KycRecord>> {
        nothing()
    }

    fn authorizations(&self, query: AuthorizationQuery) -> StoreFuture<'_, Vec<Authorization>> {
        // What is asked of the other home's account is not here.
        if query.account.is_some_and(|account| account.home() != Home::Business) {
            return nothing();
        }
        Box::pin(async move {
            let sql = match (&query.card, &query.account, &query.company) {
                (Some(_), ..) => include_str!("sql/authorizations_by_card.sql"),
                (None, Some(_), _) => include_str!("sql/authorizations_by_account.sql"),
                (None, None, Some(_)) => include_str!("sql/authorizations_by_company.sql"),
                (None, None, None) => include_str!("sql/authorizations_page.sql"),
            };
            let asked = sqlx::query_as(sql)
                .bind(before(&query.page, |id: &AuthorizationId| id.uuid()))
                .bind(i64::from(query.page.rows_max))
                .bind(query.card.map(CardId::uuid))
                .bind(query.account.map(AccountId::uuid))
                .bind(query.approved)
                .bind(query.from.map_or(i64::MIN, Timestamp::as_micros))
                .bind(query.to.map_or(i64::MAX, Timestamp::as_micros))
                .bind(query.floor)
                .bind(query.company.map(CompanyId::uuid));
            self.list(asked).await?.into_iter().map(rows::authorization).collect()
        })
    }

    fn account_history(&self, query: HistoryQuery) -> StoreFuture<'_, Vec<Posting>> {
        if query.account.home() != Home::Business {
            return nothing();
        }
        Box::pin(async move {
            let before = query.page.before;
            let number =
                before.map_or(i32::MAX, |place| place.number.try_into().unwrap_or(i32::MAX));
            let asked = sqlx::query_as(include_str!("sql/account_history.sql"))
                .bind(query.account.uuid())
                .bind(before.map_or(i64::MAX, |place| place.at.as_micros()))
                .bind(before.map_or(Uuid::max(), |place| place.source.uuid()))
                .bind(number)
                .bind(i64::from(query.page.rows_max));
            self.list(asked).await?.into_iter().map(rows::posting).collect()
        })
    }
}

fn policies<'q, I>(
    asked: Asked<'q, (String,)>,
    before: Uuid,
    query: &PolicyQuery<I>,
) -> Asked<'q, (String,)> {
    let one = match query.bound {
        Some(Bound::One(scope)) => Some(subject_row(scope)),
        Some(Bound::Kind(_)) | None => None,
    };
    asked
        .bind(before)
        .bind(i64::from(query.page.rows_max))
        .bind(one)
        .bind(query.bound.map(Bound::kind))
        .bind(query.company.map(CompanyId::uuid))
}
