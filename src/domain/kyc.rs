//! Know your customer: what a person has submitted to be allowed to spend more, and what came of it.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::event::further_id;
use super::id::{KycId, LimitId, UserId};
use super::money::AMOUNT_MAX_MINOR;
use super::policy::{Limit, LimitMode, MerchantScope, Scope};
use super::time::{Timestamp, Window};
use super::token::Token;

/// The number of a person's limit among the things that their id names.
const LIMIT_NUMBER: u64 = u64::MAX;

/// What has come of a submission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KycStatus {
    /// Nobody has decided yet.
    Submitted,
    /// The person has the tier.
    Approved,
    /// The person has not.
    Rejected,
}

impl KycStatus {
    /// Every status, in order.
    pub const ALL: [Self; 3] = [Self::Submitted, Self::Approved, Self::Rejected];

    /// The name used in JSON and rows.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Submitted => "submitted",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
        }
    }

    /// Reads the name back.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }

    /// Whether a change to `next` is allowed: a decision is final.
    pub const fn may_become(self, next: Self) -> bool {
        matches!((self, next), (Self::Submitted, Self::Approved | Self::Rejected))
    }
}

/// One submission. What the documents say is kept by the program: here are only its references.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KycRecord {
    /// Its id.
    pub id: KycId,
    /// Whose it is.
    pub user: UserId,
    /// The tier that is asked for.
    pub tier: Arc<str>,
    /// The program's references to documents.
    pub documents: Vec<Arc<str>>,
    /// What has come of it.
    pub status: KycStatus,
    /// Why it was rejected.
    pub reason: Option<Arc<str>>,
    /// Grows by one with every change of this object.
    pub version: i64,
    /// When it was submitted.
    pub created_at: Timestamp,
    /// When it was decided.
    pub decided_at: Option<Timestamp>,
}

/// What an approval gives: the limit that the tier sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KycGrant {
    /// The person's limit: a new one at version 1, or the next version of the one there is.
    pub limit: Limit,
    /// The person, where the approval ends their being unverified.
    pub user: Option<super::party::User>,
}

/// The limit that a person's tier sets: all their cards together, each month. Always the same one.
pub fn limit_id(user: UserId) -> LimitId {
    LimitId::new(further_id(user.uuid(), LIMIT_NUMBER).uuid())
}

/// Whether it is such a limit.
pub fn is_of_tier(limit: &Limit) -> bool {
    matches!(limit.scope, Scope::User(user) if limit.id == limit_id(user))
}

/// The first version of that limit.
pub fn monthly_limit(user: UserId, amount: i64, now: Timestamp) -> Limit {
    Limit {
        id: limit_id(user),
        scope: Scope::User(user),
        merchant: MerchantScope::Any,
        window: Window::Month,
        amount: Some(amount),
        count: None,
        currency: None,
        mode: LimitMode::Pool,
        version: 1,
        created_at: now,
    }
}

/// The tiers, each with what may be spent a month, in minor units of the wallet's currency.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tiers(BTreeMap<Arc<str>, i64>);

impl Tiers {
    /// What a tier allows a month; `None`: there is no such tier.
    pub fn monthly(&self, tier: &str) -> Option<i64> {
        self.0.get(tier).copied()
    }
}

/// The text is not a list of tiers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected tiers such as basic=50000,full=5000000: names and minor units a month")]
pub struct TiersError;

impl FromStr for Tiers {
    type Err = TiersError;

    fn from_str(text: &str) -> Result<Self, TiersError> {
        let mut tiers = BTreeMap::new();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (name, amount) = part.split_once('=').ok_or(TiersError)?;
            let name: Token = name.trim().parse().map_err(|_| TiersError)?;
            let amount: i64 = amount.trim().parse().map_err(|_| TiersError)?;
            let fits = (0..=AMOUNT_MAX_MINOR).contains(&amount);
            if !fits || tiers.insert(name.as_str().into(), amount).is_some() {
                return Err(TiersError);
            }
        }
        if tiers.is_empty() { Err(TiersError) } else { Ok(Self(tiers)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiers_are_names_with_amounts() {
        let tiers: Tiers = "basic=50000, full = 5000000".parse().unwrap();
        assert_eq!(
            (tiers.monthly("basic"), tiers.monthly("full")),
            (Some(50_000), Some(5_000_000))
        );
        assert_eq!(tiers.monthly("gold"), None);
        for bad in
            ["", "basic", "basic=", "basic=-1", "basic=1,basic=2", "a b=1", "x=1000000000001"]
        {
            assert_eq!(bad.parse::<Tiers>(), Err(TiersError), "{bad}");
        }
    }

    #[test]
    fn a_decision_is_final() {
        for from in KycStatus::ALL {
            for to in KycStatus::ALL {
                let allowed = from == KycStatus::Submitted && to != KycStatus::Submitted;
                assert_eq!(from.may_become(to), allowed, "{from:?} {to:?}");
            }
            assert_eq!(KycStatus::parse(from.as_str()), Some(from));
        }
    }

    #[test]
    fn a_person_has_one_limit_of_their_tier() {
        let user = |n| UserId::new(uuid::Uuid::from_u128(n));
        assert_eq!(limit_id(user(1)), limit_id(user(1)));
        assert_ne!(limit_id(user(1)), limit_id(user(2)));
        let limit = monthly_limit(user(1), 100, Timestamp::from_micros(0));
        assert!(is_of_tier(&limit));
        assert!(!is_of_tier(&Limit { scope: Scope::User(user(2)), ..limit.clone() }));
        assert!(!is_of_tier(&Limit { id: LimitId::new(uuid::Uuid::from_u128(3)), ..limit }));
    }
}
