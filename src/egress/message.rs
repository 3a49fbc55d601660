//! Events as messages of the exchange `events`.

use std::collections::BTreeMap;

use crate::broker::topology::Exchange;
use crate::broker::{Message, Outgoing, Target};
use crate::domain::event::Event;
use crate::store::outbox::Place;
use crate::wire::v1::event;
use crate::wire::v1::event::CONTENT_TYPE;

/// The header that tells a subscriber where an event stands among those of its key: texts that are
/// greater come later. An event may come twice, and after a failure of the broker it may come again
/// behind later ones; whoever has seen a greater place of the key has seen this event.
pub const PLACE: &str = "tollgate-place";

/// The header with the event's key.
pub const KEY: &str = "tollgate-key";

/// An event from the outbox. Its id is the message's, its type the routing key.
pub(super) fn of(event: &Event, place: Option<Place>) -> Outgoing {
    let mut headers = BTreeMap::from([(KEY.to_owned(), event.key.clone())]);
    if let Some(place) = place {
        headers.insert(PLACE.to_owned(), format!("{:020}-{:010}", place.order, place.number));
    }
    let message = Message {
        id: event.id.to_string(),
        content_type: CONTENT_TYPE.to_owned(),
        headers,
        published_ms: Some(event.at.as_micros() / 1_000),
        body: event::Event::from(event).body().into(),
        ..Message::default()
    };
    Outgoing { target: Target::Topic(Exchange::Events, event.kind.clone()), message }
}
