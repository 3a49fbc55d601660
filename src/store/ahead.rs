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
use super::each_resource::each_resource;
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

            fn card_view(&self, id: CardId) -> StoreFuture<'_, Option<Card>> {
                self.resources.card_view(id)
            }
        }
    };
}

each_resource!(resources);
