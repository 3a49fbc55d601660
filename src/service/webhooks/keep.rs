//! Keeping: every element of a body, sealed, before anything else is done with it.

use std::borrow::Cow;

use super::Webhooks;
use crate::domain::decision::Fingerprint;
use crate::domain::id::EventId;
use crate::domain::webhook::{Kept, NewWebhook, WebhookStatus};
use crate::service::error::Error;
use crate::telemetry::card_data::{Place, What, seen};
use crate::telemetry::faults::Fault;
use crate::telemetry::webhooks;
use crate::wire::card_data::{TEXT_REMOVED, may_be_in};
use crate::wire::marqeta::notification::element::{Content, Element, read};
use crate::wire::marqeta::notification::{Family, Raw};
use crate::wire::scan::scan;

/// Why a notification is parked that is not the one which is kept under its token and state.
pub(super) const CONFLICT: &str = "conflict";

/// What came of a body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    /// New, and to be applied.
    pub accepted: usize,
    /// Kept before.
    pub duplicates: usize,
    /// New, and without effect.
    pub ignored: usize,
    /// New, and not to be understood: for a person to look at.
    pub parked: usize,
    /// Others are kept under their tokens. These are kept beside them, for a person to compare.
    pub conflicts: usize,
    /// Answered with their echo, and not kept.
    pub pings: usize,
}

impl Webhooks {
    /// Keeps the elements of a body. When this returns they are on disk.
    pub async fn keep(&self, elements: &[Raw<'_>]) -> Result<Receipt, Error> {
        let mut receipt = Receipt::default();
        let mut events: Vec<NewWebhook> = Vec::with_capacity(elements.len());
        let mut raws = Vec::with_capacity(elements.len());
        for raw in elements {
            if raw.family == Family::Ping {
                without_card_data(raw.text); // told of, though nothing is kept of it either way
                receipt.pings += 1;
            } else {
                events.push(self.event(*raw)?);
                raws.push(*raw);
            }
        }
        if events.is_empty() {
            return Ok(receipt);
        }
        let told: Vec<_> = events.iter().map(|it| (it.id, it.family, it.status)).collect();
        let kept = self.events.keep(events).await?;
        let (mut fresh, mut others) = (Vec::new(), Vec::new());
        for (((id, family, status), kept), raw) in told.into_iter().zip(kept).zip(raws) {
            let counted = match (kept, status) {
                (Kept::New, WebhookStatus::Received) => {
                    fresh.push(id);
                    receipt.accepted += 1;
                    "received"
                }
                (Kept::New, WebhookStatus::Ignored) => {
                    receipt.ignored += 1;
                    "ignored"
                }
                (Kept::New, WebhookStatus::Parked | WebhookStatus::Applied) => {
                    self.faults.tell(Fault::NotificationParked, self.service.clock.now());
                    receipt.parked += 1;
                    "parked"
                }
                (Kept::Duplicate, _) => {
                    receipt.duplicates += 1;
                    "duplicate"
                }
                (Kept::Conflict, _) => {
                    others.push(raw);
                    receipt.conflicts += 1;
                    "conflict"
                }
            };
            webhooks::count(family, counted);
        }
        self.enqueue(fresh);
        self.keep_others(&others).await?;
        Ok(receipt)
    }

    /// Keeps, parked, what is not the same as what is kept under its token and state. Its effects are
    /// none: one of the two is not the platform's, and only a person can say which.
    async fn keep_others(&self, others: &[Raw<'_>]) -> Result<(), Error> {
        if others.is_empty() {
            return Ok(());
        }
        let events: Result<Vec<_>, Error> = others.iter().map(|raw| self.other(*raw)).collect();
        let events = events?;
        let families: Vec<&str> = events.iter().map(|event| event.family).collect();
        let kept = self.events.keep(events).await?;
        for (family, kept) in families.into_iter().zip(kept) {
            if kept == Kept::New {
                self.faults.tell(Fault::NotificationConflict, self.service.clock.now());
                tracing::error!(
                    event.family = family,
                    "another notification under a known token: parked"
                );
            }
        }
        Ok(())
    }

    /// Under a key that tells what it says: each once.
    fn other(&self, raw: Raw<'_>) -> Result<NewWebhook, Error> {
        let event = self.event(raw)?;
        Ok(NewWebhook {
            key: format!("{}:!{}", event.key, event.fingerprint),
            status: WebhookStatus::Parked,
            reason: Some(CONFLICT.to_owned()),
            due_at: None,
            ..event
        })
    }

    /// Hands fresh ids over. Nobody waits: what does not fit, or gets lost, the sweeper finds.
    pub(super) fn enqueue(&self, ids: Vec<EventId>) {
        if !ids.is_empty() && self.fresh.try_send(ids).is_err() {
            tracing::debug!("the way to the queue is full; the sweeper will find what was kept");
        }
    }

    fn event(&self, raw: Raw<'_>) -> Result<NewWebhook, Error> {
        let now = self.service.clock.now();
        let id = EventId::new(self.service.clock.uuid());
        let (kept, element) = taken_apart(raw, id);
        let body = self.seal.close(id.uuid().as_bytes(), kept.as_bytes());
        let (status, reason) = match &element.content {
            Ok(Content::Nothing(why)) => (WebhookStatus::Ignored, Some((*why).to_owned())),
            Ok(Content::Transaction(_, told)) => match told.nothing() {
                Some(why) => (WebhookStatus::Ignored, Some(why.to_owned())),
                None => (WebhookStatus::Received, None),
            },
            Ok(Content::Card(_) | Content::User(_) | Content::Company(_)) => {
                (WebhookStatus::Received, None)
            }
            Err(why) => (WebhookStatus::Parked, Some((*why).to_owned())),
        };
        let grace_us = i64::try_from(self.settings.grace.as_micros()).unwrap_or(i64::MAX);
        Ok(NewWebhook {
            id,
            key: element.key,
            fingerprint: element.fingerprint,
            family: element.family.as_str(),
            token: element.token,
            kind: element.kind,
            subject: element.subject,
            event_at: element.at,
            received_at: now,
            status,
            reason,
            due_at: (status == WebhookStatus::Received).then(|| now.plus_micros(grace_us)),
            body: body.map_err(|error| Error::Internal(Box::new(error)))?,
        })
    }
}

/// What is kept of an element, and what it tells. One of which nothing can be kept is read as it came, to be
/// parked for what is wrong with it, and named by its event's id alone: a hash of its text could be searched
/// for the card number in it. Should it come again, it is parked again.
fn taken_apart(raw: Raw<'_>, id: EventId) -> (Cow<'_, str>, Element) {
    let kept = without_card_data(raw.text);
    if kept != TEXT_REMOVED {
        let element = read(Raw { text: &kept, ..raw });
        return (kept, element);
    }
    let fingerprint = Fingerprint::of(&[&id.to_string()]);
    let key = format!("{}:#{fingerprint}", raw.family.as_str());
    (kept, Element { key, fingerprint, ..read(raw) })
}

/// An element without card data, which is not kept, sealed or not.
fn without_card_data(text: &str) -> Cow<'_, str> {
    match scan(text.as_bytes()) {
        Ok(found) => {
            seen(Place::Notification, What::Number, found.numbers);
            seen(Place::Notification, What::Secret, found.secrets);
            seen(Place::Notification, What::Identifier, found.identifiers);
            if !found.must_go() {
                return Cow::Borrowed(text);
            }
            let rest = found.removed_from(text.as_bytes());
            String::from_utf8(rest).map_or(Cow::Borrowed(TEXT_REMOVED), Cow::Owned)
        }
        Err(_) if may_be_in(text) => {
            seen(Place::Notification, What::Number, 1);
            Cow::Borrowed(TEXT_REMOVED)
        }
        Err(_) => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_of_an_element_has_no_card_data() {
        for (sent, kept) in [
            (r#"{"a":"4111111111111111","token":"t"}"#, r#"{"a":null,"token":"t"}"#),
            (r#"{"a":1,"a":"4111111111111111"}"#, TEXT_REMOVED),
            (r#""4111111111111111""#, TEXT_REMOVED),
            (r#"{"a":1,"a":2}"#, r#"{"a":1,"a":2}"#),
            (r#"{"token":"4111111111111111"}"#, r#"{"token":"4111111111111111"}"#),
        ] {
            assert_eq!(without_card_data(sent), kept, "{sent}");
        }
    }

    #[test]
    fn no_hash_of_a_card_number_is_kept() {
        let text = r#""4111111111111111""#;
        let raw = Raw { family: Family::Transaction, text };
        let (kept, element) = taken_apart(raw, EventId::new(uuid::Uuid::from_u128(7)));
        assert_eq!((&*kept, element.token), (TEXT_REMOVED, None));
        assert_eq!(element.content, read(raw).content, "parked for the same reason");
        let hash = Fingerprint::of(&[text]);
        assert_eq!(read(raw).fingerprint, hash);
        assert_ne!(element.fingerprint, hash);
        assert!(!element.key.contains(&hash.to_string()), "{}", element.key);
        assert!(element.key.starts_with("transactions:#"), "{}", element.key);
    }
}
