//! Companies, users, cards and accounts, as they are kept and changed.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::access::Reach;
use super::id::{AccountId, CardId, CompanyId, Home, UserId};
use super::money::Currency;
use super::time::{Expiry, Timestamp, Zone};
use super::token::Token;

macro_rules! status {
    ($(#[$doc:meta])+ $name:ident { $($(#[$vdoc:meta])+ $variant:ident => $text:literal),+ $(,)? }) => {
        $(#[$doc])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "SCREAMING_SNAKE_CASE")]
        pub enum $name { $($(#[$vdoc])+ $variant),+ }

        impl $name {
            /// The platform's spelling.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            /// Reads the platform's spelling.
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

status! {
    /// State of a company.
    CompanyStatus {
        /// In business.
        Active => "ACTIVE",
        /// Stopped for now: `TRANSACTION_NOT_PERMITTED`.
        Suspended => "SUSPENDED",
        /// Gone for good: `CLOSED_ACCOUNT`.
        Closed => "CLOSED",
    }
}

status! {
    /// State of a cardholder (protocol reference, section 8.2).
    UserStatus {
        /// Identity check not passed.
        Unverified => "UNVERIFIED",
        /// Check conditionally required; may spend unless a setting says otherwise.
        Limited => "LIMITED",
        /// May spend.
        Active => "ACTIVE",
        /// Stopped for now.
        Suspended => "SUSPENDED",
        /// Gone for good.
        Closed => "CLOSED",
    }
}

status! {
    /// State of a card (protocol reference, section 8.1).
    CardStatus {
        /// Issued, not activated.
        Unactivated => "UNACTIVATED",
        /// May spend.
        Active => "ACTIVE",
        /// Stopped for now.
        Suspended => "SUSPENDED",
        /// Gone for good.
        Terminated => "TERMINATED",
        /// Restricted by the platform; may not spend unless a setting says otherwise.
        Limited => "LIMITED",
    }
}

/// Who has given a card or user its status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Setter {
    /// Somebody whose reach is the program.
    Program,
    /// Somebody who is bound to the company.
    Company,
    /// The card platform, by a notification.
    Platform,
}

impl Setter {
    /// A caller of this reach.
    pub const fn of(reach: Reach) -> Self {
        match reach {
            Reach::Program => Self::Program,
            Reach::Company(_) => Self::Company,
        }
    }

    /// The name used in rows.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Program => "program",
            Self::Company => "company",
            Self::Platform => "platform",
        }
    }

    /// As a row that gets this version keeps it. A process of the release before writes a status and a
    /// version, and leaves this as it was: then it belongs to another status.
    pub fn kept(self, version: i64) -> String {
        format!("{} {version}", self.as_str())
    }

    /// What a row of this version keeps. `None`: somebody has written it who does not say who has given it
    /// its status.
    pub fn read(kept: &str, version: i64) -> Option<Self> {
        let all = [Self::Program, Self::Company, Self::Platform];
        all.into_iter().find(|setter| setter.kept(version) == kept)
    }
}

/// What the states of companies, cards and cardholders have in common.
pub trait Status: Copy + PartialEq {
    /// Stopped for now.
    const SUSPENDED: Self;

    /// Whether it takes something away that not everyone may give back.
    fn is_restriction(self) -> bool;

    /// Whether it is gone for good.
    fn is_end(self) -> bool;
}

impl Status for CompanyStatus {
    const SUSPENDED: Self = Self::Suspended;

    fn is_restriction(self) -> bool {
        self == Self::Suspended
    }

    fn is_end(self) -> bool {
        self == Self::Closed
    }
}

impl Status for UserStatus {
    const SUSPENDED: Self = Self::Suspended;

    fn is_restriction(self) -> bool {
        self == Self::Suspended
    }

    fn is_end(self) -> bool {
        self == Self::Closed
    }
}

impl Status for CardStatus {
    const SUSPENDED: Self = Self::Suspended;

    fn is_restriction(self) -> bool {
        matches!(self, Self::Suspended | Self::Limited)
    }

    fn is_end(self) -> bool {
        self == Self::Terminated
    }
}

impl CompanyStatus {
    /// Whether a change to `next` is allowed. Staying the same is.
    pub fn may_become(self, next: Self) -> bool {
        self == next || self != Self::Closed
    }
}

impl UserStatus {
    /// Whether a change to `next` is allowed. Staying the same is; `CLOSED` is final.
    pub fn may_become(self, next: Self) -> bool {
        use UserStatus::{Active, Closed, Limited, Suspended, Unverified};
        self == next
            || match self {
                Unverified => matches!(next, Active | Closed),
                Limited => matches!(next, Active | Suspended | Closed),
                Active => matches!(next, Suspended | Closed | Unverified),
                Suspended => matches!(next, Active | Limited | Unverified | Closed),
                Closed => false,
            }
    }

    /// Whether this holder's cards may be activated and their wallet loaded (protocol reference,
    /// section 8.2).
    pub const fn may_activate_and_load(self) -> bool {
        matches!(self, Self::Active | Self::Limited)
    }
}

impl CardStatus {
    /// Whether a change to `next` is allowed. Staying the same is; `TERMINATED` is final.
    pub fn may_become(self, next: Self) -> bool {
        use CardStatus::{Active, Limited, Suspended, Terminated, Unactivated};
        self == next
            || match self {
                Unactivated => matches!(next, Active | Suspended | Terminated | Limited),
                Limited => matches!(next, Active | Suspended | Terminated),
                Active => matches!(next, Suspended | Terminated | Limited),
                Suspended => matches!(next, Active | Terminated | Limited),
                Terminated => false,
            }
    }
}

/// A business customer; its cards draw on one account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Company {
    /// Its id.
    pub id: CompanyId,
    /// The platform's token for it, if it has one.
    pub marqeta_token: Option<Token>,
    /// What it is called.
    pub name: Arc<str>,
    /// Whether it may spend.
    pub status: CompanyStatus,
    /// The currency of its account.
    pub currency: Currency,
    /// Where its calendar windows begin.
    pub zone: Zone,
    /// The account that its cards draw on.
    pub account: AccountId,
    /// Grows by one with every change of this object.
    pub version: i64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When somebody last set the status here. `None`: only the card platform has, if anyone.
    pub status_set_at: Option<Timestamp>,
}

/// A cardholder: an employee of a company, or a person on their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Its id.
    pub id: UserId,
    /// The company; `None` for a personal user.
    pub company: Option<CompanyId>,
    /// The platform's token.
    pub marqeta_token: Option<Token>,
    /// Personal data: never logged.
    pub first_name: Option<Arc<str>>,
    /// Personal data: never logged.
    pub last_name: Option<Arc<str>>,
    /// Personal data: never logged.
    pub email: Option<Arc<str>>,
    /// What the person does in the company; free text.
    pub role: Option<Arc<str>>,
    /// Whether the person may spend.
    pub status: UserStatus,
    /// Grows by one with every change of this object.
    pub version: i64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When somebody last set the status here. `None`: only the card platform has, if anyone.
    pub status_set_at: Option<Timestamp>,
    /// Who has given it its status. `None`: nobody knows any more.
    pub status_set_by: Option<Setter>,
}

impl User {
    /// Business users belong to a company, personal users do not.
    pub fn home(&self) -> Home {
        if self.company.is_some() { Home::Business } else { Home::Personal }
    }
}

/// A card, by what we may know of it: never its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Card {
    /// Its id.
    pub id: CardId,
    /// Who holds it.
    pub user: UserId,
    /// What it draws on.
    pub account: AccountId,
    /// The platform's token.
    pub marqeta_token: Option<Token>,
    /// The last four digits.
    pub last_four: Option<Arc<str>>,
    /// The card product, as the platform names it.
    pub product: Option<Token>,
    /// The last month in which it is good.
    pub expires: Option<Expiry>,
    /// Whether it may be used.
    pub status: CardStatus,
    /// Grows by one with every change of this object.
    pub version: i64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When somebody last set the status here. `None`: only the card platform has, if anyone.
    pub status_set_at: Option<Timestamp>,
    /// Who has given it its status. `None`: nobody knows any more.
    pub status_set_by: Option<Setter>,
}

/// Money that cards draw on. Amounts are minor units of one currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its id, which tells its home.
    pub id: AccountId,
    /// Its currency.
    pub currency: Currency,
    /// Credit granted.
    pub limit: i64,
    /// Money put in.
    pub funded: i64,
    /// The sum of the active holds.
    pub held: i64,
    /// What purchases have taken, less what refunds have given back.
    pub posted: i64,
    /// Grows by one with every change of policy (the limit), not with purchases.
    pub version: i64,
}

impl Account {
    /// An account with nothing on it.
    pub const fn empty(id: AccountId, currency: Currency) -> Self {
        Self { id, currency, limit: 0, funded: 0, held: 0, posted: 0, version: 1 }
    }

    /// limit + funded − held − posted. Negative after money that was owed anyway.
    pub const fn available(&self) -> i64 {
        self.limit.saturating_add(self.funded).saturating_sub(self.held).saturating_sub(self.posted)
    }

    /// What is on the account by the books alone: funded − posted.
    pub const fn ledger_balance(&self) -> i64 {
        self.funded.saturating_sub(self.posted)
    }
}

/// A personal account: an [`Account`] with an owner and a time zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wallet {
    /// The account that holds its money.
    pub account: AccountId,
    /// Whose it is.
    pub user: UserId,
    /// Its currency.
    pub currency: Currency,
    /// Where its calendar windows begin.
    pub zone: Zone,
    /// Grows by one with every change of this object.
    pub version: i64,
    /// When it was created.
    pub created_at: Timestamp,
}

#[cfg(test)]
mod tests;
