//! Notifications of the card platform: they are stored, and the queue carries their ids.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use super::cleanse::Scanned;
use super::{Handled, Handler, Handling};
use crate::broker::Message;
use crate::domain::id::EventId;
use crate::service::webhooks::{Applied, TURN_MAX, Webhooks};

/// How long one may take that has its turn.
const APPLY_MAX: Duration = Duration::from_secs(5);

/// Applies notifications.
pub struct WebhookHandler {
    /// By what.
    pub webhooks: Arc<Webhooks>,
}

/// The body of a message.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    id: EventId,
}

impl Handler for WebhookHandler {
    fn handle<'a>(&'a self, message: &'a Message, _: Scanned) -> Handling<'a> {
        Box::pin(async move {
            let Ok(Stored { id }) = serde_json::from_slice(&message.body) else {
                let error = "the body is not the id of a notification".to_owned();
                return Handled::Never { reason: "wrong_schema", error };
            };
            match self.webhooks.apply(id).await {
                // What failed is parked, and tried again by the worker in its own time. So is what waits for a
                // store: here it would keep those of the other home waiting.
                Applied::Done(..) | Applied::Elsewhere | Applied::Later => Handled::Done,
                Applied::Unavailable => Handled::Unavailable,
            }
        })
    }

    fn deadline(&self) -> Duration {
        TURN_MAX + APPLY_MAX
    }
}
