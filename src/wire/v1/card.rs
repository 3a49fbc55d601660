//! Cards, business and personal: created, changed, answered. Never a card number.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::field::{Field, Read};
use super::{terms, text};
use crate::domain::id::{AccountId, CardId, UserId};
use crate::domain::party::{self, CardStatus};
use crate::domain::time::Expiry;
use crate::domain::token::Token;

/// The body that creates a card of a company's user.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CreateCard {
    /// Who holds it.
    #[schema(value_type = terms::Reference, required)]
    user_id: Field,
    #[schema(value_type = Option<terms::PlatformToken>)]
    marqeta_token: Field,
    #[schema(value_type = Option<terms::LastFour>)]
    last_four: Field,
    #[schema(value_type = Option<terms::Month>)]
    expires: Field,
    /// The card product.
    #[schema(value_type = Option<terms::Token>)]
    product: Field,
    /// UNACTIVATED where it is absent.
    #[schema(value_type = Option<terms::SettableCardStatus>)]
    status: Field,
}

/// The body that creates a personal card.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CreatePersonalCard {
    /// Who holds it.
    #[schema(value_type = terms::Reference, required)]
    user_id: Field,
    /// Where its money is; needed only where the user has several wallets.
    #[schema(value_type = Option<terms::WalletId>)]
    wallet_id: Field,
    #[schema(value_type = Option<terms::PlatformToken>)]
    marqeta_token: Field,
    #[schema(value_type = Option<terms::LastFour>)]
    last_four: Field,
    #[schema(value_type = Option<terms::Month>)]
    expires: Field,
    /// The card product.
    #[schema(value_type = Option<terms::Token>)]
    product: Field,
    /// UNACTIVATED where it is absent.
    #[schema(value_type = Option<terms::SettableCardStatus>)]
    status: Field,
}

/// A card to create.
pub struct NewCard {
    /// Who holds it, by our id or the platform's token.
    pub user: Token,
    /// The wallet it draws on, where one is named.
    pub wallet: Option<AccountId>,
    /// The platform's token.
    pub marqeta_token: Option<Token>,
    /// The last four digits.
    pub last_four: Option<Arc<str>>,
    /// The last month in which it is good.
    pub expires: Option<Expiry>,
    /// The card product.
    pub product: Option<Token>,
    /// Whether it may be used.
    pub status: CardStatus,
}

impl CreateCard {
    /// Reads the fields.
    pub fn parse(&self) -> Read<NewCard> {
        Ok(NewCard {
            user: self.user_id.required("user_id", text::reference)?,
            wallet: None,
            marqeta_token: self.marqeta_token.optional("marqeta_token", text::platform_token)?,
            last_four: self.last_four.optional("last_four", text::last_four)?,
            expires: self.expires.optional("expires", text::expiry)?,
            product: self.product.optional("product", text::token)?,
            status: self.status.optional("status", status)?.unwrap_or(CardStatus::Unactivated),
        })
    }
}

impl CreatePersonalCard {
    /// Reads the fields.
    pub fn parse(&self) -> Read<NewCard> {
        Ok(NewCard {
            user: self.user_id.required("user_id", text::reference)?,
            wallet: self.wallet_id.optional("wallet_id", text::id)?,
            marqeta_token: self.marqeta_token.optional("marqeta_token", text::platform_token)?,
            last_four: self.last_four.optional("last_four", text::last_four)?,
            expires: self.expires.optional("expires", text::expiry)?,
            product: self.product.optional("product", text::token)?,
            status: self.status.optional("status", status)?.unwrap_or(CardStatus::Unactivated),
        })
    }
}

/// The body that changes a card.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PatchCard {
    #[schema(value_type = Option<terms::PlatformToken>)]
    marqeta_token: Field,
    #[schema(value_type = Option<terms::LastFour>)]
    last_four: Field,
    #[schema(value_type = Option<terms::Month>)]
    expires: Field,
    /// The card product.
    #[schema(value_type = Option<terms::Token>)]
    product: Field,
    #[schema(value_type = terms::SettableCardStatus)]
    status: Field,
}

/// What is to change about a card; `None` stays as it is, `Some(None)` is taken away.
pub struct CardChange {
    /// The new token.
    pub marqeta_token: Option<Option<Token>>,
    /// The new last four digits.
    pub last_four: Option<Option<Arc<str>>>,
    /// The new last month.
    pub expires: Option<Option<Expiry>>,
    /// The new product.
    pub product: Option<Option<Token>>,
    /// The new status.
    pub status: Option<CardStatus>,
}

impl PatchCard {
    /// Reads the fields.
    pub fn parse(&self) -> Read<CardChange> {
        Ok(CardChange {
            marqeta_token: self.marqeta_token.clearable("marqeta_token", text::platform_token)?,
            last_four: self.last_four.clearable("last_four", text::last_four)?,
            expires: self.expires.clearable("expires", text::expiry)?,
            product: self.product.clearable("product", text::token)?,
            status: self.status.change("status", status)?,
        })
    }
}

/// `LIMITED` is told by the card platform alone (protocol reference, section 8.1).
fn status(raw: &RawValue) -> Read<CardStatus> {
    const STATUSES: &str = "a card is made UNACTIVATED, ACTIVE, SUSPENDED or TERMINATED";
    let settable =
        |text: &str| CardStatus::parse(text).filter(|status| *status != CardStatus::Limited);
    text::word("invalid_status", STATUSES, settable)(raw)
}

/// A card, as answered.
#[derive(Serialize, ToSchema)]
pub struct Card {
    #[schema(value_type = terms::CardId)]
    id: CardId,
    #[schema(value_type = terms::Version)]
    version: i64,
    #[schema(value_type = terms::Timestamp)]
    created_at: String,
    #[schema(value_type = terms::UserId)]
    user_id: UserId,
    /// The account it draws on.
    #[schema(value_type = terms::AccountId)]
    account_id: AccountId,
    #[schema(value_type = Option<terms::PlatformToken>, required)]
    marqeta_token: Option<Token>,
    #[schema(value_type = Option<terms::LastFour>, required)]
    last_four: Option<Arc<str>>,
    #[schema(value_type = Option<terms::Month>, required)]
    expires: Option<Expiry>,
    #[schema(value_type = Option<terms::Token>, required)]
    product: Option<Token>,
    #[schema(value_type = terms::CardStatus)]
    status: CardStatus,
}

impl From<party::Card> for Card {
    fn from(card: party::Card) -> Self {
        Self {
            id: card.id,
            version: card.version,
            created_at: card.created_at.to_string(),
            user_id: card.user,
            account_id: card.account,
            marqeta_token: card.marqeta_token,
            last_four: card.last_four,
            expires: card.expires,
            product: card.product,
            status: card.status,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_card_is_unactivated_and_its_holder_may_be_named_by_token() {
        let body: CreateCard = serde_json::from_str(r#"{"user_id":"usr_wren_0042"}"#).unwrap();
        let card = body.parse().unwrap_or_else(|fault| panic!("{fault}"));
        assert_eq!((card.user.as_str(), card.status), ("usr_wren_0042", CardStatus::Unactivated));
        assert!(serde_json::from_str::<CreateCard>(r#"{"wallet_id":"acc_p1"}"#).is_err());
    }
}
