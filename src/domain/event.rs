//! Events: one shape for the outbox, queues and the live feed.

use serde::{Deserialize, Serialize};

use super::id::EventId;
use super::time::Timestamp;

/// The version of every payload below.
pub const EVENT_VERSION: u16 = 1;

/// Something that happened, told in the transaction in which it happened.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Event {
    /// Its id.
    pub id: EventId,
    /// What happened: `authorization.approved`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The version of the payload's shape.
    pub version: u16,
    /// Events of one key keep their order.
    pub key: String,
    /// When it happened.
    pub at: Timestamp,
    /// The details, one JSON object. Never personal data.
    pub payload: Box<serde_json::value::RawValue>,
}
