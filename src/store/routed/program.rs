//! Program policy binds both homes, so it is written to both before it is acknowledged. The business
//! home goes first; the personal home follows what is there. If it can not, the write is not
//! acknowledged, and it is brought up to date in the background for as long as the process lives.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::id::{ControlId, LimitId};
use crate::domain::policy::{Control, Limit, PolicyStamp};
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
    /// before.
    async fn copy(&self, changed: Changed) -> Result<Vec<PolicyStamp>, StoreError> {
        let follower = &*self.follower;
        let Some(wanted) = changed.read(&*self.leader).await? else {
            return changed.delete(follower).await;
        };
        let mut stamps = Vec::new();
        loop {
            match changed.read(follower).await? {
                None => return wanted.insert(follower).await,
                Some(found) if found.version() >= wanted.version() => return Ok(stamps),
                Some(found) => {
                    let next = wanted.clone().at(found.version().saturating_add(1));
                    stamps = next.update(follower).await?;
                }
            }
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
