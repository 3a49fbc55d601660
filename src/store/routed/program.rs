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

    async fn copy(&self, changed: Changed) -> Result<Vec<PolicyStamp>, StoreError> {
        let Self { leader, follower } = self;
        match changed {
            Changed::Limit(id) => match leader.limit(id).await? {
                Some(limit) => self.catch_up_limit(&limit).await,
                None => Ok(follower.delete_limit(id).await?.unwrap_or_default()),
            },
            Changed::Control(id) => match leader.control(id).await? {
                Some(control) => self.catch_up_control(&control).await,
                None => Ok(follower.delete_control(id).await?.unwrap_or_default()),
            },
        }
    }

    /// Brings a limit to its version, one at a time: an update expects the version before.
    async fn catch_up_limit(&self, limit: &Limit) -> Result<Vec<PolicyStamp>, StoreError> {
        let mut stamps = Vec::new();
        loop {
            match self.follower.limit(limit.id).await? {
                None => return self.follower.insert_limit(limit.clone()).await,
                Some(found) if found.version >= limit.version => return Ok(stamps),
                Some(found) => {
                    let version = found.version.saturating_add(1);
                    let next = Limit { version, ..limit.clone() };
                    stamps = self.follower.update_limit(next).await?;
                }
            }
        }
    }

    /// As [`Following::catch_up_limit`].
    async fn catch_up_control(&self, control: &Control) -> Result<Vec<PolicyStamp>, StoreError> {
        let mut stamps = Vec::new();
        loop {
            match self.follower.control(control.id).await? {
                None => return self.follower.insert_control(control.clone()).await,
                Some(found) if found.version >= control.version => return Ok(stamps),
                Some(found) => {
                    let version = found.version.saturating_add(1);
                    let next = Control { version, ..control.clone() };
                    stamps = self.follower.update_control(next).await?;
                }
            }
        }
    }
}
