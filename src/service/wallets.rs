//! Wallets: create, read, change.

use super::Service;
use super::error::{Error, allowed, at_version};
use crate::domain::id::{AccountId, Home};
use crate::domain::party::{Account, UserStatus, Wallet};
use crate::domain::time::Zone;
use crate::wire::v1::wallet::NewWallet;

impl Service {
    /// Creates a wallet of a personal user, and its account.
    pub async fn create_wallet(&self, new: NewWallet) -> Result<(Wallet, Account), Error> {
        let user = self.find_user(&new.user).await?.filter(|user| user.home() == Home::Personal);
        let user = user.ok_or(Error::NotFound(Some("/user_id")))?;
        allowed(user.status != UserStatus::Closed)?;
        let account =
            Account::empty(AccountId::new(Home::Personal, self.clock.uuid()), new.currency);
        let wallet = Wallet {
            account: account.id,
            user: user.id,
            currency: new.currency,
            zone: new.zone,
            version: 1,
            created_at: self.clock.now(),
        };
        self.resources.insert_wallet(wallet.clone(), account.clone()).await?;
        Ok((wallet, account))
    }

    /// One wallet, with what is on it.
    pub async fn wallet(&self, id: AccountId) -> Result<(Wallet, Account), Error> {
        let wallet = self.resources.wallet(id).await?.ok_or(Error::NotFound(None))?;
        Ok((wallet, self.account(id).await?))
    }

    /// Moves a wallet that is still at the version the caller has seen to another time zone.
    pub async fn change_wallet(
        &self,
        id: AccountId,
        seen: i64,
        zone: Zone,
    ) -> Result<(Wallet, Account), Error> {
        let found = self.resources.wallet(id).await?;
        let wallet = at_version(found, |wallet| wallet.version, seen)?;
        let changed = Wallet { zone, version: wallet.version.saturating_add(1), ..wallet };
        self.resources.update_wallet(changed.clone()).await?;
        Ok((changed, self.account(id).await?))
    }
}
