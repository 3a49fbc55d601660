//! Spending policy: limits (how much, how often) and controls (where, how), and whom they bind.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::id::{CardId, CompanyId, ControlId, IdError, LimitId, UserId};
use super::merchant::{Country, MccRange, Merchant};
use super::money::Currency;
use super::time::{Timestamp, Window};

pub mod conflict;
pub mod flaw;

/// Whom a limit or control binds. Also names what has a policy version of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Scope {
    /// One card.
    Card(CardId),
    /// Every card of a user.
    User(UserId),
    /// Every card of a company.
    Company(CompanyId),
    /// Every card.
    Program,
}

impl Scope {
    /// `program`, `company`, `user` or `card`.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Card(_) => "card",
            Self::User(_) => "user",
            Self::Company(_) => "company",
            Self::Program => "program",
        }
    }
}

/// `program`, or the id of the company, user or card.
impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Card(id) => id.fmt(f),
            Self::User(id) => id.fmt(f),
            Self::Company(id) => id.fmt(f),
            Self::Program => f.write_str("program"),
        }
    }
}

impl From<Scope> for String {
    fn from(scope: Scope) -> Self {
        scope.to_string()
    }
}

impl FromStr for Scope {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        if text == "program" {
            return Ok(Self::Program);
        }
        if text.starts_with(CompanyId::PREFIX) {
            return text.parse().map(Self::Company);
        }
        if text.starts_with(UserId::PREFIX) {
            return text.parse().map(Self::User);
        }
        text.parse().map(Self::Card)
    }
}

impl TryFrom<String> for Scope {
    type Error = IdError;

    fn try_from(text: String) -> Result<Self, IdError> {
        text.parse()
    }
}

/// The version of someone's policy when facts were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PolicyStamp {
    /// Whose policy.
    pub subject: Scope,
    /// How often it had changed.
    pub version: i64,
}

/// Which merchants a limit counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MerchantScope {
    /// All of them.
    Any,
    /// One merchant id.
    Mid(Arc<str>),
    /// One category code, or a range.
    Mcc(MccRange),
    /// A named group of codes. The platform's own word that a merchant is in the group counts too.
    MccGroup {
        /// The group's name.
        name: Arc<str>,
        /// Its codes and ranges.
        mccs: Vec<MccRange>,
    },
}

impl MerchantScope {
    /// Whether purchases at `merchant` count.
    pub fn covers(&self, merchant: &Merchant) -> bool {
        let in_ranges = |ranges: &[MccRange]| {
            merchant.mcc.is_some_and(|mcc| ranges.iter().any(|r| r.contains(mcc)))
        };
        match self {
            Self::Any => true,
            Self::Mid(mid) => merchant.mid.as_ref() == Some(mid),
            Self::Mcc(range) => in_ranges(std::slice::from_ref(range)),
            Self::MccGroup { name, mccs } => merchant.mcc_groups.contains(name) || in_ranges(mccs),
        }
    }
}

/// How a limit's count is shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitMode {
    /// Every card counts for itself.
    Cap,
    /// All cards of the scope count together.
    Pool,
}

/// How much, or how often, within a window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    /// Its id.
    pub id: LimitId,
    /// Whom it binds.
    pub scope: Scope,
    /// Which merchants count.
    pub merchant: MerchantScope,
    /// Over what it counts.
    pub window: Window,
    /// The most that may be spent, in minor units of the account's currency.
    pub amount: Option<i64>,
    /// How often cards may be used. Never with [`Window::Transaction`].
    pub count: Option<i64>,
    /// Binds only accounts of this currency; `None`: accounts of any currency, each in its own. Amounts that
    /// one person spends in two currencies are counted apart.
    pub currency: Option<Currency>,
    /// Each card for itself, or all together.
    pub mode: LimitMode,
    /// Grows by one with every change of this object.
    pub version: i64,
    /// When it was created; the window then current is counted from its beginning.
    pub created_at: Timestamp,
}

/// Who a counter counts for. A company has one currency, and so has a card; a person may have wallets of
/// several, and cents are not added to yen. Purchases alone can be added, whatever they were paid in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Member {
    /// One card.
    Card(CardId),
    /// All cards of a user: those that draw on accounts of this currency, where amounts are counted.
    User(UserId, Option<Currency>),
    /// All cards of a company.
    Company(CompanyId),
}

impl Member {
    /// Whose cards these are.
    pub const fn scope(self) -> Scope {
        match self {
            Self::Card(id) => Scope::Card(id),
            Self::User(id, _) => Scope::User(id),
            Self::Company(id) => Scope::Company(id),
        }
    }

    /// Whether what is used in a currency may count for it.
    pub fn uses(self, currency: Currency) -> bool {
        match self {
            Self::User(_, own) => own.is_none_or(|own| own == currency),
            Self::Card(_) | Self::Company(_) => true,
        }
    }
}

/// The id; a user's with the currency, if there is one: `usr_…/EUR`.
impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Card(id) => id.fmt(f),
            Self::User(id, Some(currency)) => write!(f, "{id}/{currency}"),
            Self::User(id, None) => id.fmt(f),
            Self::Company(id) => id.fmt(f),
        }
    }
}

impl From<Member> for String {
    fn from(member: Member) -> Self {
        member.to_string()
    }
}

/// Text that is no member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a card, a company, or a user, perhaps with a currency")]
pub struct MemberError;

impl FromStr for Member {
    type Err = MemberError;

    fn from_str(text: &str) -> Result<Self, MemberError> {
        if let Some((user, currency)) = text.split_once('/') {
            let user = user.parse().map_err(|_| MemberError)?;
            return Ok(Self::User(user, Some(Currency::parse(currency).ok_or(MemberError)?)));
        }
        match text.parse().map_err(|_| MemberError)? {
            Scope::Card(id) => Ok(Self::Card(id)),
            Scope::Company(id) => Ok(Self::Company(id)),
            Scope::User(id) => Ok(Self::User(id, None)),
            Scope::Program => Err(MemberError),
        }
    }
}

impl TryFrom<String> for Member {
    type Error = MemberError;

    fn try_from(text: String) -> Result<Self, MemberError> {
        text.parse()
    }
}

/// Names one counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CounterKey {
    /// The limit that is counted for.
    pub limit: LimitId,
    /// Who is counted.
    pub member: Member,
}

impl Limit {
    /// Whether purchases at `merchant` from an account of `currency` count.
    pub fn counts(&self, merchant: &Merchant, currency: Currency) -> bool {
        self.currency.is_none_or(|bound| bound == currency) && self.merchant.covers(merchant)
    }

    /// The counter that a use of `card`, from an account of `currency`, goes to; `None` where nothing is
    /// counted.
    pub fn counter(&self, card: CardId, currency: Currency) -> Option<CounterKey> {
        if self.window == Window::Transaction {
            return None;
        }
        let member = match (self.mode, self.scope) {
            (LimitMode::Pool, Scope::Company(id)) => Member::Company(id),
            (LimitMode::Pool, Scope::User(id)) => Member::User(id, self.amount.map(|_| currency)),
            _ => Member::Card(card),
        };
        Some(CounterKey { limit: self.id, member })
    }
}

/// What is used up in a counter's window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counter {
    /// When the window that is counted began.
    pub window_start: Timestamp,
    /// Minor units approved and not given back.
    pub amount: i64,
    /// Purchases approved and not given back.
    pub count: i64,
}

/// Whether a control's lists are the only ones allowed, or the ones refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Only what is listed passes. Allow-lists of one scope add up; every scope's must pass.
    Allow,
    /// What is listed is refused.
    Deny,
}

/// Where and how cards may be used. Each list stands for itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Control {
    /// Its id.
    pub id: ControlId,
    /// Whom it binds.
    pub scope: Scope,
    /// Allow or deny.
    pub effect: Effect,
    /// Category codes and ranges.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mccs: Vec<MccRange>,
    /// Names of category groups, as the platform sends them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mcc_groups: Vec<Arc<str>>,
    /// Merchant ids.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub merchants: Vec<Arc<str>>,
    /// Countries.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub countries: Vec<Country>,
    /// How the card was read (`CHIP`, `MANUAL`, …), as the platform spells it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub entry_modes: Vec<Arc<str>>,
    /// Payment channels (`ECOMMERCE`, `ATM`, …), as the platform spells them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub channels: Vec<Arc<str>>,
    /// Binds from here on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts_at: Option<Timestamp>,
    /// Binds until here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Timestamp>,
    /// Grows by one with every change of this object.
    pub version: i64,
    /// When it was created.
    pub created_at: Timestamp,
}

impl Control {
    /// Whether it binds at `now`.
    pub fn in_force(&self, now: Timestamp) -> bool {
        self.starts_at.is_none_or(|at| at <= now) && self.ends_at.is_none_or(|at| now < at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_read_back_and_amounts_of_a_user_have_a_currency() {
        let id = uuid::Uuid::from_u128(8);
        let (eur, jpy) = (Currency::parse("EUR").unwrap(), Currency::parse("JPY").unwrap());
        let user = |currency| Member::User(UserId::new(id), currency);
        let company = Member::Company(CompanyId::new(id));
        for member in [Member::Card(CardId::new(id)), user(Some(eur)), user(None), company] {
            assert_eq!(member.to_string().parse(), Ok(member));
        }
        assert_ne!(user(Some(eur)), user(Some(jpy)));
        assert!(user(Some(eur)).uses(eur) && !user(Some(eur)).uses(jpy) && user(None).uses(jpy));
        for text in ["", "program", "usr_8/EUR", "/EUR"] {
            assert_eq!(text.parse::<Member>(), Err(MemberError), "{text}");
        }
        let no_currency = format!("{}/XXY", UserId::new(id));
        assert_eq!(no_currency.parse::<Member>(), Err(MemberError));
    }
}
