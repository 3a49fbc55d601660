//! Spending limits: create, read, change, delete.

use super::Service;
use super::error::{Error, at_version};
use crate::domain::id::LimitId;
use crate::domain::kyc;
use crate::domain::policy::conflict::Quantity;
use crate::domain::policy::{Limit, LimitMode, Scope};
use crate::domain::time::Window;
use crate::store::lists::{Bound, Page, PolicyQuery};
use crate::wire::v1::field::Invalid;
use crate::wire::v1::limit::{LimitChange, NewLimit};

/// Limits of one owner that are read at a time.
const OWNED_AT_ONCE: u32 = 200;

impl Service {
    /// Creates a limit. The window that is current is counted from its beginning.
    pub async fn create_limit(&self, new: NewLimit) -> Result<Limit, Error> {
        let scope = self.scope(new.scope.clone()).await?;
        let owned = self.limits_of(scope).await?;
        let limit = self.new_limit(LimitId::new(self.clock.uuid()), scope, new, &owned)?;
        self.resources.insert_limit(limit.clone()).await?;
        Ok(limit)
    }

    /// A limit that an owner may be given who has these already.
    pub(super) fn new_limit(
        &self,
        id: LimitId,
        scope: Scope,
        new: NewLimit,
        owned: &[Limit],
    ) -> Result<Limit, Error> {
        if owned.iter().any(|limit| limit.id == id) {
            return Err(Error::TokenTaken("id"));
        }
        let limit = Limit {
            id,
            scope,
            merchant: new.merchant,
            window: new.window,
            amount: new.amount,
            count: new.count,
            currency: new.currency,
            mode: new.mode,
            version: 1,
            created_at: self.clock.now(),
        };
        consistent(&limit)?;
        uncontradicted(&limit, None, owned)?;
        Ok(limit)
    }

    /// All limits of one owner.
    async fn limits_of(&self, scope: Scope) -> Result<Vec<Limit>, Error> {
        let mut owned: Vec<Limit> = Vec::new();
        loop {
            let before = owned.last().map(|limit| limit.id);
            let page = Page { before, rows_max: OWNED_AT_ONCE };
            let query = PolicyQuery { company: None, bound: Some(Bound::One(scope)), page };
            let more = self.lists.limits_page(query).await?;
            let is_last = more.len() < usize::try_from(OWNED_AT_ONCE).unwrap_or(usize::MAX);
            owned.extend(more);
            if is_last {
                return Ok(owned);
            }
        }
    }

    /// One limit.
    pub async fn limit(&self, id: LimitId) -> Result<Limit, Error> {
        self.resources.limit(id).await?.ok_or(Error::NotFound(None))
    }

    /// Changes a limit that is still at the version the caller has seen.
    pub async fn change_limit(
        &self,
        id: LimitId,
        seen: i64,
        change: LimitChange,
    ) -> Result<Limit, Error> {
        let found = self.resources.limit(id).await?;
        let limit = at_version(found, |limit| limit.version, seen)?;
        changeable(&limit)?;
        let changed = Limit {
            amount: change.amount.unwrap_or(limit.amount),
            count: change.count.unwrap_or(limit.count),
            version: limit.version.saturating_add(1),
            ..limit.clone()
        };
        consistent(&changed)?;
        let owned = self.limits_of(changed.scope).await?;
        uncontradicted(&changed, Some(&limit), &owned)?;
        self.resources.update_limit(changed.clone()).await?;
        Ok(changed)
    }

    /// Removes a limit and what it has counted.
    pub async fn delete_limit(&self, id: LimitId) -> Result<(), Error> {
        changeable(&self.limit(id).await?)?;
        self.resources.delete_limit(id).await?.map(|_| ()).ok_or(Error::NotFound(None))
    }
}

/// What a tier allows changes with the tier alone, so that nobody spends more than their proof allows.
fn changeable(limit: &Limit) -> Result<(), Error> {
    if kyc::is_of_tier(limit) { Err(Error::LimitOfTier) } else { Ok(()) }
}

/// A limit must limit something, and be able to count it.
fn consistent(limit: &Limit) -> Result<(), Error> {
    if limit.amount.is_none() && limit.count.is_none() {
        const DETAIL: &str = "a limit needs an amount, a count, or both";
        return Err(Invalid::new("missing_field", DETAIL).under("amount").into());
    }
    if limit.count.is_some() && limit.window == Window::Transaction {
        let detail = "one purchase can not be counted; give a count another window";
        return Err(Error::LimitConflict { detail, pointer: "/count" });
    }
    if limit.mode == LimitMode::Pool && limit.scope == Scope::Program {
        let detail = "the whole program can not share a pool; use a cap, or a narrower scope";
        return Err(Error::LimitConflict { detail, pointer: "/mode" });
    }
    Ok(())
}

/// A limit must not contradict another of its owner.
fn uncontradicted(limit: &Limit, before: Option<&Limit>, owned: &[Limit]) -> Result<(), Error> {
    for quantity in Quantity::ALL {
        let mut others = owned.iter().filter(|other| other.id != limit.id);
        if others.any(|other| limit.comes_to_contradict(before, other, quantity)) {
            const DETAIL: &str = "another limit of this owner contradicts it: over a longer window no less may be allowed than over a shorter one";
            let pointer = match quantity {
                Quantity::Amount => "/amount",
                Quantity::Count => "/count",
            };
            return Err(Error::LimitConflict { detail: DETAIL, pointer });
        }
    }
    Ok(())
}
