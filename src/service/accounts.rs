//! Accounts: read, fund, change the limit. Money moves through the lanes only.

use std::sync::Arc;
use std::time::Duration;

use super::Service;
use super::error::{Error, allowed};
use crate::domain::decision::Fingerprint;
use crate::domain::facts::Facts;
use crate::domain::id::{AccountId, Home};
use crate::domain::money::Money;
use crate::domain::party::Account;
use crate::domain::posting::Movement;
use crate::ledger::intent::{Step, StepIntent};

/// How long a home is asked for a key that it may know. One that does not answer does not keep the other
/// from moving money.
const KEY_ASKED_MAX: Duration = Duration::from_millis(500);

impl Service {
    /// One account, as last committed.
    pub async fn account(&self, id: AccountId) -> Result<Account, Error> {
        self.resources.account(id).await?.ok_or(Error::NotFound(None))
    }

    /// Puts money into an account, once for each `key` of a caller. A key that was used for another
    /// account is refused like one that was used for another amount: by the account's lane in its own
    /// home, in the other one by looking there first.
    pub async fn fund(
        &self,
        id: AccountId,
        caller: &str,
        key: &str,
        amount: Money,
    ) -> Result<Arc<Movement>, Error> {
        // No key has a blank in it, so that no two callers can mean the same text.
        let key = format!("fund:{key} {caller}");
        let _turn = self.in_flight.begin(&key).ok_or(Error::KeyInProgress)?;
        self.account(id).await?;
        // A repeat is answered as the first was, whatever has become of the owner since.
        if !self.used_here(&key, id).await? {
            self.loadable(id).await?;
        }
        let (account, minor) = (id.to_string(), amount.minor().to_string());
        let fund = StepIntent {
            key,
            fingerprint: Fingerprint::of(&["fund", &account, &minor, amount.currency().code()]),
            account: id,
            chain: None,
            step: Step::Fund(amount),
        };
        Ok(self.pipeline.step(Facts::default(), fund).await?)
    }

    /// Whether the key has moved money on this account; `Err` where it has on another one. Two instances
    /// that are asked for both homes in the same moment see nothing of each other: two requests under one key,
    /// each done once (`docs/adr/0010-one-key-in-two-homes.md`).
    async fn used_here(&self, key: &str, id: AccountId) -> Result<bool, Error> {
        match tokio::time::timeout(KEY_ASKED_MAX, self.history.taken_on(key)).await {
            Ok(Ok(taken)) if taken.contains(&id) => Ok(true),
            Ok(Ok(taken)) if taken.is_empty() => Ok(false),
            Ok(Ok(_)) => Err(Error::KeyReused),
            Ok(Err(_)) | Err(_) => {
                tracing::warn!(account = %id, "a home did not say whether it knows a funding's key");
                Ok(false)
            }
        }
    }

    /// `Err` where the account is the wallet of somebody who may not load it.
    async fn loadable(&self, id: AccountId) -> Result<(), Error> {
        if id.home() == Home::Business {
            return Ok(());
        }
        let wallet = self.resources.wallet(id).await?.ok_or(Error::NotFound(None))?;
        let owner = self.resources.user_record(wallet.user).await?;
        allowed(owner.is_some_and(|owner| owner.status.may_activate_and_load()))
    }

    /// Sets the credit granted to an account that is still at the version the caller has seen.
    pub async fn change_limit_of(
        &self,
        id: AccountId,
        seen: i64,
        limit: i64,
    ) -> Result<Account, Error> {
        let account = self.account(id).await?;
        let limit = Money::new(limit, account.currency);
        let change = StepIntent {
            // Not repeatable by the caller, whose repeat meets a newer version; only the lane's
            // own second attempt after a lost commit finds this key again.
            key: format!("limit:{}", self.clock.uuid().simple()),
            fingerprint: Fingerprint::of(&["limit", &limit.minor().to_string()]),
            account: id,
            chain: None,
            step: Step::ChangeLimit { limit, version: seen },
        };
        self.pipeline.step(Facts::default(), change).await?;
        self.account(id).await
    }
}
