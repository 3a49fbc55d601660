//! The resource port: reads from a reader, writes in the writer's next transaction. The statements
//! are in `parties` and `policies`.

use std::sync::Arc;

use super::query::{ask, many, one};
use super::{SqliteStore, kyc, parties, policies};
use crate::domain::audit::Record;
use crate::domain::id::{AccountId, CardId, CompanyId, ControlId, KycId, LimitId, UserId};
use crate::domain::kyc::{KycGrant, KycRecord};
use crate::domain::party::{Account, Card, Company, User, Wallet};
use crate::domain::policy::{Control, Limit, PolicyStamp};
use crate::store::{ResourceStore, StoreFuture};

impl ResourceStore for SqliteStore {
    fn recording(&self, record: &Arc<Record>) -> Option<Arc<dyn ResourceStore>> {
        Some(Arc::new(self.recording_with(Some(Arc::clone(record)))))
    }

    fn insert_company(
        &self,
        company: Company,
        account: Account,
    ) -> StoreFuture<'_, Vec<PolicyStamp>> {
        let write = self.jobs.write(move |connection| {
            Box::pin(parties::insert_company(connection, company, account))
        });
        Box::pin(write)
    }

    fn company(&self, id: CompanyId) -> StoreFuture<'_, Option<Company>> {
        Box::pin(async move {
            let asked = ask(include_str!("sql/company_find.sql")).bind(id.to_string());
            Ok(one(&mut *self.reader().await?, asked).await?.map(parties::company))
        })
    }

    fn update_company(&self, company: Company) -> StoreFuture<'_, Vec<PolicyStamp>> {
        Box::pin(
            self.jobs
                .write(move |connection| Box::pin(parties::update_company(connection, company))),
        )
    }

    fn insert_user(&self, user: User) -> StoreFuture<'_, Vec<PolicyStamp>> {
        Box::pin(
            self.jobs.write(move |connection| Box::pin(parties::insert_user(connection, user))),
        )
    }

    fn user_record(&self, id: UserId) -> StoreFuture<'_, Option<User>> {
        Box::pin(async move {
            let asked = ask(include_str!("sql/user_find.sql")).bind(id.to_string());
            Ok(one(&mut *self.reader().await?, asked).await?.map(parties::user))
        })
    }

    fn update_user(&self, user: User) -> StoreFuture<'_, Vec<PolicyStamp>> {
        Box::pin(
            self.jobs.write(move |connection| Box::pin(parties::update_user(connection, user))),
        )
    }

    fn insert_card(&self, card: Card) -> StoreFuture<'_, Vec<PolicyStamp>> {
        Box::pin(
            self.jobs.write(move |connection| Box::pin(parties::insert_card(connection, card))),
        )
    }

    fn card_record(&self, id: CardId) -> StoreFuture<'_, Option<Card>> {
        Box::pin(async move {
            let asked = ask(include_str!("sql/card_find.sql")).bind(id.to_string());
            Ok(one(&mut *self.reader().await?, asked).await?.map(parties::card))
        })
    }

    fn update_card(&self, card: Card) -> StoreFuture<'_, Vec<PolicyStamp>> {
        let at = self.clock.now();
        Box::pin(
            self.jobs.write(move |connection| Box::pin(parties::update_card(connection, card, at))),
        )
    }

    fn insert_wallet(&self, wallet: Wallet, account: Account) -> StoreFuture<'_, Vec<PolicyStamp>> {
        let write = self
            .jobs
            .write(move |connection| Box::pin(parties::insert_wallet(connection, wallet, account)));
        Box::pin(write)
    }

    fn wallet(&self, account: AccountId) -> StoreFuture<'_, Option<Wallet>> {
        Box::pin(async move {
            let asked = ask(include_str!("sql/wallet_find.sql")).bind(account.to_string());
            Ok(one(&mut *self.reader().await?, asked).await?.map(parties::wallet))
        })
    }

    fn wallets_of(&self, user: UserId) -> StoreFuture<'_, Vec<Wallet>> {
        Box::pin(async move {
            let asked = ask(include_str!("sql/wallets_find.sql")).bind(user.to_string());
            let rows = many(&mut *self.reader().await?, asked).await?;
            Ok(rows.into_iter().map(parties::wallet).collect())
        })
    }

    fn update_wallet(&self, wallet: Wallet) -> StoreFuture<'_, Vec<PolicyStamp>> {
        Box::pin(
            self.jobs.write(move |connection| Box::pin(parties::update_wallet(connection, wallet))),
        )
    }

    fn account(&self, id: AccountId) -> StoreFuture<'_, Option<Account>> {
        Box::pin(async move {
            let asked = ask(include_str!("sql/account_find.sql")).bind(id.to_string());
            Ok(one(&mut *self.reader().await?, asked).await?.map(super::rows::account))
        })
    }

    fn insert_limit(&self, limit: Limit) -> StoreFuture<'_, Vec<PolicyStamp>> {
        Box::pin(
            self.jobs.write(move |connection| Box::pin(policies::insert_limit(connection, limit))),
        )
    }

    fn limit(&self, id: LimitId) -> StoreFuture<'_, Option<Limit>> {
        Box::pin(async move {
            let asked = ask(include_str!("sql/limit_find.sql")).bind(id.to_string());
            one(&mut *self.reader().await?, asked).await
        })
    }

    fn update_limit(&self, limit: Limit) -> StoreFuture<'_, Vec<PolicyStamp>> {
        Box::pin(
            self.jobs.write(move |connection| Box::pin(policies::update_limit(connection, limit))),
        )
    }

    fn delete_limit(&self, id: LimitId) -> StoreFuture<'_, Option<Vec<PolicyStamp>>> {
        Box::pin(
            self.jobs.write(move |connection| Box::pin(policies::delete_limit(connection, id))),
        )
    }

    fn insert_kyc(&self, record: KycRecord) -> StoreFuture<'_, Vec<PolicyStamp>> {
        Box::pin(self.jobs.write(move |connection| Box::pin(kyc::insert(connection, record))))
    }

    fn kyc(&self, id: KycId) -> StoreFuture<'_, Option<KycRecord>> {
        Box::pin(async move {
            let asked = ask(include_str!("sql/kyc_find.sql")).bind(id.to_string());
            Ok(one(&mut *self.reader().await?, asked).await?.map(kyc::record))
        })
    }

    fn decide_kyc(
        &self,
        record: KycRecord,
        grant: Option<KycGrant>,
    ) -> StoreFuture<'_, Vec<PolicyStamp>> {
        Box::pin(
            self.jobs.write(move |connection| Box::pin(kyc::decide(connection, record, grant))),
        )
    }

    fn insert_users(&self, users: Vec<User>) -> StoreFuture<'_, Vec<PolicyStamp>> {
        Box::pin(
            self.jobs.write(move |connection| Box::pin(parties::insert_users(connection, users))),
        )
    }

    fn insert_cards(&self, cards: Vec<Card>) -> StoreFuture<'_, Vec<PolicyStamp>> {
        Box::pin(
            self.jobs.write(move |connection| Box::pin(parties::insert_cards(connection, cards))),
        )
    }

    fn insert_limits(&self, limits: Vec<Limit>) -> StoreFuture<'_, Vec<PolicyStamp>> {
        Box::pin(
            self.jobs
                .write(move |connection| Box::pin(policies::insert_limits(connection, limits))),
        )
    }

    fn insert_control(&self, control: Control) -> StoreFuture<'_, Vec<PolicyStamp>> {
        Box::pin(
            self.jobs
                .write(move |connection| Box::pin(policies::insert_control(connection, control))),
        )
    }

    fn control(&self, id: ControlId) -> StoreFuture<'_, Option<Control>> {
        Box::pin(async move {
            let asked = ask(include_str!("sql/control_find.sql")).bind(id.to_string());
            one(&mut *self.reader().await?, asked).await
        })
    }

    fn update_control(&self, control: Control) -> StoreFuture<'_, Vec<PolicyStamp>> {
        Box::pin(
            self.jobs
                .write(move |connection| Box::pin(policies::update_control(connection, control))),
        )
    }

    fn delete_control(&self, id: ControlId) -> StoreFuture<'_, Option<Vec<PolicyStamp>>> {
        Box::pin(
            self.jobs.write(move |connection| Box::pin(policies::delete_control(connection, id))),
        )
    }
}
