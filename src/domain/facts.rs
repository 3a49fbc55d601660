//! Policy facts: what a decision needs to know about people, cards and rules. They come through a
//! cache, so they carry the policy versions they were read at, and the lane checks those.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::id::{AccountId, CardId, CompanyId, Home, UserId};
use super::money::Currency;
use super::party::{CardStatus, CompanyStatus, UserStatus};
use super::policy::{Control, CounterKey, Limit, PolicyStamp, Scope};
use super::time::{Expiry, Zone};
use super::token::Token;

/// A company, as far as a decision needs it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompanyFacts {
    /// Its id.
    pub id: CompanyId,
    /// Whether it may spend.
    pub status: CompanyStatus,
    /// The version of its policy.
    pub policy_version: i64,
}

/// A cardholder, as far as a decision needs it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserFacts {
    /// Its id.
    pub id: UserId,
    /// The platform's token.
    pub marqeta_token: Option<Token>,
    /// Whether the person may spend.
    pub status: UserStatus,
    /// The employer; `None` for a personal user.
    pub company: Option<CompanyFacts>,
    /// The version of the user's policy.
    pub policy_version: i64,
}

impl UserFacts {
    /// Where the user's data and money live.
    pub fn home(&self) -> Home {
        if self.company.is_some() { Home::Business } else { Home::Personal }
    }

    /// The versions that these facts were read at.
    pub fn stamps(&self) -> impl Iterator<Item = PolicyStamp> + '_ {
        let company = self.company.as_ref().map(|company| PolicyStamp {
            subject: Scope::Company(company.id),
            version: company.policy_version,
        });
        let user = PolicyStamp { subject: Scope::User(self.id), version: self.policy_version };
        std::iter::once(user).chain(company)
    }
}

/// A card with its owner and account, as far as a decision needs them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardFacts {
    /// Its id.
    pub id: CardId,
    /// The platform's token.
    pub marqeta_token: Option<Token>,
    /// Whether it may be used.
    pub status: CardStatus,
    /// The last month in which it is good.
    pub expires: Option<Expiry>,
    /// Who holds it.
    pub owner: UserFacts,
    /// What it draws on.
    pub account: AccountId,
    /// The account's currency.
    pub currency: Currency,
    /// Where the account's calendar windows begin.
    pub zone: Zone,
    /// The version of the card's policy.
    pub policy_version: i64,
}

impl CardFacts {
    /// The versions that these facts were read at, the owner's and company's among them.
    pub fn stamps(&self) -> impl Iterator<Item = PolicyStamp> + '_ {
        let card = PolicyStamp { subject: Scope::Card(self.id), version: self.policy_version };
        std::iter::once(card).chain(self.owner.stamps())
    }
}

/// The limits and controls that bind a card, narrowest scope first, and the versions of every
/// policy they come from (card, user, company, program).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitFacts {
    /// Limits, by scope (card, user, company, program), then by window.
    pub limits: Vec<Limit>,
    /// Controls, by scope.
    pub controls: Vec<Control>,
    /// The versions of all policies they were gathered from.
    pub stamps: Vec<PolicyStamp>,
}

impl LimitFacts {
    /// The counters that a use of `card`, from an account of `currency`, may touch.
    pub fn counters(
        &self,
        card: CardId,
        currency: Currency,
    ) -> impl Iterator<Item = (CounterKey, &Limit)> + '_ {
        self.limits.iter().filter_map(move |limit| Some((limit.counter(card, currency)?, limit)))
    }
}

/// Who is using the card.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Cardholder {
    /// Nobody is named: the card's owner.
    #[default]
    Owner,
    /// Someone is named whom we do not know.
    Unknown,
    /// Someone we know; whether it is the owner is a check of the decision.
    Known(Arc<UserFacts>),
}

/// Everything a decision knows before the books are locked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Who is using the card.
    pub cardholder: Cardholder,
    /// The card; `None`: there is no such card.
    pub card: Option<Arc<CardFacts>>,
    /// The limits and controls that bind it. Empty for an unknown card.
    pub limits: Arc<LimitFacts>,
}

impl Facts {
    /// The versions that all these facts were read at; some appear more than once.
    pub fn stamps(&self) -> impl Iterator<Item = PolicyStamp> + '_ {
        let cardholder = match &self.cardholder {
            Cardholder::Known(user) => Some(user.stamps()),
            Cardholder::Owner | Cardholder::Unknown => None,
        };
        let card = self.card.as_ref().map(|card| card.stamps());
        let limits = self.limits.stamps.iter().copied();
        cardholder.into_iter().flatten().chain(card.into_iter().flatten()).chain(limits)
    }

    /// The account that the card draws on.
    pub fn account(&self) -> Option<AccountId> {
        self.card.as_ref().map(|card| card.account)
    }

    /// The counters that a use of the card may touch.
    pub fn counters(&self) -> impl Iterator<Item = (CounterKey, &Limit)> + '_ {
        self.card.iter().flat_map(|card| self.limits.counters(card.id, card.currency))
    }
}
