//! Port to the notifications of the card platform: kept raw before anything else, each once, then
//! handed out to workers with a lease, and remembered long enough to know every repeat.

use crate::domain::id::EventId;
use crate::domain::time::Timestamp;
use crate::domain::webhook::{
    ClaimedWebhook, Kept, NewWebhook, WebhookEnd, WebhookRecord, WebhookStatus,
};

use super::StoreFuture;

/// What a worker asks for.
#[derive(Clone, Debug)]
pub struct Claim {
    /// Which notifications.
    pub which: Which,
    /// The keys that this process can open.
    pub key_ids: Vec<String>,
    /// The time here; a server has its own.
    pub now: Timestamp,
    /// How long nobody else may have them, in microseconds.
    pub lease_us: i64,
}

/// Which notifications are claimed.
#[derive(Clone, Copy, Debug)]
pub enum Which {
    /// This one, if it is still to be applied and nobody has it.
    One(EventId),
    /// At most so many of those that are due and that nobody has, the oldest first.
    Due {
        /// How many.
        rows_max: u32,
    },
}

/// Notifications.
pub trait WebhookEvents: Send + Sync {
    /// Keeps notifications, all or none of those that are new, and says what came of each, in order.
    fn keep(&self, events: Vec<NewWebhook>) -> StoreFuture<'_, Vec<Kept>>;

    /// Hands out notifications. What is not settled within the lease is handed out again.
    fn claim(&self, claim: Claim) -> StoreFuture<'_, Vec<ClaimedWebhook>>;

    /// Says what has become of one.
    fn settle(&self, id: EventId, end: WebhookEnd) -> StoreFuture<'_, ()>;

    /// Whether a later transition of this subject is known that has been applied, or will be.
    fn superseded<'a>(&'a self, subject: &'a str, than: Timestamp) -> StoreFuture<'a, bool>;

    /// Notifications of a status, or all, the latest first: those before this one, at most so many.
    fn list(
        &self,
        status: Option<WebhookStatus>,
        before: Option<EventId>,
        rows_max: u32,
    ) -> StoreFuture<'_, Vec<WebhookRecord>>;

    /// One notification.
    fn one(&self, id: EventId) -> StoreFuture<'_, Option<WebhookRecord>>;

    /// Makes a parked one due, now (a server has its own time) and with all its attempts before it.
    /// `false`: there is none, or it is not parked.
    fn retry(&self, id: EventId, now: Timestamp) -> StoreFuture<'_, bool>;

    /// How many there are of each status.
    fn counts(&self) -> StoreFuture<'_, Vec<(WebhookStatus, u64)>>;

    /// Forgets at most `rows_max` that arrived before `before` and are done; says how many.
    fn forget_before(&self, before: Timestamp, rows_max: u32) -> StoreFuture<'_, u64>;
}
