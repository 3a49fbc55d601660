//! Looking through notifications, and putting back what was parked.

use super::Webhooks;
use super::keep::CONFLICT;
use crate::domain::id::EventId;
use crate::domain::webhook::{WebhookRecord, WebhookStatus};
use crate::service::error::Error;

impl Webhooks {
    /// Notifications of a status, or all, the latest first.
    pub async fn list(
        &self,
        status: Option<WebhookStatus>,
        before: Option<EventId>,
        rows_max: u32,
    ) -> Result<Vec<WebhookRecord>, Error> {
        Ok(self.events.list(status, before, rows_max).await?)
    }

    /// One notification.
    pub async fn find(&self, id: EventId) -> Result<WebhookRecord, Error> {
        self.events.one(id).await?.ok_or(Error::NotFound(None))
    }

    /// Tries a parked one again: what it has waited for may be there now. Its effects are once, however
    /// often it is tried. Not one that contradicts another: what its token stands for has happened.
    pub async fn retry(&self, id: EventId) -> Result<WebhookRecord, Error> {
        let found = self.find(id).await?;
        if found.reason.as_deref() == Some(CONFLICT) {
            return Err(Error::InvalidTransition);
        }
        if !self.events.retry(id, self.service.clock.now()).await? {
            return Err(Error::InvalidTransition);
        }
        tracing::info!(event.id = %id, "a parked notification is tried again");
        self.enqueue(vec![id]);
        self.find(id).await
    }
}
