//! The resource port: reads from the pool, writes in transactions that nobody can cancel. The
//! statements are in `parties` and `policies`.

use std::sync::Arc;

use sqlx::FromRow;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::error::translate;
use super::{PostgresStore, bulk, parties, policies, rows};
use crate::domain::audit::Record;
use crate::domain::id::{AccountId, CardId, CompanyId, ControlId, Home, LimitId, UserId};
use crate::domain::party::{Account, Card, Company, User, Wallet};
use crate::domain::policy::{Control, Limit, PolicyStamp};
use crate::store::{ResourceStore, StoreError, StoreFuture};

/// Wallets are of the other home: whoever asks for them here has gone the wrong way.
fn personal<T>() -> StoreFuture<'static, T> {
    Box::pin(async { Err(StoreError::Failed("wallets are not kept here".into())) })
}

impl PostgresStore {
    async fn find<T>(&self, sql: &'static str, id: Uuid) -> Result<Option<T>, StoreError>
    where
        T: for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        let asked = sqlx::query_as(sql).bind(id);
        asked.fetch_optional(&mut self.reader().await?).await.map_err(translate)
    }
}

impl ResourceStore for PostgresStore {
    fn recording(&self, record: &Arc<Record>) -> Option<Arc<dyn ResourceStore>> {
        Some(Arc::new(self.recording_with(Some(Arc::clone(record)))))
    }

    fn insert_company(
        &self,
        company: Company,
        account: Account,
    ) -> StoreFuture<'_, Vec<PolicyStamp>> {
        let write = self.write(move |connection| {
            Box::pin(parties::insert_company(connection, company, account))
        });
        Box::pin(write)
    }

    fn company(&self, id: CompanyId) -> StoreFuture<'_, Option<Company>> {
        Box::pin(async move {
            let row = self.find(include_str!("sql/company_find.sql"), id.uuid()).await?;
            row.map(parties::company).transpose()
        })
    }

    fn update_company(&self, company: Company) -> StoreFuture<'_, Vec<PolicyStamp>> {
        Box::pin(
            self.write(move |connection| Box::pin(parties::update_company(connection, company))),
        )
    }

    fn insert_user(&self, user: User) -> StoreFuture<'_, Vec<PolicyStamp>> {
        Box::pin(self.write(move |connection| Box::pin(parties::insert_user(connection, user))))
    }

    fn user_record(&self, id: UserId) -> StoreFuture<'_, Option<User>> {
        Box::pin(async move {
            let row = self.find(include_str!("sql/user_find.sql"), id.uuid()).await?;
            row.map(parties::user).transpose()
        })
    }

    fn update_user(&self, user: User) -> StoreFuture<'_, Vec<PolicyStamp>> {
        Box::pin(self.write(move |connection| Box::pin(parties::update_user(connection, user))))
    }

    fn insert_card(&self, card: Card) -> StoreFuture<'_, Vec<PolicyStamp>> {
        Box::pin(self.write(move |connection| Box::pin(parties::insert_card(connection, card))))
    }

    fn card_record(&self, id: CardId) -> StoreFuture<'_, Option<Card>> {
        Box::pin(async move {
            let row = self.find(include_str!("sql/card_find.sql"), id.uuid()).await?;
            row.map(parties::card).transpose()
        })
    }

    fn update_card(&self, card: Card) -> StoreFuture<'_, Vec<PolicyStamp>> {
        Box::pin(self.write(move |connection| Box::pin(parties::update_card(connection, card))))
    }

    fn insert_wallet(
        &self,
        _wallet: Wallet,
        _account: Account,
    ) -> StoreFuture<'_, Vec<PolicyStamp>> {
        personal()
    }

    fn wallet(&self, _account: AccountId) -> StoreFuture<'_, Option<Wallet>> {
        personal()
    }

    fn wallets_of(&self, _user: UserId) -> StoreFuture<'_, Vec<Wallet>> {
        personal()
    }

    fn update_wallet(&self, _wallet: Wallet) -> StoreFuture<'_, Vec<PolicyStamp>> {
        personal()
    }

    fn account(&self, id: AccountId) -> StoreFuture<'_, Option<Account>> {
        Box::pin(async move {
            if id.home() != Home::Business {
                return Ok(None);
            }
            let row = self.find(include_str!("sql/account_find.sql"), id.uuid()).await?;
            row.map(rows::account).transpose()
        })
    }

    fn insert_limit(&self, limit: Limit) -> StoreFuture<'_, Vec<PolicyStamp>> {
        Box::pin(self.write(move |connection| Box::pin(policies::insert_limit(connection, limit))))
    }

    fn limit(&self, id: LimitId) -> StoreFuture<'_, Option<Limit>> {
        Box::pin(async move {
            let row = self.find(include_str!("sql/limit_find.sql"), id.uuid()).await?;
            row.map(|(body,): (String,)| rows::json(&body)).transpose()
        })
    }

    fn update_limit(&self, limit: Limit) -> StoreFuture<'_, Vec<PolicyStamp>> {
        Box::pin(self.write(move |connection| Box::pin(policies::update_limit(connection, limit))))
    }

    fn delete_limit(&self, id: LimitId) -> StoreFuture<'_, Option<Vec<PolicyStamp>>> {
        Box::pin(self.write(move |connection| Box::pin(policies::delete_limit(connection, id))))
    }

    fn insert_users(&self, users: Vec<User>) -> StoreFuture<'_, Vec<PolicyStamp>> {
        Box::pin(self.write(move |connection| Box::pin(bulk::insert_users(connection, users))))
    }

    fn insert_cards(&self, cards: Vec<Card>) -> StoreFuture<'_, Vec<PolicyStamp>> {
        Box::pin(self.write(move |connection| Box::pin(bulk::insert_cards(connection, cards))))
    }

    fn insert_limits(&self, limits: Vec<Limit>) -> StoreFuture<'_, Vec<PolicyStamp>> {
        Box::pin(self.write(move |connection| Box::pin(bulk::insert_limits(connection, limits))))
    }

    fn insert_control(&self, control: Control) -> StoreFuture<'_, Vec<PolicyStamp>> {
        Box::pin(
            self.write(move |connection| Box::pin(policies::insert_control(connection, control))),
        )
    }

    fn control(&self, id: ControlId) -> StoreFuture<'_, Option<Control>> {
        Box::pin(async move {
            let row = self.find(include_str!("sql/control_find.sql"), id.uuid()).await?;
            row.map(|(body,): (String,)| rows::json(&body)).transpose()
        })
    }

    fn update_control(&self, control: Control) -> StoreFuture<'_, Vec<PolicyStamp>> {
        Box::pin(
            self.write(move |connection| Box::pin(policies::update_control(connection, control))),
        )
    }

    fn delete_control(&self, id: ControlId) -> StoreFuture<'_, Option<Vec<PolicyStamp>>> {
        Box::pin(self.write(move |connection| Box::pin(policies::delete_control(connection, id))))
    }
}
