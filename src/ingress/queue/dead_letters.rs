//! What could not be worked, from any queue: kept where it can be looked through.

use std::sync::Arc;

use super::cleanse::Scanned;
use super::{Handled, Handler, Handling};
use crate::broker::Message;
use crate::service::dead_letters::DeadLetterDesk;

/// Keeps dead letters.
pub struct DeadLetterHandler {
    /// Where.
    pub desk: Arc<DeadLetterDesk>,
}

impl Handler for DeadLetterHandler {
    fn handle<'a>(&'a self, message: &'a Message, _: Scanned) -> Handling<'a> {
        Box::pin(async move {
            match self.desk.keep(message).await {
                Ok(()) => Handled::Done,
                // It stays in its queue, whatever the store says of it: there is nowhere further.
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, "could not keep a dead letter; trying again");
                    Handled::Unavailable
                }
            }
        })
    }
}
