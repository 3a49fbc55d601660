//! Events, as subscribers read them.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::domain::event;
use crate::domain::id::EventId;

/// The media type of an event's body.
pub const CONTENT_TYPE: &str = "application/json";

/// An event: one JSON object, the same on every queue and feed.
#[derive(Serialize)]
pub struct Event<'a> {
    id: EventId,
    #[serde(rename = "type")]
    kind: &'a str,
    version: u16,
    key: &'a str,
    at: String,
    payload: &'a RawValue,
}

impl<'a> From<&'a event::Event> for Event<'a> {
    fn from(event: &'a event::Event) -> Self {
        Self {
            id: event.id,
            kind: &event.kind,
            version: event.version,
            key: &event.key,
            at: event.at.to_string(),
            payload: &event.payload,
        }
    }
}

impl Event<'_> {
    /// The body.
    pub fn body(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default() // texts and numbers: there is nothing to fail
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Timestamp;

    #[test]
    fn an_event_is_one_object_with_its_payload_as_it_was_told() {
        let event = event::Event {
            id: "evt_01901234567878ab8def0123456789ab".parse().unwrap(),
            kind: "card.issued".into(),
            version: 1,
            key: "crd_01901234567878ab8def0123456789ab".into(),
            at: Timestamp::from_micros(1_795_176_000_000_001),
            payload: RawValue::from_string(r#"{"a": 1}"#.into()).unwrap(),
        };
        let body = String::from_utf8(Event::from(&event).body()).unwrap();
        let expected = r#"{"id":"evt_01901234567878ab8def0123456789ab","type":"card.issued","version":1,"key":"crd_01901234567878ab8def0123456789ab","at":"2026-11-20T12:00:00.000001Z","payload":{"a": 1}}"#;
        assert_eq!(body, expected);
    }
}
