//! Notifications of the card platform: kept raw before they are acknowledged, then applied to the books
//! by a worker, in any order and any number of times with the same end.

mod apply;
mod browse;
mod keep;
mod parties;
mod turns;
mod work;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::broker::Broker;
use crate::domain::id::{CompanyId, EventId};
use crate::domain::webhook::WebhookStatus;
use crate::store::seal::Seal;
use crate::store::webhooks::WebhookEvents;
use crate::telemetry::faults::Faults;

use super::Service;

use turns::Turns;

#[cfg(test)]
pub(super) use apply::step; // the comparison with the platform's list is held to it
pub use keep::Receipt;
pub use work::TURN_MAX;

/// What happens to notifications of a card or cardholder that nobody knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// They wait, and are tried again.
    Park,
    /// Card and cardholder are created under this company, not to be used before they are activated.
    Create(CompanyId),
}

/// What may be set.
#[derive(Clone, Debug)]
pub struct WebhookSettings {
    /// What happens where nobody knows the card.
    pub unknown: Unknown,
    /// How long a notification is left to the queue before a worker takes it without.
    pub grace: Duration,
    /// How many are applied at a time, by the queue and by the worker together.
    pub workers: usize,
    /// How long what is done is remembered.
    pub retention: Duration,
}

/// What the notifications are handled with.
pub struct Parts {
    /// Where they are kept.
    pub events: Arc<dyn WebhookEvents>,
    /// The verbs on cards, users and the books.
    pub service: Arc<Service>,
    /// Closes and opens what is kept.
    pub seal: Seal,
    /// Where ids are enqueued.
    pub broker: Arc<dyn Broker>,
    /// Where it is told that one was parked, or is not what is known under its token.
    pub faults: Arc<Faults>,
    /// What may be set.
    pub settings: WebhookSettings,
}

/// Handles notifications.
pub struct Webhooks {
    events: Arc<dyn WebhookEvents>,
    service: Arc<Service>,
    seal: Seal,
    faults: Arc<Faults>,
    settings: WebhookSettings,
    turns: Turns,
    /// Ids on their way to the queue. What does not fit is found by the sweeper.
    fresh: mpsc::Sender<Vec<EventId>>,
}

/// What has become of a notification that was to be applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Applied {
    /// It has its end, or is parked; the reason of the latter, or of having no effect.
    Done(WebhookStatus, Option<String>),
    /// It had its end before, someone else has it or will, or it is not due yet: nothing is left to do
    /// here.
    Elsewhere,
    /// A store does not answer. It was not an attempt, and when the worker tries it again is written down.
    Later,
    /// A store does not answer, and nothing could be written down.
    Unavailable,
}

/// Batches of ids that wait for the queue at most.
const FRESH_MAX: usize = 1_024;

impl Webhooks {
    /// The handler, and the task that passes fresh ids on; both to be kept for as long as the process
    /// serves.
    pub fn new(parts: Parts) -> (Arc<Self>, impl Future<Output = ()> + Send + 'static) {
        let Parts { events, service, seal, broker, faults, settings } = parts;
        let (fresh, ids) = mpsc::channel(FRESH_MAX);
        let turns = Turns::new(settings.workers);
        let webhooks = Arc::new(Self { events, service, seal, faults, settings, turns, fresh });
        let passing = work::pass_on(broker, Arc::clone(&webhooks.service.clock), ids);
        (webhooks, passing)
    }

    /// Where notifications are kept.
    pub fn events(&self) -> &Arc<dyn WebhookEvents> {
        &self.events
    }
}
