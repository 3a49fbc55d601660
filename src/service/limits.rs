//! Spending limits: create, read, change, delete.

use super::Service;
use super::error::{Error, at_version};
use crate::domain::id::LimitId;
use crate::domain::policy::{Limit, LimitMode, Scope};
use crate::domain::time::Window;
use crate::wire::v1::field::Invalid;
use crate::wire::v1::limit::{LimitChange, NewLimit};

impl Service {
    /// Creates a limit. The window that is current is counted from its beginning.
    pub async fn create_limit(&self, new: NewLimit) -> Result<Limit, Error> {
        self.create_limit_as(new, |_, _| LimitId::new(self.clock.uuid())).await
    }

    /// Creates a limit under the id that is made of whom it binds and what it is.
    pub(super) async fn create_limit_as(
        &self,
        new: NewLimit,
        id: impl Fn(Scope, &NewLimit) -> LimitId,
    ) -> Result<Limit, Error> {
        let scope = self.scope(new.scope.clone()).await?;
        let limit = Limit {
            id: id(scope, &new),
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
        self.resources.insert_limit(limit.clone()).await?;
        Ok(limit)
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
        let changed = Limit {
            amount: change.amount.unwrap_or(limit.amount),
            count: change.count.unwrap_or(limit.count),
            version: limit.version.saturating_add(1),
            ..limit
        };
        consistent(&changed)?;
        self.resources.update_limit(changed.clone()).await?;
        Ok(changed)
    }

    /// Removes a limit and what it has counted.
    pub async fn delete_limit(&self, id: LimitId) -> Result<(), Error> {
        self.resources.delete_limit(id).await?.map(|_| ()).ok_or(Error::NotFound(None))
    }
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
