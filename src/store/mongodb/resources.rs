//! The resource port: each write is a transaction of its own, run again when it meets another. The
//! statements are in `parties`, `wallets` and `policies`.

use std::pin::Pin;
use std::time::Duration;

use mongodb::bson::{Document, doc};
use tokio::time::Instant;

use super::error::no_companies;
use super::kyc::KycRow;
use super::narrow::key;
use super::parties::{CardRow, UserRow};
use super::read::within;
use super::rows::AccountRow;
use super::transaction::{Tx, apart, kill};
use super::wallets::WalletRow;
use super::{MongoStore, kyc, parties, policies, wallets};
use crate::domain::id::{AccountId, CardId, CompanyId, ControlId, KycId, LimitId, UserId};
use crate::domain::kyc::{KycGrant, KycRecord};
use crate::domain::party::{Account, Card, Company, User, Wallet};
use crate::domain::policy::{Control, Limit, PolicyStamp};
use crate::store::{ResourceStore, StoreError, StoreFuture};

/// The pauses between attempts grow to this.
const PAUSE_MAX: Duration = Duration::from_millis(50);

/// Limits that are loaded in one transaction.
const LIMITS_AT_ONCE: usize = 50;

/// The statements of a write.
pub(super) type Writing<'t, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 't>>;

impl MongoStore {
    /// Runs a write until it meets no other, or the time of a call is over. It goes on when its caller
    /// goes away.
    pub(super) fn write<T: Send + 'static>(
        &self,
        statements: impl for<'t> Fn(&'t mut Tx) -> Writing<'t, T> + Send + Sync + 'static,
    ) -> StoreFuture<'_, T> {
        Box::pin(async move {
            let database = self.clients()?.rest.clone();
            let until = Instant::now() + self.options.call;
            apart(async move {
                let mut pause = Duration::from_millis(1);
                loop {
                    let mut tx = Tx::begin(&database).await?;
                    let session = tx.id();
                    let left = until.saturating_duration_since(Instant::now());
                    let attempt = async {
                        let done = statements(&mut tx).await?;
                        tx.commit(until).await?;
                        Ok(done)
                    };
                    match within(left, attempt).await {
                        Err(StoreError::Conflict(_)) if Instant::now() + pause < until => {
                            tokio::time::sleep(pause).await;
                            pause = (pause * 2).min(PAUSE_MAX);
                        }
                        done => {
                            if Instant::now() >= until {
                                kill(&database, session);
                            }
                            return done;
                        }
                    }
                }
            })
            .await
        })
    }
}

/// A pipeline that finds one document.
fn by_id(id: mongodb::bson::Bson) -> Vec<Document> {
    vec![doc! { "$match": { "_id": id } }]
}

fn refuse<T: Send + 'static>() -> StoreFuture<'static, T> {
    Box::pin(std::future::ready(Err(no_companies())))
}

/// A write of one object: cloned for each attempt.
macro_rules! write {
    ($store:ident, $statements:path, $($object:ident),+) => {
        $store.write(move |tx| {
            $(let $object = $object.clone();)+
            Box::pin(async move { $statements(tx, $($object),+).await })
        })
    };
}

impl ResourceStore for MongoStore {
    fn insert_company(&self, _: Company, _: Account) -> StoreFuture<'_, Vec<PolicyStamp>> {
        refuse()
    }

    fn company(&self, _: CompanyId) -> StoreFuture<'_, Option<Company>> {
        refuse()
    }

    fn update_company(&self, _: Company) -> StoreFuture<'_, Vec<PolicyStamp>> {
        refuse()
    }

    fn insert_user(&self, user: User) -> StoreFuture<'_, Vec<PolicyStamp>> {
        write!(self, parties::insert_user, user)
    }

    fn user_record(&self, id: UserId) -> StoreFuture<'_, Option<User>> {
        Box::pin(async move {
            let found = self.reader()?.row("personal_users", by_id(key(&id))).await?;
            Ok(found.map(UserRow::user))
        })
    }

    fn update_user(&self, user: User) -> StoreFuture<'_, Vec<PolicyStamp>> {
        write!(self, parties::update_user, user)
    }

    fn insert_card(&self, card: Card) -> StoreFuture<'_, Vec<PolicyStamp>> {
        write!(self, parties::insert_card, card)
    }

    fn card_record(&self, id: CardId) -> StoreFuture<'_, Option<Card>> {
        Box::pin(async move {
            let found = self.reader()?.row("personal_cards", by_id(key(&id))).await?;
            Ok(found.map(CardRow::card))
        })
    }

    fn update_card(&self, card: Card) -> StoreFuture<'_, Vec<PolicyStamp>> {
        write!(self, parties::update_card, card)
    }

    fn insert_wallet(&self, wallet: Wallet, account: Account) -> StoreFuture<'_, Vec<PolicyStamp>> {
        write!(self, wallets::insert_wallet, wallet, account)
    }

    fn wallet(&self, account: AccountId) -> StoreFuture<'_, Option<Wallet>> {
        Box::pin(async move {
            let found = self.reader()?.row("wallets", by_id(key(&account))).await?;
            Ok(found.map(WalletRow::wallet))
        })
    }

    fn wallets_of(&self, user: UserId) -> StoreFuture<'_, Vec<Wallet>> {
        Box::pin(async move {
            let pipeline = vec![
                doc! { "$match": { "user": key(&user) } },
                doc! { "$sort": { "created_at": 1, "_id": 1 } },
            ];
            let found: Vec<WalletRow> = self.reader()?.rows("wallets", pipeline).await?;
            Ok(found.into_iter().map(WalletRow::wallet).collect())
        })
    }

    fn update_wallet(&self, wallet: Wallet) -> StoreFuture<'_, Vec<PolicyStamp>> {
        write!(self, wallets::update_wallet, wallet)
    }

    fn account(&self, id: AccountId) -> StoreFuture<'_, Option<Account>> {
        Box::pin(async move {
            let found: Option<AccountRow> = self.reader()?.row("wallets", by_id(key(&id))).await?;
            Ok(found.map(|row| row.account()))
        })
    }

    fn insert_limit(&self, limit: Limit) -> StoreFuture<'_, Vec<PolicyStamp>> {
        write!(self, policies::insert_limit, limit)
    }

    /// Some at a time: a transaction must be over soon.
    fn insert_limits(&self, limits: Vec<Limit>) -> StoreFuture<'_, Vec<PolicyStamp>> {
        Box::pin(async move {
            let mut stamps = Vec::new();
            for limits in limits.chunks(LIMITS_AT_ONCE) {
                let limits = limits.to_vec();
                stamps.extend(write!(self, policies::insert_limits, limits).await?);
            }
            Ok(stamps)
        })
    }

    fn limit(&self, id: LimitId) -> StoreFuture<'_, Option<Limit>> {
        Box::pin(async move { self.reader()?.row("limits", by_id(key(&id))).await })
    }

    fn update_limit(&self, limit: Limit) -> StoreFuture<'_, Vec<PolicyStamp>> {
        write!(self, policies::update_limit, limit)
    }

    fn delete_limit(&self, id: LimitId) -> StoreFuture<'_, Option<Vec<PolicyStamp>>> {
        write!(self, policies::delete_limit, id)
    }

    fn insert_kyc(&self, record: KycRecord) -> StoreFuture<'_, Vec<PolicyStamp>> {
        write!(self, kyc::insert, record)
    }

    fn kyc(&self, id: KycId) -> StoreFuture<'_, Option<KycRecord>> {
        Box::pin(async move {
            let found = self.reader()?.row("kyc_records", by_id(key(&id))).await?;
            Ok(found.map(KycRow::record))
        })
    }

    fn decide_kyc(
        &self,
        record: KycRecord,
        grant: Option<KycGrant>,
    ) -> StoreFuture<'_, Vec<PolicyStamp>> {
        write!(self, kyc::decide, record, grant)
    }

    fn insert_control(&self, control: Control) -> StoreFuture<'_, Vec<PolicyStamp>> {
        write!(self, policies::insert_control, control)
    }

    fn control(&self, id: ControlId) -> StoreFuture<'_, Option<Control>> {
        Box::pin(async move { self.reader()?.row("controls", by_id(key(&id))).await })
    }

    fn update_control(&self, control: Control) -> StoreFuture<'_, Vec<PolicyStamp>> {
        write!(self, policies::update_control, control)
    }

    fn delete_control(&self, id: ControlId) -> StoreFuture<'_, Option<Vec<PolicyStamp>>> {
        write!(self, policies::delete_control, id)
    }
}
