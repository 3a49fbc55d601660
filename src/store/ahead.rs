//! Resources of a home that keeps no audit log: before anything is written there, the log of the other home
//! says that the act is begun. What has come of it follows, when it is known.

use std::sync::Arc;

use tokio::sync::OnceCell;

use crate::domain::audit::Record;
use crate::domain::id::{AccountId, CardId, CompanyId, ControlId, KycId, LimitId, UserId};
use crate::domain::kyc::{KycGrant, KycRecord};
use crate::domain::party::{Account, Card, Company, User, Wallet};
use crate::domain::policy::{Control, Limit, PolicyStamp};

use super::audit_log::{AuditLog, ahead};
use super::{ResourceStore, StoreError, StoreFuture};

/// The resources of such a home, for one act.
pub struct RecordedAhead {
    resources: Arc<dyn ResourceStore>,
    log: Arc<dyn AuditLog>,
    record: Arc<Record>,
    told: OnceCell<()>,
}

impl RecordedAhead {
    /// The act of this record, on what is kept there.
    pub fn new(
        resources: Arc<dyn ResourceStore>,
        log: Arc<dyn AuditLog>,
        record: Arc<Record>,
    ) -> Self {
        Self { resources, log, record, told: OnceCell::new() }
    }

    /// Writes, once it is told that the act is begun. Of writes at the same time one tells it, and the
    /// others wait for that.
    async fn write<'a, T>(
        &'a self,
        write: impl FnOnce() -> StoreFuture<'a, T>,
        is_nothing: impl Fn(&T) -> bool,
    ) -> Result<T, StoreError> {
        self.told.get_or_try_init(|| ahead(&*self.log, &self.record)).await?;
        let written = write().await;
        let refused = match &written {
            Ok(done) => is_nothing(done),
            Err(StoreError::Conflict(_) | StoreError::Taken(_) | StoreError::Stale) => true,
            Err(
                StoreError::OutcomeUnknown(_) | StoreError::Unavailable(_) | StoreError::Failed(_),
            ) => false,
        };
        if !refused {
            self.record.touched();
        }
        written
    }
}

macro_rules! resources {
    (
        writes { $(fn $write:ident($($arg:ident: $ty:ty),+) -> $out:ty;)+ }
        removals { $(fn $remove:ident($gone:ident: $gone_ty:ty);)+ }
        reads { $(fn $read:ident($id:ident: $id_ty:ty) -> $found:ty;)+ }
    ) => {
        impl ResourceStore for RecordedAhead {
            $(fn $write(&self, $($arg: $ty),+) -> StoreFuture<'_, $out> {
                Box::pin(self.write(move || self.resources.$write($($arg),+), |_| false))
            })+

            $(fn $remove(&self, $gone: $gone_ty) -> StoreFuture<'_, Option<Vec<PolicyStamp>>> {
                Box::pin(self.write(move || self.resources.$remove($gone), Option::is_none))
            })+

            $(fn $read(&self, $id: $id_ty) -> StoreFuture<'_, $found> {
                self.resources.$read($id)
            })+
        }
    };
}

resources! {
    writes {
        fn insert_company(company: Company, account: Account) -> Vec<PolicyStamp>;
        fn update_company(company: Company) -> Vec<PolicyStamp>;
        fn insert_user(user: User) -> Vec<PolicyStamp>;
        fn update_user(user: User) -> Vec<PolicyStamp>;
        fn insert_card(card: Card) -> Vec<PolicyStamp>;
        fn update_card(card: Card) -> Vec<PolicyStamp>;
        fn insert_users(users: Vec<User>) -> Vec<PolicyStamp>;
        fn insert_cards(cards: Vec<Card>) -> Vec<PolicyStamp>;
        fn insert_wallet(wallet: Wallet, account: Account) -> Vec<PolicyStamp>;
        fn update_wallet(wallet: Wallet) -> Vec<PolicyStamp>;
        fn insert_limit(limit: Limit) -> Vec<PolicyStamp>;
        fn insert_limits(limits: Vec<Limit>) -> Vec<PolicyStamp>;
        fn update_limit(limit: Limit) -> Vec<PolicyStamp>;
        fn insert_kyc(record: KycRecord) -> Vec<PolicyStamp>;
        fn decide_kyc(record: KycRecord, grant: Option<KycGrant>) -> Vec<PolicyStamp>;
        fn insert_control(control: Control) -> Vec<PolicyStamp>;
        fn update_control(control: Control) -> Vec<PolicyStamp>;
    }
    removals {
        fn delete_limit(id: LimitId);
        fn delete_control(id: ControlId);
    }
    reads {
        fn company(id: CompanyId) -> Option<Company>;
        fn user_record(id: UserId) -> Option<User>;
        fn card_record(id: CardId) -> Option<Card>;
        fn card_view(id: CardId) -> Option<Card>;
        fn wallet(account: AccountId) -> Option<Wallet>;
        fn wallets_of(user: UserId) -> Vec<Wallet>;
        fn account(id: AccountId) -> Option<Account>;
        fn limit(id: LimitId) -> Option<Limit>;
        fn control(id: ControlId) -> Option<Control>;
        fn kyc(id: KycId) -> Option<KycRecord>;
    }
}
