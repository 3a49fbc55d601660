//! Wallets: personal accounts with an owner and a time zone.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::account::Balances;
use super::field::{Field, Read};
use super::{terms, text};
use crate::domain::id::{AccountId, UserId};
use crate::domain::money::Currency;
use crate::domain::party;
use crate::domain::time::Zone;
use crate::domain::token::Token;

/// The body that creates a wallet.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CreateWallet {
    /// Whose it is.
    #[schema(value_type = terms::Reference, required)]
    user_id: Field,
    #[schema(value_type = terms::Currency, required)]
    currency: Field,
    /// Where its days begin; UTC where it is absent.
    #[schema(value_type = Option<terms::TimeZone>)]
    time_zone: Field,
}

/// A wallet to create.
pub struct NewWallet {
    /// Whose it is, by our id or the platform's token.
    pub user: Token,
    /// Its currency.
    pub currency: Currency,
    /// Where its calendar windows begin.
    pub zone: Zone,
}

impl CreateWallet {
    /// Reads the fields.
    pub fn parse(&self) -> Read<NewWallet> {
        Ok(NewWallet {
            user: self.user_id.required("user_id", text::reference)?,
            currency: self.currency.required("currency", text::currency)?,
            zone: self.time_zone.optional("time_zone", text::zone)?.unwrap_or_else(Zone::utc),
        })
    }
}

/// The body that changes a wallet.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PatchWallet {
    #[schema(value_type = terms::TimeZone, required)]
    time_zone: Field,
}

impl PatchWallet {
    /// Reads the new time zone.
    pub fn parse(&self) -> Read<Zone> {
        self.time_zone.required("time_zone", text::zone)
    }
}

/// A wallet, as answered, with what is on it. Its id is that of its account.
#[derive(Serialize, ToSchema)]
pub struct Wallet {
    #[schema(value_type = terms::WalletId)]
    id: AccountId,
    #[schema(value_type = terms::Version)]
    version: i64,
    #[schema(value_type = terms::Timestamp)]
    created_at: String,
    #[schema(value_type = terms::UserId)]
    user_id: UserId,
    #[schema(value_type = terms::WalletId)]
    account_id: AccountId,
    #[schema(value_type = terms::TimeZone)]
    time_zone: Zone,
    #[serde(flatten)]
    balances: Balances,
}

impl Wallet {
    /// The wallet with the state of its account.
    pub fn new(wallet: party::Wallet, account: &party::Account) -> Self {
        Self {
            id: wallet.account,
            version: wallet.version,
            created_at: wallet.created_at.to_string(),
            user_id: wallet.user,
            account_id: wallet.account,
            time_zone: wallet.zone,
            balances: Balances::from(account),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wallet_counts_its_days_in_utc_unless_told_otherwise() {
        let json = r#"{"user_id":"u-1","currency":"EUR"}"#;
        let body: CreateWallet = serde_json::from_str(json).unwrap();
        let wallet = body.parse().unwrap_or_else(|fault| panic!("{fault}"));
        assert_eq!((wallet.user.as_str(), wallet.zone.name()), ("u-1", "UTC"));
        let body: PatchWallet = serde_json::from_str("{}").unwrap();
        assert_eq!(body.parse().err().map(|fault| fault.pointer), Some("/time_zone".to_owned()));
    }
}
