//! Program policy binds both homes, so it is written to both before it is acknowledged. The business
//! home goes first; the personal home follows what is there. If it can not, the write is not
//! acknowledged, and it is brought up to date in the background for as long as the process lives.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use crate::domain::clock::Clock;
use crate::domain::id::{ControlId, LimitId};
use crate::domain::policy::{Control, Limit, PolicyStamp};
use crate::domain::time::Timestamp;
use crate::store::{ResourceStore, StoreError};

/// Between two attempts to reach a home that was missed.
const AGAIN: Duration = Duration::from_secs(1);

/// What has changed.
#[derive(Clone, Copy)]
pub(super) enum Changed {
    /// A limit is new, changed, or gone.
    Limit(LimitId),
    /// A control is new, changed, or gone.
    Control(ControlId),
}

/// The two homes.
#[derive(Clone)]
pub(super) struct Following {
    pub(super) leader: Arc<dyn ResourceStore>,
    pub(super) follower: Arc<dyn ResourceStore>,
    pub(super) clock: Arc<dyn Clock>,
}

impl Following {
    /// Makes the follower's copy equal to the leader's; the versions that this has made.
    pub(super) async fn follow(self, changed: Changed) -> Result<Vec<PolicyStamp>, StoreError> {
        let followed = self.copy(changed).await;
        if followed.is_err() {
            tokio::spawn(async move {
                while !self.has_copied(changed).await {
                    tokio::time::sleep(AGAIN).await;
                }
            });
        }
        followed
    }

    async fn has_copied(&self, changed: Changed) -> bool {
        let copied = self.copy(changed).await;
        if let Err(error) = &copied {
            let error = error as &dyn std::error::Error;
            tracing::warn!(error, "program policy has not reached both homes; trying again");
        }
        copied.is_ok()
    }

    /// Brings the follower's copy to the leader's version, one at a time: an update expects the version
    /// before. What the follower has at this version or a later one may be left of something that the leader
    /// has no more: it is changed, too. Whatever was written is looked at again, beside what the leader then
    /// has: it may have changed meanwhile, and whoever changed it may have found nothing to do here. (The
    /// follower is read first: what it has of the leader's own is never newer than what the leader then has.)
    async fn copy(&self, changed: Changed) -> Result<Vec<PolicyStamp>, StoreError> {
        let follower = &*self.follower;
        let mut stamps = Vec::new();
        loop {
            let found = changed.read(follower).await?;
            let wanted = changed.read(&*self.leader).await?;
            stamps = match (found, wanted) {
                (None, None) => return Ok(stamps),
                (Some(_), None) => changed.delete(follower).await?,
                (None, Some(wanted)) => {
                    // New here, however old it is there: what was used in this window counts.
                    wanted.created_at(self.clock.now()).insert(follower).await?
                }
                (Some(found), Some(wanted)) => {
                    if found.version() >= wanted.version() && found.says(&wanted) {
                        return Ok(stamps);
                    }
                    wanted.at(found.version().saturating_add(1)).update(follower).await?
                }
            };
        }
    }
}

impl Changed {
    async fn read(self, store: &dyn ResourceStore) -> Result<Option<Policy>, StoreError> {
        Ok(match self {
            Self::Limit(id) => store.limit(id).await?.map(Policy::Limit),
            Self::Control(id) => store.control(id).await?.map(Policy::Control),
        })
    }

    async fn delete(self, store: &dyn ResourceStore) -> Result<Vec<PolicyStamp>, StoreError> {
        let deleted = match self {
            Self::Limit(id) => store.delete_limit(id).await?,
            Self::Control(id) => store.delete_control(id).await?,
        };
        Ok(deleted.unwrap_or_default())
    }
}

/// What a home has of it.
#[derive(Clone)]
enum Policy {
    Limit(Limit),
    Control(Control),
}

impl Policy {
    const fn version(&self) -> i64 {
        match self {
            Self::Limit(limit) => limit.version,
            Self::Control(control) => control.version,
        }
    }

    fn at(self, version: i64) -> Self {
        match self {
            Self::Limit(limit) => Self::Limit(Limit { version, ..limit }),
            Self::Control(control) => Self::Control(Control { version, ..control }),
        }
    }

    fn created_at(self, created_at: Timestamp) -> Self {
        match self {
            Self::Limit(limit) => Self::Limit(Limit { created_at, ..limit }),
            Self::Control(control) => Self::Control(Control { created_at, ..control }),
        }
    }

    /// Whether it says the same, by what can be changed of a limit. A control's id is drawn anew for each:
    /// nothing is left of another.
    fn says(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Limit(own), Self::Limit(other)) => {
                (own.amount, own.count) == (other.amount, other.count)
            }
            (Self::Control(_), Self::Control(_)) => true,
            _ => false,
        }
    }

    async fn insert(self, store: &dyn ResourceStore) -> Result<Vec<PolicyStamp>, StoreError> {
        match self {
            Self::Limit(limit) => store.insert_limit(limit).await,
            Self::Control(control) => store.insert_control(control).await,
        }
    }

    async fn update(self, store: &dyn ResourceStore) -> Result<Vec<PolicyStamp>, StoreError> {
        match self {
            Self::Limit(limit) => store.update_limit(limit).await,
            Self::Control(control) => store.update_control(control).await,
        }
    }
}
