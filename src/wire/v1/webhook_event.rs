//! Notifications of the card platform, as operators look through them: never their bodies.

use serde::Serialize;
use utoipa::ToSchema;

use super::field::Read;
use super::query::{Pairs, Query, parameter, word};
use super::terms;
use crate::domain::id::EventId;
use crate::domain::webhook::{WebhookRecord, WebhookStatus};

/// Which notifications to list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookList {
    /// Of this status.
    pub state: Option<WebhookStatus>,
    /// Before this one.
    pub cursor: Option<EventId>,
    /// Notifications of the page.
    pub limit: u32,
}

impl WebhookList {
    /// Reads the parameters of a query; each may be given once.
    pub fn parse(pairs: &Pairs) -> Read<Self> {
        const STATES: &str = "state is received, applied, ignored or parked";
        let mut query = Query::of(pairs)?;
        let list = Self {
            state: query.take("state", word(STATES, WebhookStatus::parse))?,
            cursor: query
                .take("cursor", |value| value.parse().map_err(|_| parameter("not a cursor")))?,
            limit: query.limit()?,
        };
        query.end()?;
        Ok(list)
    }
}

/// A notification as it is answered.
#[derive(Serialize, ToSchema)]
pub struct WebhookEvent {
    #[schema(value_type = terms::EventId)]
    id: EventId,
    #[schema(value_type = terms::WebhookState)]
    state: &'static str,
    /// Why it is parked or ignored.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// Of events.
    family: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    r#type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    #[schema(value_type = Option<terms::Timestamp>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    occurred_at: Option<String>,
    #[schema(value_type = terms::Timestamp)]
    received_at: String,
    attempts: u32,
    #[schema(value_type = Option<terms::Timestamp>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    next_attempt_at: Option<String>,
}

impl From<WebhookRecord> for WebhookEvent {
    fn from(record: WebhookRecord) -> Self {
        Self {
            id: record.id,
            state: record.status.as_str(),
            reason: record.reason,
            family: record.family,
            r#type: record.kind,
            token: record.token,
            subject: record.subject,
            occurred_at: record.event_at.map(|at| at.to_string()),
            received_at: record.received_at.to_string(),
            attempts: record.attempts,
            next_attempt_at: record.next_at.map(|at| at.to_string()),
        }
    }
}

/// A page of notifications.
#[derive(Serialize, ToSchema)]
pub struct WebhookPage {
    /// The notifications.
    pub items: Vec<WebhookEvent>,
    /// What to ask for next; absent on the last page.
    #[schema(value_type = Option<terms::EventId>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<EventId>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(query: &[(&str, &str)]) -> Read<WebhookList> {
        let pairs: Vec<_> =
            query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        WebhookList::parse(&pairs)
    }

    #[test]
    fn a_query_is_read_and_nonsense_refused() {
        let asked = list(&[("state", "parked"), ("limit", "7")]).unwrap();
        assert_eq!((asked.state, asked.limit), (Some(WebhookStatus::Parked), 7));
        assert_eq!(list(&[]).unwrap().limit, 50);
        for query in [
            &[("state", "gone")][..],
            &[("state", "parked"), ("state", "parked")],
            &[("limit", "0")],
            &[("limit", "201")],
            &[("cursor", "dlq_1")],
            &[("status", "parked")],
        ] {
            assert_eq!(list(query).unwrap_err().code, "invalid_parameter", "{query:?}");
        }
    }
}
