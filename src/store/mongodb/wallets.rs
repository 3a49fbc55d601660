//! Wallets: one document is a person's account, its owner and zone, and what lanes claim it by.

use mongodb::bson::{Document, doc};
use serde::{Deserialize, Serialize};

use super::narrow::{Id, key};
use super::parties::Stamped;
use super::policies::{bump, require};
use super::transaction::Tx;
use crate::domain::id::{AccountId, UserId};
use crate::domain::money::Currency;
use crate::domain::party::{Account, Wallet};
use crate::domain::policy::Scope;
use crate::domain::time::{Timestamp, Zone};
use crate::store::StoreError;

/// What is a wallet's own in a document of `wallets`.
#[derive(Serialize, Deserialize)]
pub(super) struct WalletRow {
    #[serde(rename = "_id")]
    account: Id<AccountId>,
    user: Id<UserId>,
    currency: Currency,
    zone: Zone,
    version: i64,
    created_at: Timestamp,
}

impl WalletRow {
    pub(super) fn wallet(self) -> Wallet {
        Wallet {
            account: self.account.0,
            user: self.user.0,
            currency: self.currency,
            zone: self.zone,
            version: self.version,
            created_at: self.created_at,
        }
    }
}

/// What batches change in a document of `wallets`. `order` is the highest that an event of the account
/// has been given.
#[derive(Serialize)]
pub(super) struct Sums {
    limit: i64,
    funded: i64,
    held: i64,
    posted: i64,
    account_version: i64,
    order: i64,
}

impl Sums {
    pub(super) fn of(account: &Account, order: i64) -> Self {
        let Account { limit, funded, held, posted, version: account_version, .. } = *account;
        Self { limit, funded, held, posted, account_version, order }
    }
}

/// The whole document. `rev` counts claims.
#[derive(Serialize)]
struct Whole {
    #[serde(flatten)]
    wallet: WalletRow,
    #[serde(flatten)]
    sums: Sums,
    rev: i64,
}

pub(super) async fn insert_wallet(tx: &mut Tx, wallet: Wallet, account: Account) -> Stamped {
    require(tx, "personal_users", key(&wallet.user)).await?;
    let user = wallet.user;
    let wallet = WalletRow {
        account: Id(wallet.account),
        user: Id(wallet.user),
        currency: wallet.currency,
        zone: wallet.zone,
        version: wallet.version,
        created_at: wallet.created_at,
    };
    let document = Whole { wallet, sums: Sums::of(&account, 0), rev: 0 };
    tx.insert("wallets", &[document]).await?;
    bump(tx, Scope::User(user)).await
}

/// The zone alone.
pub(super) async fn update_wallet(tx: &mut Tx, wallet: Wallet) -> Stamped {
    let expected = wallet.version.saturating_sub(1);
    let change = doc! { "zone": wallet.zone.name(), "version": wallet.version };
    let command = doc! {
        "findAndModify": "wallets",
        "query": { "_id": key(&wallet.account), "version": expected },
        "update": { "$set": change },
    };
    let found: Option<WalletRow> = tx.find_and_modify(command).await?;
    let user = found.ok_or(StoreError::Stale)?.user.0;
    bump(tx, Scope::User(user)).await
}

/// Claims all wallets of a user: no batch that has begun before is still running afterwards.
pub(super) async fn claim_all_of(tx: &mut Tx, user: UserId) -> Result<(), StoreError> {
    tx.write(&claim(doc! { "user": key(&user) })).await.map(drop)
}

/// One statement that changes every wallet that matches, in the order of the index it is found by.
pub(super) fn claim(filter: Document) -> Document {
    let change = doc! { "q": filter, "u": { "$inc": { "rev": 1_i64 } }, "multi": true };
    doc! { "update": "wallets", "updates": [change] }
}
