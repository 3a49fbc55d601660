//! Cards of either home: create, read, change.

use super::Service;
use super::error::{Error, allowed, at_version};
use super::suspensions::Asked;
use crate::domain::id::{AccountId, CardId, CompanyId, Home};
use crate::domain::party::{Card, CardStatus, CompanyStatus, Setter, UserStatus, Wallet};
use crate::domain::token::Token;
use crate::wire::v1::card::{CardChange, NewCard};
use crate::wire::v1::field::Invalid;

impl Service {
    /// Creates a card. A company's draws on the company's account, a personal one on the wallet
    /// that is named, or on the only one its user has.
    pub async fn create_card(&self, home: Home, new: NewCard) -> Result<Card, Error> {
        let user = self.find_user(&new.user).await?.filter(|user| user.home() == home);
        let user = user.ok_or(Error::NotFound(Some("/user_id")))?;
        allowed(may_hold(user.status, new.status))?;
        let account = match user.company {
            Some(company) => self.company_account(company).await?,
            None => account_among(&self.resources.wallets_of(user.id).await?, new.wallet)?,
        };
        let card = Card {
            id: CardId::new(self.clock.uuid()),
            user: user.id,
            account,
            marqeta_token: new.marqeta_token,
            last_four: new.last_four,
            product: new.product,
            expires: new.expires,
            status: new.status,
            version: 1,
            created_at: self.clock.now(),
            status_set_at: None,
            status_set_by: Some(Setter::of(self.reach)),
        };
        self.resources.insert_card(card.clone()).await?;
        Ok(card)
    }

    /// One card of a home, by our id or the platform's token.
    pub async fn card(&self, home: Home, reference: &Token) -> Result<Card, Error> {
        self.card_seen(home, reference).await
    }

    /// Changes a card that is still at the version the caller has seen.
    pub async fn change_card(
        &self,
        home: Home,
        reference: &Token,
        seen: i64,
        change: CardChange,
    ) -> Result<Card, Error> {
        let found = self.card_of(home, reference).await?;
        let card = at_version(Some(found), |card| card.version, seen)?;
        let status = change.status.unwrap_or(card.status);
        allowed(card.status.may_become(status))?;
        let moves_token =
            change.marqeta_token.as_ref().is_some_and(|token| *token != card.marqeta_token);
        self.may_ask(card.status, card.status_set_by, &Asked { status, moves_token })?;
        let activates = status == CardStatus::Active && card.status != status;
        if activates || moves_token {
            let holder = self.resources.user_record(card.user).await?;
            // With another holder the token would leave this one's suspension behind, too.
            if let Some(holder) = &holder {
                let asked = Asked { status: holder.status, moves_token };
                self.may_ask(holder.status, holder.status_set_by, &asked)?;
            }
            allowed(!activates || holder.is_some_and(|holder| may_hold(holder.status, status)))?;
        }
        let changed = Card {
            marqeta_token: change.marqeta_token.unwrap_or(card.marqeta_token),
            last_four: change.last_four.unwrap_or(card.last_four),
            expires: change.expires.unwrap_or(card.expires),
            product: change.product.unwrap_or(card.product),
            status,
            status_set_at: self.set_at(change.status, card.status, card.status_set_at),
            status_set_by: self.setter(change.status, card.status, card.status_set_by),
            version: card.version.saturating_add(1),
            ..card
        };
        self.resources.update_card(changed.clone()).await?;
        Ok(changed)
    }

    async fn company_account(&self, id: CompanyId) -> Result<AccountId, Error> {
        let company = self.resources.company(id).await?;
        let company = company.ok_or(Error::NotFound(Some("/user_id")))?;
        allowed(company.status != CompanyStatus::Closed)?;
        Ok(company.account)
    }
}

/// The wallet that is named, or the only one among a user's.
pub(super) fn account_among(
    wallets: &[Wallet],
    named: Option<AccountId>,
) -> Result<AccountId, Error> {
    if let Some(named) = named {
        let own = wallets.iter().any(|wallet| wallet.account == named);
        return if own { Ok(named) } else { Err(Error::NotFound(Some("/wallet_id"))) };
    }
    match wallets {
        [only] => Ok(only.account),
        [] => Err(wallet_required("the user has no wallet yet; create one first")),
        _ => Err(wallet_required("the user has several wallets; name one of them")),
    }
}

/// Whether a holder of this status may be given a card of that one.
pub(super) fn may_hold(holder: UserStatus, card: CardStatus) -> bool {
    let active = card != CardStatus::Active || holder.may_activate_and_load();
    active && holder != UserStatus::Closed
}

fn wallet_required(detail: &'static str) -> Error {
    Invalid::new("wallet_required", detail).under("wallet_id").into()
}
