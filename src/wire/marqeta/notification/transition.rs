//! Transitions: a card, a cardholder or a company has another state now.

use std::sync::Arc;

use serde::Deserialize;

use super::super::field::{Field, string, word};
use super::message::{Parked, link};
use crate::domain::decision::Fingerprint;
use crate::domain::party::{CardStatus, CompanyStatus, UserStatus};
use crate::domain::time::{Expiry, Timestamp};
use crate::domain::token::Token;

/// A card's transition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardMoved {
    /// The card.
    pub card: Token,
    /// Who holds it.
    pub user: Option<Token>,
    /// Its state. One that nobody knows is taken for suspended: not active.
    pub status: CardStatus,
    /// The last four digits.
    pub last_four: Option<Arc<str>>,
    /// The last month in which it is good.
    pub expires: Option<Expiry>,
    /// The card product.
    pub product: Option<Token>,
}

/// A cardholder's transition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserMoved {
    /// The cardholder.
    pub user: Token,
    /// The state. One that nobody knows is taken for suspended: not active.
    pub status: UserStatus,
}

/// A company's transition. What is verified: businesses have the statuses of users, and the resource in
/// the platform's published schema has `token`, `business_token`, `status` and `created_time`. That a
/// notification has the same fields, as those of users have, and comes as `businesstransitions` has not
/// been seen: one without them is parked, and nothing is guessed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompanyMoved {
    /// The company.
    pub company: Token,
    /// The state. One that we do not have (`LIMITED`, `UNVERIFIED`), or that nobody knows, is taken for
    /// suspended: not active.
    pub status: CompanyStatus,
}

#[derive(Default, Deserialize)]
pub(super) struct Fields<'a> {
    #[serde(borrow)]
    pub(super) token: Field<'a>,
    #[serde(borrow)]
    pub(super) created_time: Field<'a>,
    #[serde(borrow)]
    pub(super) card_token: Field<'a>,
    #[serde(borrow)]
    pub(super) user_token: Field<'a>,
    #[serde(borrow)]
    pub(super) business_token: Field<'a>,
    #[serde(borrow)]
    pub(super) state: Field<'a>,
    #[serde(borrow)]
    pub(super) status: Field<'a>,
    #[serde(borrow)]
    last_four: Field<'a>,
    #[serde(borrow)]
    expiration: Field<'a>,
    #[serde(borrow)]
    card_product_token: Field<'a>,
}

impl Fields<'_> {
    /// When it happened, if that can be read.
    pub(super) fn at(&self) -> Option<Timestamp> {
        time(self.created_time)
    }

    pub(super) fn card(&self) -> Result<CardMoved, Parked> {
        let state = word(self.state.or(self.status)).ok().flatten().ok_or("state_missing")?;
        let status = CardStatus::parse(&state.to_ascii_uppercase());
        Ok(CardMoved {
            card: link(self.card_token).ok_or("card_missing")?,
            user: link(self.user_token),
            status: status.unwrap_or(CardStatus::Suspended),
            last_four: digits(self.last_four),
            expires: word(self.expiration).ok().flatten().and_then(|text| expiry(&text)),
            product: link(self.card_product_token),
        })
    }

    pub(super) fn user(&self) -> Result<UserMoved, Parked> {
        let status = word(self.status.or(self.state)).ok().flatten().ok_or("state_missing")?;
        let status = UserStatus::parse(&status.to_ascii_uppercase());
        Ok(UserMoved {
            user: link(self.user_token).ok_or("user_missing")?,
            status: status.unwrap_or(UserStatus::Suspended),
        })
    }

    pub(super) fn company(&self) -> Result<CompanyMoved, Parked> {
        let status = word(self.status.or(self.state)).ok().flatten().ok_or("state_missing")?;
        let status = CompanyStatus::parse(&status.to_ascii_uppercase());
        Ok(CompanyMoved {
            company: link(self.business_token).ok_or("business_missing")?,
            status: status.unwrap_or(CompanyStatus::Suspended),
        })
    }

    pub(super) fn fingerprint(&self) -> Fingerprint {
        let literal = super::super::field::literal;
        let common = [self.card_token, self.user_token, self.state, self.status].map(literal);
        // Where there is none, the fingerprint is what releases before made of it.
        let business = self.business_token.map(|_| literal(self.business_token));
        let parts: Vec<&str> = common.into_iter().chain(business).collect();
        Fingerprint::of(&parts)
    }
}

/// RFC 3339; a time without a zone is UTC, as the platform's times are.
pub(in crate::wire::marqeta) fn time(field: Field<'_>) -> Option<Timestamp> {
    let text = string(field).ok().flatten()?;
    let text = text.trim();
    Timestamp::parse(text).or_else(|| Timestamp::parse(&format!("{text}Z")))
}

/// Exactly four digits: anything longer could be a card's number.
fn digits(field: Field<'_>) -> Option<Arc<str>> {
    let text = string(field).ok().flatten()?;
    let four = text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit());
    four.then(|| text.into())
}

/// `MMYY`.
fn expiry(text: &str) -> Option<Expiry> {
    let (month, year) = text.split_at_checked(2)?;
    let plain = year.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    if plain { Expiry::parse(&format!("20{year}-{month}")) } else { None }
}
